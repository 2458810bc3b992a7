#include "codec/head.hpp"

#include "codec/colour.hpp"

namespace dicompress {

namespace {

constexpr std::int32_t offset = 1 << 17;  // added to values that may be negative

void put_runs(Bytes& to, const Runs& runs, std::int32_t low) {
    put_varint(to, runs.size());
    for (const auto& [first, last] : runs) {
        put_varint(to, static_cast<std::uint64_t>(first - low));
        put_varint(to, static_cast<std::uint64_t>(last - first));
        low = last;
    }
}

// A number that cannot be a value is as good as any other that cannot.
std::int64_t value(Reader& reader) { return static_cast<std::int64_t>(std::min<std::uint64_t>(reader.varint(), 1u << 30)); }

std::string range(std::int64_t low, std::int64_t high) { return std::to_string(low) + " to " + std::to_string(high); }

Runs read_runs(Reader& reader, std::int64_t low, std::int64_t high) {
    const std::uint64_t count = reader.varint();
    if (count > most_runs)
        throw StreamError(std::to_string(count) + " runs of exact values are claimed; at most " +
                          std::to_string(most_runs) + " are possible");
    Runs runs;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::int64_t first = low + value(reader);
        low = first + value(reader);
        if (low > high) throw StreamError("exact values lie outside the value range");
        runs.emplace_back(first, low);
    }
    return runs;
}

}  // namespace

Bytes write_head(const Head& head, int sample, std::int32_t near) {
    Bytes bytes;
    put_varint(bytes, static_cast<std::uint64_t>(head.references));
    for (int i = 0; i < head.references; ++i) put_signed(bytes, head.distances[static_cast<std::size_t>(i)]);
    put_little_endian(bytes, head.digest);
    for (int i = 0; i < sample; ++i) put_signed(bytes, head.coefficients[static_cast<std::size_t>(i)]);
    if (sample && near)
        for (std::int32_t limit : {head.least, head.greatest}) put_varint(bytes, static_cast<std::uint64_t>(limit + offset));
    put_varint(bytes, static_cast<std::uint64_t>(head.low + offset));
    put_varint(bytes, static_cast<std::uint64_t>(head.high - head.low));
    if (head.constant()) return bytes;
    if (near) put_runs(bytes, head.exact, head.low);
    for (ByteSpan part : {head.table, head.header}) {
        put_varint(bytes, part.size());
        put(bytes, part);
    }
    return bytes;
}

Head read_head(Reader& reader, int sample, const Facts& facts) {
    Head head;
    const std::uint64_t references = reader.varint();
    if (references > most_references)
        throw StreamError("a plane leans on " + std::to_string(references) + " others; at most " +
                          std::to_string(most_references) + " are possible");
    head.references = static_cast<int>(references);
    for (int i = 0; i < head.references; ++i) head.distances[static_cast<std::size_t>(i)] = reader.signed_varint();
    head.digest = reader.little_endian<std::uint64_t>();
    for (int i = 0; i < sample; ++i) {
        const std::int64_t coefficient = reader.signed_varint();
        if (std::abs(coefficient) > colour::largest) throw StreamError("the coefficients of a plane are too large");
        head.coefficients[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(coefficient);
    }
    const std::int32_t least = lowest(facts.type), greatest = highest(facts.type);
    if (sample && facts.near) {
        const std::int64_t first = value(reader) - offset, last = value(reader) - offset;
        if (!(least <= first && first <= last && last <= greatest))
            throw StreamError("limits of " + range(first, last) + " do not fit into " + name_of(facts.type) + " pixels");
        head.least = static_cast<std::int32_t>(first), head.greatest = static_cast<std::int32_t>(last), head.limited = true;
    }
    const std::int64_t low = value(reader) - offset, high = low + value(reader);
    const std::int32_t bottom = sample ? -colour::limit : least, top = sample ? colour::limit : greatest;
    if (!(bottom <= low && low <= high && high <= top) || high - low > colour::limit)
        throw StreamError("a value range of " + range(low, high) + " does not fit into " + name_of(facts.type) + " pixels");
    head.low = static_cast<std::int32_t>(low), head.high = static_cast<std::int32_t>(high);
    if (head.constant()) {
        if (references) throw StreamError("a plane of a single value leans on others");
        return head;
    }
    if (facts.near) head.exact = read_runs(reader, low, high);
    head.table = reader.take(reader.varint());
    head.header = reader.take(reader.varint());
    return head;
}

}  // namespace dicompress
