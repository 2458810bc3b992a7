// What the encoder looks at of an image to choose by: strips of it, at every resolution.
#pragma once

#include <algorithm>
#include <vector>

#include "base/grid.hpp"
#include "model/model.hpp"
#include "model/values.hpp"

namespace dicompress::pyramid {

inline constexpr std::int32_t side = 256, strip = 64;  // pixels; larger grids are looked at on strips of themselves

// At most `side` of so many rows or columns: evenly spaced strips of them.
inline std::vector<std::int32_t> strips(std::int32_t length) {
    std::vector<std::int32_t> found;
    if (length <= side) {
        for (std::int32_t k = 0; k < length; ++k) found.push_back(k);
        return found;
    }
    constexpr std::int32_t count = side / strip;
    for (std::int32_t k = 0; k < count; ++k)
        for (std::int32_t i = 0; i < strip; ++i)
            found.push_back(k * ((length - strip) / strip) / (count - 1) * strip + i);
    return found;
}

// Of the image at 1/2^level resolution.
inline Grid<std::int32_t> sample(const Source& image, int level, std::pmr::memory_resource* memory) {
    const Shape shape = reduced(image.shape, level);
    std::vector<std::int32_t> rows = strips(shape.rows), columns = strips(shape.columns);
    for (auto* numbers : {&rows, &columns})
        for (std::int32_t& number : *numbers) number <<= level;
    Grid<std::int32_t> found({static_cast<std::int32_t>(rows.size()), static_cast<std::int32_t>(columns.size())},
                             memory);
    image.gather(rows, columns, found.view());
    return found;
}

// Such errors as decoding may bring, for filters that will see decoded pixels.
inline void add_errors(Grid<std::int32_t>& pixels, const Values& values) {
    if (!values.near) return;
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < pixels.shape().size(); ++i) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;  // Marsaglia, "Xorshift RNGs", 2003
        std::int32_t& pixel = pixels.data()[i];
        const auto kept = [&](const auto& run) { return run.first <= pixel && pixel <= run.second; };
        if (std::any_of(values.exact.begin(), values.exact.end(), kept)) continue;
        const auto error =
            static_cast<std::int32_t>(state % static_cast<std::uint32_t>(2 * values.near + 1)) - values.near;
        pixel = std::clamp(pixel + error, values.low, values.high);
    }
}

}  // namespace dicompress::pyramid
