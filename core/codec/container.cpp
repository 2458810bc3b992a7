#include "codec/container.hpp"

#include <algorithm>
#include <limits>

#include "base/crc32.hpp"
#include "codec/head.hpp"
#include "codec/references.hpp"
#include "coder/coder.hpp"

namespace dicompress {

namespace {

constexpr std::uint8_t magic[] = {'D', 'C', 'M', 'P'};
constexpr std::uint8_t version = 4;
constexpr std::size_t crc_bytes = 4;
constexpr std::size_t head_bytes = 2 + 8 + 2;  // the shortest head of a plane, with its length
constexpr std::uint8_t leans_out = 4;  // added to the pixel type
constexpr std::uint64_t most_frame_pixels = std::uint64_t{1} << 29;

// Streams that the Python package puts together, and what they hold (docs/format.md).
struct Other {
    std::uint8_t magic[4];
    const char* holds;
};
constexpr Other others[] = {
    {{'D', 'C', 'X', 'L'}, "holds JPEG XL"},
    {{'D', 'C', 'L', 'B'}, "holds few values"},
    {{'D', 'C', 'X', 'W'}, "holds values of 32 or 64 bits"},
};

void put_checked(Bytes& to, ByteSpan part) {
    put(to, part);
    put_little_endian(to, crc32(part));
}

void check(Reader& reader, ByteSpan content, const std::string& name) {
    if (reader.little_endian<std::uint32_t>() != crc32(content))
        throw StreamError("the stream is damaged: the CRC-32 of " + name + " does not agree");
}

ByteSpan take(Reader& reader, std::uint64_t count, const std::string& name) {
    const ByteSpan content = reader.take(count);
    check(reader, content, name);
    return content;
}

void check_size(const Facts& facts, std::uint64_t frames, std::uint64_t rows, std::uint64_t columns, const Limits& limits) {
    const std::string claim = std::to_string(frames) + " x " + std::to_string(rows) + " x " + std::to_string(columns) +
                              " pixels of " + std::to_string(facts.samples) + " samples";
    const std::uint64_t most = most_frame_pixels;
    if (rows > most || columns > most || rows * columns > most ||
        frames > limits.pixels / static_cast<std::uint64_t>(facts.samples) / (rows * columns))
        throw LimitError(claim + "; the limit is " + std::to_string(most) + " pixels a frame and " +
                         std::to_string(limits.pixels) + " samples in all");
}

Facts read_facts(Reader& reader, const Limits& limits) {
    Facts facts;
    const std::uint8_t code = reader.byte(), kind = code & ~leans_out;
    facts.bits_stored = reader.byte();
    if (kind > 3 || facts.bits_stored < 1 || facts.bits_stored > 8 * bytes_of(static_cast<PixelType>(kind)))
        throw StreamError("pixel type " + std::to_string(code) + " with " + std::to_string(facts.bits_stored) +
                          " bits stored is not possible");
    facts.type = static_cast<PixelType>(kind);
    std::ranges::copy(reader.take(facts.model_hash.size()), facts.model_hash.begin());
    const std::uint8_t revision = reader.byte();
    if (revision != coder_revision)
        throw Error(Kind::unknown_model, "the stream was written by revision " + std::to_string(revision) +
                                             " of the coder; this dicompress has revision " + std::to_string(coder_revision));
    const std::uint64_t frames = reader.varint(), rows = reader.varint(), columns = reader.varint(),
                        samples = reader.varint(), near = reader.varint();
    if (!rows || !columns)
        throw StreamError("an image of " + std::to_string(rows) + " x " + std::to_string(columns) + " pixels is not possible");
    if (samples < 1 || samples > most_samples || near > static_cast<std::uint64_t>(most_near))
        throw StreamError(std::to_string(samples) + " samples a pixel with errors up to " + std::to_string(near) +
                          " are not possible");
    facts.samples = static_cast<int>(samples), facts.near = static_cast<std::int32_t>(near);
    if (code & leans_out) {
        const std::uint64_t count = reader.varint();
        if (count < 1 || count > most_references || samples > 1 || frames)
            throw StreamError(std::to_string(count) + " planes of other streams are claimed; an image in grey leans on one or two");
        for (std::uint64_t i = 0; i < count; ++i) facts.outer.push_back(reader.little_endian<std::uint64_t>());
    }
    check_size(facts, std::max<std::uint64_t>(frames, 1), rows, columns, limits);
    if (frames) facts.frames = static_cast<std::int64_t>(frames);
    facts.shape = {static_cast<std::int32_t>(rows), static_cast<std::int32_t>(columns)};
    return facts;
}

void read_heads(ByteSpan data, Stream& stream) {
    const auto count = static_cast<std::uint64_t>(stream.plane_count());
    if (count > data.size() / head_bytes)
        throw StreamError("the stream claims " + std::to_string(count) + " frames or samples in " +
                          std::to_string(data.size()) + " bytes of heads");
    stream.heads.reserve(count);
    Reader reader(data);
    bool leans = false;
    for (std::uint64_t number = 0; number < count; ++number) {
        Reader head(reader.take(reader.varint()));
        stream.heads.push_back(read_head(head, static_cast<int>(number % static_cast<std::uint64_t>(stream.samples)), stream));
        head.finish();
        leans |= stream.heads.back().references > 0;
    }
    reader.finish();
    if (leans) depths(stream);
    stream.first_chunks.reserve(count + 1);
    stream.first_chunks.push_back(0);
    const auto tiles = static_cast<std::uint64_t>(Tiles(stream.shape).count());
    std::uint64_t chunks = 0;
    for (const Head& head : stream.heads) {
        chunks += head.constant() ? 0 : tiles;
        if (chunks > std::numeric_limits<std::size_t>::max()) throw LimitError("more tiles than this machine can count");
        stream.first_chunks.push_back(static_cast<std::size_t>(chunks));
    }
}

Section read_section(ByteSpan data, std::size_t count, std::pmr::memory_resource* memory) {
    if (count > data.size())
        throw StreamError(std::to_string(data.size()) + " bytes cannot hold the " + std::to_string(count) + " tiles of a level");
    Section section{data, std::pmr::vector<std::size_t>(memory)};
    section.edges.resize(count + 1);
    Reader reader(data);
    for (std::size_t i = 0; i < count; ++i) section.edges[i + 1] = static_cast<std::size_t>(reader.varint());
    std::size_t end = section.edges[0] = reader.position();
    for (std::size_t i = 1; i <= count; ++i) {
        if (section.edges[i] > data.size() - end)
            throw StreamError("the tiles of a level end behind its " + std::to_string(data.size()) + " bytes");
        end = section.edges[i] += end;
    }
    if (end != data.size())
        throw StreamError("the tiles of a level end at byte " + std::to_string(end) + " of " + std::to_string(data.size()));
    return section;
}

void check_length(std::uint64_t length, const std::vector<std::uint64_t>& level_bytes, int level) {
    const auto needed = level_bytes[static_cast<std::size_t>(level)];
    if (length >= needed) return;
    std::size_t inside = 0;
    for (std::size_t k = 0; k < level_bytes.size(); ++k)
        if (length < level_bytes[k]) inside = k;
    throw StreamError("the data ends in level " + std::to_string(inside) + ", at byte " + std::to_string(length) + "; level " +
                      std::to_string(level) + " takes " + std::to_string(needed) + " bytes");
}

}  // namespace

Bytes write_stream(const Facts& facts, int levels, const std::vector<Bytes>& heads,
                   const std::vector<std::vector<Bytes>>& chunks) {
    Bytes all_heads;
    for (const Bytes& head : heads) {
        put_varint(all_heads, head.size());
        put(all_heads, head);
    }
    std::vector<Bytes> sections;
    std::size_t size = all_heads.size() + 64;
    for (const auto& level : chunks) {
        Bytes section;
        std::size_t bytes = 3 * level.size();
        for (const Bytes& chunk : level) bytes += chunk.size();
        section.reserve(bytes);
        for (const Bytes& chunk : level) put_varint(section, chunk.size());
        for (const Bytes& chunk : level) put(section, chunk);
        size += section.size() + 16;
        sections.push_back(std::move(section));
    }
    Bytes stream(std::begin(magic), std::end(magic));
    stream.reserve(size);
    for (int byte : {int{version}, static_cast<int>(facts.type) + (facts.outer.empty() ? 0 : leans_out), facts.bits_stored})
        stream.push_back(static_cast<std::uint8_t>(byte));
    put(stream, facts.model_hash);
    stream.push_back(coder_revision);
    for (std::int64_t number : {facts.frames.value_or(0), std::int64_t{facts.shape.rows}, std::int64_t{facts.shape.columns},
                                std::int64_t{facts.samples}, std::int64_t{facts.near}})
        put_varint(stream, static_cast<std::uint64_t>(number));
    if (!facts.outer.empty()) put_varint(stream, facts.outer.size());
    for (std::uint64_t digest : facts.outer) put_little_endian(stream, digest);
    put_varint(stream, static_cast<std::uint64_t>(levels));
    put_varint(stream, all_heads.size());
    for (const Bytes& section : sections) put_varint(stream, section.size());
    put_little_endian(stream, crc32(stream));
    put_checked(stream, all_heads);
    for (const Bytes& section : sections) put_checked(stream, section);
    return stream;
}

Stream read_stream(ByteSpan data, std::optional<int> level, const Limits& limits, std::pmr::memory_resource* memory) {
    Reader reader(data);
    const auto begins_with = [&](const auto& mark) {
        return data.size() >= sizeof mark && std::ranges::equal(data.first(sizeof mark), mark);
    };
    for (const Other& other : others)
        if (begins_with(other.magic))
            throw Error(Kind::unsupported, std::string("a stream that ") + other.holds +
                                               ", which this library does not decode: the Python package does (docs/format.md)");
    if (!begins_with(magic))
        throw StreamError("not a dicompress stream: it does not begin with 'DCMP'");
    reader.take(sizeof magic);
    if (const std::uint8_t found = reader.byte(); found != version)
        throw Error(Kind::unknown_model, "stream version " + std::to_string(found) + " is unknown; this dicompress reads version " +
                                             std::to_string(version));
    Stream stream(memory);
    static_cast<Facts&>(stream) = read_facts(reader, limits);
    const std::uint64_t levels = reader.varint();
    if (levels > most_levels)
        throw StreamError(std::to_string(levels) + " levels are claimed; at most " + std::to_string(most_levels) + " are possible");
    stream.levels = static_cast<int>(levels);
    const std::uint64_t heads = reader.varint();
    std::vector<std::uint64_t> section_bytes;
    for (std::uint64_t k = 0; k <= levels; ++k) section_bytes.push_back(reader.varint());
    check(reader, data.first(reader.position()), "header");
    if (level && (*level < 0 || *level > stream.levels))
        throw Error(Kind::argument, "level " + std::to_string(*level) + " is not one of the stream's: it has levels 0 to " +
                                        std::to_string(stream.levels));

    constexpr std::uint64_t most = std::uint64_t{1} << 56;  // sums of numbers that no data can hold still fit
    std::uint64_t end = reader.position() + std::min(heads, most) + crc_bytes;
    if (data.size() < end)
        throw StreamError("the data ends in the heads, at byte " + std::to_string(data.size()) + "; they end at byte " +
                          std::to_string(end));
    for (std::uint64_t bytes : section_bytes) {
        end += std::min(bytes, most) + crc_bytes;
        stream.level_bytes.insert(stream.level_bytes.begin(), end);
    }
    read_heads(take(reader, heads, "the heads"), stream);
    if (!level) return stream;
    check_length(data.size(), stream.level_bytes, *level);
    for (int k = stream.levels; k >= *level; --k)
        stream.sections.push_back(read_section(take(reader, section_bytes[static_cast<std::size_t>(stream.levels - k)],
                                                    "level " + std::to_string(k)),
                                               stream.first_chunks.back(), memory));
    if (*level == 0 && !(reader.left() == 1 && data.back() == 0)) reader.finish();  // DICOM pads items to an even length
    return stream;
}

}  // namespace dicompress
