// A stream taken apart (docs/format.md).
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "codec/pixels.hpp"
#include "codec/tiles.hpp"
#include "model/model.hpp"

namespace dicompress {

inline constexpr int most_samples = 4;
inline constexpr int most_levels = 6;
inline constexpr int most_references = 2;
inline constexpr std::int32_t most_near = 255;
inline constexpr std::size_t most_runs = 16;

// What the tiles of a plane share.
struct Head {
    std::uint64_t digest = 0;
    std::int32_t low = 0, high = 0;  // of the coded values
    ByteSpan table, header;          // of a sparse histogram, or empty; the model's
    Runs exact;                      // in a near-lossless stream
    std::array<std::int32_t, most_samples - 1> coefficients{};  // of the samples before (colour.hpp)
    std::int32_t least = 0, greatest = 0;  // of decoded pixels, where errors could leave the pixels' range
    bool limited = false;
    int references = 0;  // how many planes it leans on, and how far before it these lie; negative behind it
    std::array<std::int64_t, most_references> distances{};

    bool constant() const { return low == high; }  // all coded values are one: the head is all there is of the plane
    bool alone() const { return constant() && !leans_on_samples(); }  // so that one pixel is as all others
    bool leans_on_samples() const {
        for (std::int32_t c : coefficients)
            if (c) return true;
        return false;
    }
    // A decoded value as a pixel. Throws StreamError if it cannot be one.
    std::int32_t pixel(PixelType type, std::int32_t value) const {
        if (limited) return std::clamp(value, least, greatest);
        if (value < lowest(type) || value > highest(type))
            throw StreamError("decoded values do not fit into " + name_of(type) + " pixels");
        return value;
    }
};

// What a stream begins with.
struct Facts {
    Hash model_hash{};
    PixelType type = PixelType::u8;
    int bits_stored = 0;
    std::optional<std::int64_t> frames;  // none for an array of a single image
    Shape shape;
    int samples = 1;
    std::int32_t near = 0;
    std::vector<std::uint64_t> outer;  // digests of planes -1, -2: decoded before, from other streams

    std::int64_t frame_count() const { return frames.value_or(1); }
    std::int64_t plane_count() const { return frame_count() * samples; }
};

// The chunks of one level: chunk i is data[edges[i], edges[i + 1]).
struct Section {
    ByteSpan data;
    std::pmr::vector<std::size_t> edges;

    ByteSpan chunk(std::size_t number) const {
        return data.subspan(edges[number], edges[number + 1] - edges[number]);
    }
};

struct Stream : Facts {
    explicit Stream(std::pmr::memory_resource* memory) : heads(memory), first_chunks(memory), sections(memory) {}

    int levels = 0;
    std::pmr::vector<Head> heads;               // one a plane: the samples of the first frame, those of the second
    std::pmr::vector<std::size_t> first_chunks;  // of every plane in every section; then the number of all chunks
    std::pmr::vector<Section> sections;          // of levels L, L - 1 ..., as many as were read
    std::vector<std::uint64_t> level_bytes;      // how many bytes of the stream each level needs, level 0 first

    // The stream's planes that must be decoded before plane `number`: those it leans on, and samples before it that say something of it.
    std::vector<std::int64_t> needs(std::int64_t number) const {
        const Head& head = heads[static_cast<std::size_t>(number)];
        std::vector<std::int64_t> found;
        for (int i = 0; i < head.references; ++i)
            if (const std::int64_t n = number - head.distances[static_cast<std::size_t>(i)]; n >= 0) found.push_back(n);
        if (head.leans_on_samples())
            for (std::int64_t n = number - number % samples; n < number; ++n) found.push_back(n);
        return found;
    }
};

}  // namespace dicompress
