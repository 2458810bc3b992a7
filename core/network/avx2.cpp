// AVX2: eight channels a vector. Two products are added in 16 bits, which they fit as weights are below 64.
#include "network/layers.hpp"

#ifdef __x86_64__

#include <cstring>

#include "base/cpu.hpp"
#include "network/steps.hpp"
#include "network/target.hpp"
#include "network/x86.hpp"

namespace dicompress::network {

namespace {

DICOMPRESS_TARGET("avx2")

inline __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
inline void store(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }
inline __m256i signs(__m256i values) { return _mm256_xor_si256(values, _mm256_set1_epi8(-128)); }

inline __m256i four_times(const void* bytes) {
    std::int32_t four;
    std::memcpy(&four, bytes, 4);
    return _mm256_set1_epi32(four);
}

// sums plus four products each.
inline __m256i add_products(__m256i sums, __m256i x, __m256i weights) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(x, weights), _mm256_set1_epi16(1)));
}

// Sums times a power of two: exact in float32, then rounded.
inline __m256i scaled(__m256i sums, __m256 scale) {
    const __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale);
    return _mm256_cvtps_epi32(_mm256_round_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

// Four vectors of 32-bit numbers in one of bytes, saturated. Of every 16 bytes the first four are from a, then b, c, d.
inline __m256i packed(__m256i a, __m256i b, __m256i c, __m256i d, bool unsigned_result) {
    const __m256i low = _mm256_packs_epi32(a, b), high = _mm256_packs_epi32(c, d);
    return unsigned_result ? _mm256_packus_epi16(low, high) : signs(_mm256_packs_epi16(low, high));
}

// Four pixels times sixteen channels, from channel `first`.
template <int size, int in>
inline void convolve_block(const Convolution& layer, const std::uint8_t* const* rows, std::ptrdiff_t at, int first,
                           std::uint8_t* to) {
    const std::ptrdiff_t step = in ? in : layer.in, apart = layer.dilation * step, padded = (layer.out + block - 1) / block * block;
    __m256i acc[4][2];
#pragma GCC unroll 4
    for (int p = 0; p < 4; ++p) acc[p][0] = load(layer.start + first), acc[p][1] = load(layer.start + first + 8);
    const std::int8_t* weights = layer.blocked + 4 * first;
    for (int tap = 0; tap < size * size; ++tap) {
        const std::uint8_t* from = rows[tap / size] + at * step + (tap % size - size / 2) * apart;
        const std::uint8_t* const end = from + step;
        for (; from < end; from += 4, weights += 4 * padded) {
            const __m256i w0 = load(weights), w1 = load(weights + 32);
#pragma GCC unroll 4
            for (int p = 0; p < 4; ++p) {
                const __m256i x = four_times(from + p * step);
                acc[p][0] = add_products(acc[p][0], x, w0);
                acc[p][1] = add_products(acc[p][1], x, w1);
            }
        }
    }
    const __m256 scale[2] = {_mm256_loadu_ps(layer.scale + first), _mm256_loadu_ps(layer.scale + first + 8)};
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const int count = layer.out - first;
#pragma GCC unroll 2
    for (int p = 0; p < 4; p += 2, to += 2 * layer.out) {
        const __m256i a = scaled(acc[p][0], scale[0]), b = scaled(acc[p][1], scale[1]);
        const __m256i c = scaled(acc[p + 1][0], scale[0]), d = scaled(acc[p + 1][1], scale[1]);
        const __m256i both = _mm256_permutevar8x32_epi32(packed(a, b, c, d, layer.unsigned_result), order);
        if (count >= 16) {
            _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(both));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(to + layer.out), _mm256_extracti128_si256(both, 1));
        } else {
            std::uint8_t bytes[32];
            store(bytes, both);
            std::memcpy(to, bytes, static_cast<std::size_t>(count));
            std::memcpy(to + layer.out, bytes + 16, static_cast<std::size_t>(count));
        }
    }
}

template <int size, int in>
inline void convolve_row(const Convolution& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    for (std::ptrdiff_t x = 0; x < columns; x += 4)
        for (int first = 0; first < layer.out; first += 16)
            convolve_block<size, in>(layer, rows, x, first, to + x * layer.out + first);
}

void convolve(const Convolution& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    if (layer.size == 3) layer.in == 32 ? convolve_row<3, 32>(layer, rows, columns, to) : convolve_row<3, 0>(layer, rows, columns, to);
    else layer.in == 32 ? convolve_row<1, 32>(layer, rows, columns, to) : convolve_row<1, 0>(layer, rows, columns, to);
}

// A pixel of 32 channels. Of every column of the kernel the three activations lie beside each other, with a 0.
struct Column {
    __m256i of[4];  // of every 16 bytes the channels 0-3, 4-7, 8-11, 12-15

    void set(const std::uint8_t* const* rows, std::ptrdiff_t at) {
        const __m256i a = load(rows[0] + at), b = load(rows[1] + at), c = load(rows[2] + at), none = _mm256_setzero_si256();
        const __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
        const __m256i low_c = _mm256_unpacklo_epi8(c, none), high_c = _mm256_unpackhi_epi8(c, none);
        of[0] = _mm256_unpacklo_epi16(low, low_c), of[1] = _mm256_unpackhi_epi16(low, low_c);
        of[2] = _mm256_unpacklo_epi16(high, high_c), of[3] = _mm256_unpackhi_epi16(high, high_c);
    }
};

// Numbers of channels 0-31 as Column::of[k] has them.
inline __m256i of_channels(const void* numbers, int k) {
    const auto* from = static_cast<const std::uint8_t*>(numbers) + 16 * k;
    return _mm256_set_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 64)),
                            _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

void depthwise(const Depthwise& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    if (layer.channels != 32) return generic.depthwise(layer, rows, columns, to);
    __m256i weights[3][4], start[4];
    __m256 scale[4];
    for (int k = 0; k < 4; ++k) {
        for (int j = 0; j < 3; ++j) weights[j][k] = of_channels(layer.columns + 128 * j, k);
        start[k] = of_channels(layer.start, k);
        scale[k] = _mm256_castsi256_ps(of_channels(layer.scale, k));
    }
    Column left, middle, right;
    left.set(rows, -32), middle.set(rows, 0);
    for (std::ptrdiff_t x = 0; x < columns; ++x, left = middle, middle = right) {
        right.set(rows, 32 * (x + 1));
        __m256i q[4];
        for (int k = 0; k < 4; ++k) {
            __m256i acc = add_products(start[k], left.of[k], weights[0][k]);
            acc = add_products(acc, middle.of[k], weights[1][k]);
            q[k] = scaled(add_products(acc, right.of[k], weights[2][k]), scale[k]);
        }
        store(to + 32 * x, packed(q[0], q[1], q[2], q[3], false));
    }
}

// Eight pixels of 32 channels: v[k] becomes channels 4k to 4k + 3 of all.
inline void transpose(const std::uint8_t* from, __m256i* v) {
    const auto both = [&](int p, int half) {  // pixels p and p + 4
        const auto* at = from + 32 * p + 16 * half;
        return _mm256_set_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 128)),
                                _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    };
    for (int h = 0; h < 2; ++h) {
        const __m256i r[4] = {both(0, h), both(1, h), both(2, h), both(3, h)};
        const __m256i a = _mm256_unpacklo_epi32(r[0], r[1]), b = _mm256_unpackhi_epi32(r[0], r[1]);
        const __m256i c = _mm256_unpacklo_epi32(r[2], r[3]), d = _mm256_unpackhi_epi32(r[2], r[3]);
        v[4 * h] = _mm256_unpacklo_epi64(a, c), v[4 * h + 1] = _mm256_unpackhi_epi64(a, c);
        v[4 * h + 2] = _mm256_unpacklo_epi64(b, d), v[4 * h + 3] = _mm256_unpackhi_epi64(b, d);
    }
}

void parameters(const Wide& layer, const std::uint8_t* row, int columns, float* to, std::size_t plane) {
    if (layer.in != 32 || !layer.low) return generic.parameters(layer, row, columns, to, plane);
    int x = 0;
    for (; x + 8 <= columns; x += 8) {
        __m256i v[8];
        transpose(row + 32 * x, v);
        for (int o = 0; o < layer.out; ++o) {
            __m256i low = _mm256_set1_epi32(layer.start[o]), high = _mm256_setzero_si256();
            for (int k = 0; k < 8; ++k) {
                low = add_products(low, v[k], four_times(layer.low + 32 * o + 4 * k));
                high = add_products(high, v[k], four_times(layer.high + 32 * o + 4 * k));
            }
            const __m256i sums = _mm256_add_epi32(low, _mm256_slli_epi32(high, 7));
            _mm256_storeu_ps(to + static_cast<std::size_t>(o) * plane + x, _mm256_cvtepi32_ps(sums));
        }
    }
    generic.parameters(layer, row + 32 * x, columns - x, to + x, plane);
}

DICOMPRESS_TARGET_END

constexpr Rows rows{convolve, depthwise, parameters, avx2_add, avx2_leak, avx2_gate};

}  // namespace

const Rows* avx2() { return has_avx2() ? &rows : nullptr; }

}  // namespace dicompress::network

#else

namespace dicompress::network {

const Rows* avx2() { return nullptr; }

}  // namespace dicompress::network

#endif
