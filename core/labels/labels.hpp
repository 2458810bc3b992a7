// Frames of few values, such as bitmaps and maps of labels, without loss (docs/format.md, "Few values").
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace dicompress::labels {

inline constexpr int most_values = 256;

// frames x rows x columns pixels, each a number below `values`.
struct Shape {
    std::int64_t frames;
    std::int32_t rows, columns;
    int values;
};

// A run of frames, coded one after the other: each but the first leans on those before it.
Bytes encode_run(const std::uint8_t* pixels, const Shape& shape);

// The first `count` frames of a run of shape.frames. StreamError if it is damaged.
void decode_run(ByteSpan data, const Shape& shape, std::int64_t count, std::uint8_t* pixels);

}  // namespace dicompress::labels
