// Which pixels around one are of a value, as bits.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace dicompress::labels {

// A frame with a margin of zeros, so that neighbours are always there.
class Plane {
public:
    static constexpr std::ptrdiff_t margin = 8, rows_around = 3;

    Plane() = default;
    Plane(std::int32_t rows, std::int32_t columns)
        : stride_(columns + 2 * margin), pixels_(static_cast<std::size_t>((rows + 2 * rows_around) * stride_)) {}

    std::uint8_t* row(std::ptrdiff_t y) { return pixels_.data() + (y + rows_around) * stride_ + margin; }
    const std::uint8_t* row(std::ptrdiff_t y) const { return pixels_.data() + (y + rows_around) * stride_ + margin; }
    std::ptrdiff_t stride() const { return stride_; }

private:
    std::ptrdiff_t stride_ = 0;
    std::vector<std::uint8_t> pixels_;
};

// Eight pixels from `at` on, which of them are `value`: the first in the lowest bit.
inline std::uint32_t which_are(const std::uint8_t* at, std::uint64_t value_eight_times) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    if constexpr (std::endian::native == std::endian::big) {
        std::uint64_t turned = 0;
        for (int i = 0; i < 8; ++i) turned = turned << 8 | (word >> (8 * i) & 255);
        word = turned;
    }
    constexpr std::uint64_t low = 0x7F7F7F7F7F7F7F7F;
    word ^= value_eight_times;
    const std::uint64_t zeros = ~(((word & low) + low) | word | low);  // the highest bit of bytes that are zero
    return static_cast<std::uint32_t>((zeros >> 7) * 0x0102040810204080 >> 56);
}

// Around a pixel in column x: of its own frame eight to the left, and of rows above columns x - 4 to x + 3; of a frame that is
// known whole, rows on both sides.
struct Around {
    std::uint32_t left, above[3], known[5], other[3];
};

inline Around around(const std::uint8_t* at, std::ptrdiff_t stride, const std::uint8_t* known, const std::uint8_t* other, std::uint8_t value) {
    const std::uint64_t eight = value * std::uint64_t{0x0101010101010101};
    Around found;
    found.left = which_are(at - 8, eight);
    for (int k = 0; k < 3; ++k) found.above[k] = which_are(at - (k + 1) * stride - 4, eight);
    for (int k = 0; k < 5; ++k) found.known[k] = which_are(known + (k - 2) * stride - 4, eight);
    for (int k = 0; k < 3; ++k) found.other[k] = which_are(other + (k - 1) * stride - 4, eight);
    return found;
}

// Columns x + from to x + to of a row of `Around`.
constexpr std::uint32_t columns(std::uint32_t row, int from, int to) { return row >> (from + 4) & ((1u << (to - from + 1)) - 1); }

}  // namespace dicompress::labels
