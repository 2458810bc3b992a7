// How much wider or narrower than predicted the errors are, learned by class of the errors just made around.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "tables.hpp"

namespace dicompress {

// Errors are in sixteenths of the predicted standard deviation; deviations grow by 2^(widen / 32).
class Width {
public:
    // limits: of the weighted sum of |error| around, in increasing order; at most 15.
    Width(std::span<const int> limits, int rate) : limits_(limits), rate_(rate) {}

    // `here` and `above`, `above2`: |error| at this place, and in the two rows above it.
    void choose(const std::int16_t* here, const std::int16_t* above, const std::int16_t* above2) {
        const int size = 4 * (here[-1] + above[0]) + 2 * (here[-2] + above[-1] + above[1] + above2[0]) +
                         here[-3] + above[-2] + above[2] + above2[-1] + above2[1];
        class_ = 0;
        while (class_ < limits_.size() && size > limits_[class_]) ++class_;
    }

    std::int64_t widen() const { return widths_[class_] >> bits; }

    // Learn from the error that the adapted mean left. half: of the bin, if the error is known no closer than to a bin; what
    // the square of the error is expected to be inside it counts, too.
    void learn(std::int64_t rest, std::int64_t half) {
        std::int32_t& width = widths_[class_];
        const std::int64_t expected = variance(width >> bits);
        const std::int64_t square = std::min(rest * rest + (half ? inside(half, expected) : 0), 9 * expected);
        width += static_cast<std::int32_t>((square - expected) * rate_ / expected);
        width = std::clamp(width, -(64 << bits), 64 << bits);
    }

private:
    // 256 * 2^(widen / 16), the expected square of an error; widen within 64.
    static std::int64_t variance(int widen) {
        const int up = (widen + 64 + 15) / 16, down = up * 16 - (widen + 64);
        return std::int64_t{negative_power[down * 16]} << up >> 12;
    }

    // expected * (1 - exp(-half^2 / (3 expected))): about the variance of a Gaussian between -half and half.
    static std::int64_t inside(std::int64_t half, std::int64_t expected) {
        const std::int64_t power = std::min<std::int64_t>(half * half * 123 / expected, 16 * 256 - 1);  // 256 log2(e) / 3
        return expected - (expected * (negative_power[power & 255] >> (power >> 8)) >> 16);
    }

    static constexpr int bits = 6;

    std::span<const int> limits_;
    int rate_;
    std::size_t class_ = 0;
    std::array<std::int32_t, 16> widths_{};
};

}  // namespace dicompress
