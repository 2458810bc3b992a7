// Rows of integers: filters, distances, channels. Plain loops, which compilers turn into vectors; where a processor may
// have wider ones than all of its kind, who calls them is compiled twice (wide_vectors).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/cpu.hpp"
#include "coder/lanes.hpp"
#include "pyramid/filter.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define DICOMPRESS_WIDE __attribute__((target("avx2,bmi2"), flatten))
#else
#define DICOMPRESS_WIDE
#endif

namespace dicompress::pyramid {

// Whether functions marked DICOMPRESS_WIDE run here.
inline bool wide_vectors() { return has_avx2() && has_bits(); }

using Row = const std::int32_t*;

inline constexpr std::int32_t most_deviation = 1 << 22;  // of a reference from its interpolation, in 1/256 of a value
inline constexpr int inverse_bits = 24;

// to += the sum of k[i] * term(i, column), written out for every i.
template <class Term, std::size_t... I>
DICOMPRESS_INLINE void add_terms(const std::int32_t* k, const Term& term, std::int32_t* __restrict to,
                                 std::int32_t count, std::index_sequence<I...>) {
    const std::int32_t weights[] = {k[I]...};
    for (std::int32_t c = 0; c < count; ++c) to[c] += (... + (weights[I] * term(I, c)));
}

// to = the sum of k[i] * term(i, column) >> shift; a few terms at a time, as compilers make no vectors of loops over
// many rows.
template <class Terms>
DICOMPRESS_INLINE void weigh(std::size_t terms, const std::int32_t* k, const Row* taps, int shift,
                             std::int32_t* __restrict to, std::int32_t count) {
    constexpr std::size_t together = 4;
    std::memset(to, 0, static_cast<std::size_t>(count) * sizeof *to);
    std::size_t i = 0;
    for (; i + together <= terms; i += together)
        add_terms(k + i, Terms(taps, i), to, count, std::make_index_sequence<together>());
    for (; i + 2 <= terms; i += 2) add_terms(k + i, Terms(taps, i), to, count, std::make_index_sequence<2>());
    for (; i < terms; ++i) add_terms(k + i, Terms(taps, i), to, count, std::make_index_sequence<1>());
    for (std::int32_t c = 0; c < count; ++c) to[c] >>= shift;
}

// Both neighbours of pairs.
struct Pairs {
    const Row* taps;

    DICOMPRESS_INLINE Pairs(const Row* taps, std::size_t first) : taps(taps + 2 * first) {}
    DICOMPRESS_INLINE std::int32_t operator()(std::size_t i, std::int32_t c) const {
        return taps[2 * i][c] + taps[2 * i + 1][c];
    }
};

DICOMPRESS_INLINE std::int32_t limited(std::int32_t deviation) {
    return std::min(std::max(deviation, -most_deviation), most_deviation);
}

struct Deviations {
    const Row* taps;

    DICOMPRESS_INLINE Deviations(const Row* taps, std::size_t first) : taps(taps + first) {}
    DICOMPRESS_INLINE std::int32_t operator()(std::size_t i, std::int32_t c) const { return limited(taps[i][c]); }
};

// The filter's prediction of a row, in 1/256 of a value.
DICOMPRESS_INLINE void interpolate(std::size_t pairs, const Row* taps, const std::int32_t* coefficients,
                                   std::int32_t* to, std::int32_t count) {
    while (pairs > 2 && coefficients[pairs - 1] == 0) --pairs;
    weigh<Pairs>(pairs, coefficients, taps, one_bits - 8, to, count);
}

// What a reference's deviations add to a row's prediction.
DICOMPRESS_INLINE void weigh_reference(std::size_t terms, const Row* taps, const std::int32_t* coefficients,
                                       std::int32_t* to, std::int32_t count) {
    while (terms && coefficients[terms - 1] == 0) --terms;
    weigh<Deviations>(terms, coefficients, taps, reference_bits, to, count);
}

// Pixels as they are if they deviate from their interpolation, `base`, as the reference's do.
DICOMPRESS_INLINE void copy_reference(Row base, Row deviation, std::int32_t low, std::int32_t high,
                                      std::int32_t* __restrict to, std::int32_t count) {
    for (std::int32_t c = 0; c < count; ++c)
        to[c] = std::min(std::max((base[c] + limited(deviation[c]) + 128) >> 8, low), high);
}

// Differences, in 1/256 of a value, as activations of 1/32 and of 1/2 of a deviation.
class Distance {
public:
    // From `most` on both are at their end, so nothing is lost if 32 bits hold all products.
    explicit Distance(std::int32_t scale)
        : inverse_((1 << inverse_bits) / scale), most_(((1 << 30) + (1 << 23)) / inverse_ + 1) {}

    // difference(c): below 2^31.
    template <class F>
    DICOMPRESS_INLINE void write(const F& difference, std::int32_t count, std::uint8_t* __restrict fine,
                                 std::uint8_t* __restrict coarse) const {
        const std::int32_t inverse = inverse_, most = most_;
        for (std::int32_t c = 0; c < count; ++c) {
            const std::int32_t distance = std::min(std::max(difference(c), -most), most) * inverse;
            fine[c] = activation(distance, inverse_bits - 5);
            coarse[c] = activation(distance, inverse_bits - 1);
        }
    }

private:
    DICOMPRESS_INLINE static std::uint8_t activation(std::int32_t distance, int shift) {
        const std::int32_t q = (distance + (1 << (shift - 1))) >> shift;
        return static_cast<std::uint8_t>(std::min(std::max(q, -128), 127) + 128);
    }

    std::int32_t inverse_, most_;
};

// The place of a base between low and high, 0 to 255.
class Place {
public:
    Place(std::int32_t low, std::int32_t high)
        : low_(low),
          most_(high - low + 2),
          inverse_((std::uint32_t{255} << inverse_bits) / static_cast<std::uint32_t>(high - low)) {}

    DICOMPRESS_INLINE void write(Row base, std::int32_t count, std::uint8_t* __restrict to) const {
        const std::int32_t low = low_, most = most_;  // from `most` on the product is beyond 255
        const std::uint64_t inverse = inverse_;
        for (std::int32_t c = 0; c < count; ++c) {
            const auto above = static_cast<std::uint32_t>(std::min(std::max((base[c] >> 8) - low, 0), most));
            const auto place = static_cast<std::uint32_t>(above * inverse >> inverse_bits);
            to[c] = static_cast<std::uint8_t>(std::min(place, 255u));
        }
    }

private:
    std::int32_t low_, most_;
    std::uint32_t inverse_;
};

// Rows of channels, `stride` apart, to pixels of 4 * Groups channels side by side.
template <std::size_t Groups>
DICOMPRESS_INLINE void interleave(const std::uint8_t* channels, std::size_t stride, std::int32_t count,
                                  std::uint8_t* __restrict to) {
    constexpr std::int32_t piece = 32;
    alignas(64) std::uint32_t quads[Groups][piece];
    for (std::int32_t start = 0; start < count; start += piece) {
        for (std::size_t g = 0; g < Groups; ++g) {
            const std::uint8_t* from = channels + 4 * g * stride + start;
            for (std::int32_t c = 0; c < piece; ++c)  // rows of channels have room for whole pieces
                quads[g][c] = static_cast<std::uint32_t>(from[c]) | static_cast<std::uint32_t>(from[stride + c]) << 8 |
                              static_cast<std::uint32_t>(from[2 * stride + c]) << 16 |
                              static_cast<std::uint32_t>(from[3 * stride + c]) << 24;
        }
        for (std::int32_t c = 0; c < std::min(piece, count - start); ++c)
            for (std::size_t g = 0; g < Groups; ++g)
                std::memcpy(to + 4 * (static_cast<std::size_t>(start + c) * Groups + g), &quads[g][c], 4);
    }
}

}  // namespace dicompress::pyramid
