// What the decoder is told before the first tensor: a blend, and the filters of every level.
#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "pyramid/filter.hpp"
#include "pyramid/reference.hpp"

namespace dicompress::pyramid {

// top_scale: of the coarsest grid's mixture. blocks: see LevelHeader. levels: 0, the finest, first.
struct Header {
    std::int32_t top_scale = least_scale;
    bool blocks = false;
    Blend blend;
    std::vector<Filters> levels;

    LevelHeader level(int number) const {
        const auto k = static_cast<std::size_t>(number);
        return {levels[k], number, k + 1 < levels.size() ? levels[k + 1][0].scale : top_scale, blocks};
    }
};

// references: how many the image leans on. Reading throws StreamError.
Bytes write_header(const Header& header, std::size_t references);
Header read_header(ByteSpan bytes, int levels, std::size_t references);

}  // namespace dicompress::pyramid
