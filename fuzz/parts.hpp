// Streams taken apart and put together with right lengths and checksums, and what is changed in between.
#pragma once

#include <array>
#include <random>

#include "base/crc32.hpp"

namespace fuzz {

using dicompress::Bytes;
using dicompress::ByteSpan;
using dicompress::Reader;

inline constexpr std::uint64_t hostile[] = {
    0, 1, 2, 3, 7, 16, 63, 64, 127, 128, 255, 256, 1023, 1024, 16384, 32768, 65535, 65536, 131072, 1u << 24, 1u << 29, (1u << 31) - 1,
    std::uint64_t{1} << 31, (std::uint64_t{1} << 32) - 1, std::uint64_t{1} << 32, (std::uint64_t{1} << 62) + 1, (std::uint64_t{1} << 63) - 1,
};

struct Parts {
    // False if it cannot be: checksums and the insides of heads and sections are not looked at.
    bool take_apart(ByteSpan data) {
        try {
            Reader reader(data);
            start = to_bytes(reader.take(start_bytes));
            for (std::uint64_t& number : numbers) number = reader.varint();
            std::vector<std::uint64_t> sizes = {reader.varint()};
            for (std::uint64_t k = 0; k <= numbers.back() && k <= 6; ++k) sizes.push_back(reader.varint());
            reader.take(4);
            Reader inside(reader.take(sizes[0]));
            while (inside.left()) heads.push_back(to_bytes(inside.take(inside.varint())));
            reader.take(4);
            for (std::size_t k = 1; k < sizes.size(); ++k) sections.push_back(to_bytes(reader.take(sizes[k]))), reader.take(4);
            return true;
        } catch (const dicompress::Error&) {
            return false;
        }
    }

    Bytes join() const {
        Bytes all_heads, stream = start;
        for (const Bytes& head : heads) put_varint(all_heads, head.size()), put(all_heads, head);
        for (std::uint64_t number : numbers) put_varint(stream, number);
        put_varint(stream, all_heads.size());
        for (const Bytes& section : sections) put_varint(stream, section.size());
        dicompress::put_little_endian(stream, dicompress::crc32(stream));
        for (const Bytes* part : parts(all_heads)) put(stream, *part), dicompress::put_little_endian(stream, dicompress::crc32(*part));
        return stream;
    }

    // One thing. mutate: a part's bytes.
    template <class Mutate>
    void change(unsigned seed, const Mutate& mutate) {
        std::minstd_rand chance(seed);
        const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(chance()) / 7 % limit; };
        switch (below(10)) {
            case 0:
                numbers[below(numbers.size())] = hostile[below(std::size(hostile))];
                return;
            case 1:
                start[std::array{4, 5, 6, 15}[below(4)]] = static_cast<std::uint8_t>(below(20));
                return;
            case 2:
                numbers[0] += 1, heads.push_back(heads.empty() ? Bytes() : heads[below(heads.size())]);
                return;
            case 3:
                if (heads.size() > 1) std::swap(heads[below(heads.size())], heads[below(heads.size())]);
                return;
            case 4: case 5: case 6:
                if (!heads.empty()) mutate(heads[below(heads.size())]);
                return;
            default: {
                if (sections.empty()) return;
                Bytes& section = sections[below(sections.size())];
                if (below(3) == 0 || !mutate_chunk(section, below, mutate)) mutate(section);
            }
        }
    }

private:
    static constexpr std::size_t start_bytes = 4 + 1 + 2 + 8 + 1;

    static Bytes to_bytes(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

    std::vector<const Bytes*> parts(const Bytes& all_heads) const {
        std::vector<const Bytes*> found = {&all_heads};
        for (const Bytes& section : sections) found.push_back(&section);
        return found;
    }

    // What a section of a single chunk holds, behind its length.
    template <class Below, class Mutate>
    static bool mutate_chunk(Bytes& section, const Below&, const Mutate& mutate) {
        try {
            Reader reader(section);
            const std::uint64_t length = reader.varint();
            if (length != reader.left()) return false;
            Reader inside(reader.take(length));
            std::vector<Bytes> tensors;
            while (inside.left()) tensors.push_back(to_bytes(inside.take(inside.varint())));
            if (tensors.empty()) return false;
            mutate(tensors[section.size() % tensors.size()]);
            Bytes chunk;
            for (const Bytes& tensor : tensors) put_varint(chunk, tensor.size()), put(chunk, tensor);
            section.clear();
            put_varint(section, chunk.size()), put(section, chunk);
            return true;
        } catch (const dicompress::Error&) {
            return false;
        }
    }

    Bytes start;
    std::array<std::uint64_t, 6> numbers{};  // frames, rows, columns, samples, near, levels
    std::vector<Bytes> heads, sections;
};

}  // namespace fuzz
