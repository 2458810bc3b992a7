#include "pyramid/header.hpp"

#include <cstdlib>
#include <string>

namespace dicompress::pyramid {

namespace {

void write_blend(Bytes& to, const Blend& blend, std::size_t references) {
    for (std::size_t k = 0; k < references; ++k) put_signed(to, blend.gains[k]);
    put_signed(to, blend.offset);
}

Blend read_blend(Reader& reader, std::size_t references) {
    Blend blend;
    bool possible = true;
    std::string gains;
    for (std::size_t k = 0; k < references; ++k) {
        blend.gains[k] = reader.signed_varint();
        possible = possible && std::abs(blend.gains[k]) <= most_gain;
        gains += (k ? ", " : "") + std::to_string(blend.gains[k]);
    }
    blend.offset = reader.signed_varint();
    if (!possible || std::abs(blend.offset) > most_offset)
        throw StreamError("a reference cannot be weighted by [" + gains + "] and " + std::to_string(blend.offset));
    return blend;
}

// Twice the scale, plus 1 if coefficients follow: all but the first. Of a plane that leans on others, how many
// coefficients for these are not the zeros at their end, and these.
void write_filter(Bytes& to, int phase, const Filter& filter, bool leans) {
    put_varint(to, static_cast<std::uint64_t>(filter.scale) * 2 + filter.fitted());
    if (filter.fitted())
        for (std::size_t k = 1; k < supports(phase).size(); ++k) put_signed(to, filter.coefficients[k]);
    if (!leans) return;
    std::size_t count = reference_supports(phase).size();
    while (count && filter.of_reference[count - 1] == 0) --count;
    put_varint(to, count);
    for (std::size_t k = 0; k < count; ++k) put_signed(to, filter.of_reference[k]);
}

// Reads coefficients; `sum` is of their magnitudes.
std::int32_t read_coefficient(Reader& reader, std::int32_t& sum, std::int32_t most) {
    const std::int64_t found = reader.signed_varint();
    if (std::abs(found) > most - sum) throw StreamError("the coefficients of a filter are too large");
    sum += static_cast<std::int32_t>(std::abs(found));
    return static_cast<std::int32_t>(found);
}

std::int32_t checked_scale(std::uint64_t scale) {
    if (scale < static_cast<std::uint64_t>(least_scale) || scale > static_cast<std::uint64_t>(most_scale))
        throw StreamError("a deviation of " + std::to_string(scale) + " / 256 is not possible");
    return static_cast<std::int32_t>(scale);
}

Filter read_filter(Reader& reader, int phase, bool leans) {
    Filter filter;
    const std::uint64_t code = reader.varint();
    if (code & 1) {
        std::int32_t sum = 0, rest = 0;
        for (std::size_t k = 1; k < supports(phase).size(); ++k)
            rest += filter.coefficients[k] = read_coefficient(reader, sum, largest_sum);
        filter.coefficients[0] = one / 2 - rest;
        if (sum + std::abs(filter.coefficients[0]) > largest_sum)
            throw StreamError("the coefficients of a filter are too large");
    }
    if (leans) {
        const std::uint64_t count = reader.varint();
        const std::size_t most = reference_supports(phase).size();
        if (count > most)
            throw StreamError(std::to_string(count) + " coefficients for a reference are claimed; at most " +
                              std::to_string(most) + " are possible");
        std::int32_t sum = 0;
        for (std::size_t k = 0; k < count; ++k)
            filter.of_reference[k] = read_coefficient(reader, sum, largest_of_reference);
    }
    filter.scale = checked_scale(code >> 1);
    return filter;
}

}  // namespace

Bytes write_header(const Header& header, std::size_t references) {
    Bytes to;
    put_varint(to, static_cast<std::uint64_t>(header.top_scale));
    put_varint(to, header.blocks);
    if (references) write_blend(to, header.blend, references);
    for (const Filters& filters : header.levels)
        for (int phase = 1; phase <= phases; ++phase)
            write_filter(to, phase, filters[static_cast<std::size_t>(phase) - 1], references > 0);
    return to;
}

Header read_header(ByteSpan bytes, int levels, std::size_t references) {
    Reader reader(bytes);
    Header header;
    header.top_scale = checked_scale(reader.varint());
    header.blocks = reader.varint() != 0;
    if (references) header.blend = read_blend(reader, references);
    for (int level = 0; level < levels; ++level) {
        Filters& filters = header.levels.emplace_back();
        for (int phase = 1; phase <= phases; ++phase)
            filters[static_cast<std::size_t>(phase) - 1] = read_filter(reader, phase, references > 0);
    }
    reader.finish();
    return header;
}

}  // namespace dicompress::pyramid
