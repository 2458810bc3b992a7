// A phase's filter as the header has it, and what of it the network is told.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "coder/mixture.hpp"
#include "pyramid/taps.hpp"

namespace dicompress::pyramid {

inline constexpr int one_bits = 9;                         // fixed point of a filter's coefficients
inline constexpr std::int32_t one = 1 << one_bits;         // they add up to one / 2, as each serves two pixels
inline constexpr int reference_bits = 6;                   // fixed point of its coefficients for a reference
inline constexpr std::int32_t largest_sum = 1 << 13;       // of |coefficients|: 32 bits then hold every prediction
inline constexpr std::int32_t largest_of_reference = 256;  // likewise
inline constexpr std::int32_t least_scale = 64, most_scale = 1 << 24;  // deviations, in 1/256 of a value

// coefficients: one a pair of opposite neighbours, in 2^-one_bits. scale: the deviation of what the filter leaves, in
// 1/256 of a value. of_reference: coefficients of the reference's deviations, in 2^-reference_bits.
struct Filter {
    std::array<std::int32_t, most_pairs> coefficients{one / 4, one / 4};
    std::array<std::int32_t, most_of_reference> of_reference{};
    std::int32_t scale = least_scale;

    bool fitted() const { return coefficients != Filter().coefficients; }
    bool operator==(const Filter&) const = default;
};

using Filters = std::array<Filter, phases>;  // D, H, V

// What the stream says of a level before its pixels. number: 0 for the finest. coarser_scale: D's scale one level
// coarser. blocks: the image was a JPEG once, with blocks counted from its first pixel.
struct LevelHeader {
    Filters filters;
    int number = 0;
    std::int32_t coarser_scale = least_scale;
    bool blocks = false;

    const Filter& of(int phase) const { return filters[static_cast<std::size_t>(phase) - 1]; }

    // Activations: the scale, how it compares with that of D, and with that of D one level coarser.
    std::array<std::int32_t, 3> constants(int phase) const {
        const auto log2_32 = [](std::int32_t scale) {
            return static_cast<std::int32_t>(log2_fixed<5>(static_cast<std::uint64_t>(scale)));
        };
        const std::int32_t of_d = log2_32(of(1).scale), own = log2_32(of(phase).scale),
                           coarser = log2_32(coarser_scale);
        std::array<std::int32_t, 3> values{own / 4 - 100, of_d - own, coarser - of_d};
        for (std::int32_t& value : values) value = std::clamp(value, -128, 127);
        return values;
    }
};

}  // namespace dicompress::pyramid
