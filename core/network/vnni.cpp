// AVX-512 with VNNI: sixteen channels a vector, four inputs an instruction.
#include "network/layers.hpp"

#ifdef __x86_64__

#include <cstring>

#include "base/cpu.hpp"
#include "network/steps.hpp"
#include "network/target.hpp"
#include "network/x86.hpp"

namespace dicompress::network {

namespace {

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // of values in the compiler's own header that are left undefined
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

DICOMPRESS_TARGET("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")

constexpr int round_to_even = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

inline __m512i load(const void* from) { return _mm512_loadu_si512(from); }
inline __m512i signs(__m512i values) { return _mm512_xor_si512(values, _mm512_set1_epi8(-128)); }

inline __m512i four_times(const void* bytes) {
    std::int32_t four;
    std::memcpy(&four, bytes, 4);
    return _mm512_set1_epi32(four);
}

// Sums times a power of two: exact in float32, then rounded.
inline __m512i scaled(__m512i sums, __m512 scale) {
    return _mm512_cvt_roundps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale), round_to_even);
}

// Four vectors of 32-bit numbers in one of bytes, saturated. Of every 16 bytes the first four are from a, then b, c, d.
inline __m512i packed(__m512i a, __m512i b, __m512i c, __m512i d, bool unsigned_result) {
    const __m512i low = _mm512_packs_epi32(a, b), high = _mm512_packs_epi32(c, d);
    return unsigned_result ? _mm512_packus_epi16(low, high) : signs(_mm512_packs_epi16(low, high));
}

// `count` pixels times `vectors` of channels. in: of the layer, or 0 if the compiler does not know them.
template <int size, int vectors, int count, int in>
inline void convolve_block(const Convolution& layer, const std::uint8_t* const* rows, std::ptrdiff_t at, std::uint8_t* to) {
    const std::ptrdiff_t step = in ? in : layer.in, apart = layer.dilation * step;
    __m512i acc[count][vectors];
#pragma GCC unroll 16
    for (int p = 0; p < count; ++p)
#pragma GCC unroll 4
        for (int z = 0; z < vectors; ++z) acc[p][z] = load(layer.start + 16 * z);
    const std::int8_t* weights = layer.blocked;
    for (int tap = 0; tap < size * size; ++tap) {
        const std::uint8_t* from = rows[tap / size] + at * step + (tap % size - size / 2) * apart;
        const std::uint8_t* const end = from + step;
        for (; from < end; from += 4, weights += 64 * vectors) {
            __m512i w[vectors];
#pragma GCC unroll 4
            for (int z = 0; z < vectors; ++z) w[z] = load(weights + 64 * z);
#pragma GCC unroll 16
            for (int p = 0; p < count; ++p) {
                const __m512i x = four_times(from + p * step);
#pragma GCC unroll 4
                for (int z = 0; z < vectors; ++z) acc[p][z] = _mm512_dpbusd_epi32(acc[p][z], x, w[z]);
            }
        }
    }
    __m512 scale[vectors];
#pragma GCC unroll 4
    for (int z = 0; z < vectors; ++z) scale[z] = _mm512_loadu_ps(layer.scale + 16 * z);
#pragma GCC unroll 16
    for (int p = 0; p < count; ++p)
#pragma GCC unroll 4
        for (int z = 0; z < vectors; ++z) acc[p][z] = scaled(acc[p][z], scale[z]);
    if (layer.out == 16 * vectors) {
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        const auto q = [&](int k) { return acc[k / vectors][k % vectors]; };
#pragma GCC unroll 16
        for (int k = 0; k < count * vectors; k += 4) {
            const __m512i bytes = packed(q(k), q(k + 1), q(k + 2), q(k + 3), layer.unsigned_result);
            _mm512_storeu_si512(to + 16 * k, _mm512_permutexvar_epi32(order, bytes));
        }
        return;
    }
#pragma GCC unroll 16
    for (int p = 0; p < count; ++p, to += layer.out)  // the next pixel covers what is padding
#pragma GCC unroll 4
        for (int z = 0; z < vectors; ++z) {
            const __m512i v = acc[p][z];
            const __m128i bytes = layer.unsigned_result
                                      ? _mm512_cvtusepi32_epi8(_mm512_max_epi32(v, _mm512_setzero_si512()))
                                      : _mm_xor_si128(_mm512_cvtsepi32_epi8(v), _mm_set1_epi8(-128));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16 * z), bytes);
        }
}

template <int vectors, int count, int in>
inline void convolve_row(const Convolution& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    for (std::ptrdiff_t x = 0; x < columns; x += count)
        if (layer.size == 3) convolve_block<3, vectors, count, in>(layer, rows, x, to + x * layer.out);
        else convolve_block<1, vectors, count, in>(layer, rows, x, to + x * layer.out);
}

// As many pixels at once as leave their sums, and the weights, in registers.
void convolve(const Convolution& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    switch ((layer.out + 15) / 16) {
        case 1: return convolve_row<1, 8, 0>(layer, rows, columns, to);
        case 2:
            return layer.in == 32 ? convolve_row<2, 8, 32>(layer, rows, columns, to)
                                  : convolve_row<2, 8, 0>(layer, rows, columns, to);
        case 3:
            return layer.in == 48 ? convolve_row<3, 4, 48>(layer, rows, columns, to)
                                  : convolve_row<3, 4, 0>(layer, rows, columns, to);
        default: return convolve_row<4, 4, 0>(layer, rows, columns, to);
    }
}

// Two pixels of 32 channels at once. Of every column of the kernel the three activations lie beside each other, with a 0.
struct Column {
    __m512i of[4];  // of every 16 bytes the channels 0-3, 4-7, 8-11, 12-15

    void set(const std::uint8_t* const* rows, std::ptrdiff_t at) {
        const __m512i a = load(rows[0] + at), b = load(rows[1] + at), c = load(rows[2] + at), none = _mm512_setzero_si512();
        const __m512i low = _mm512_unpacklo_epi8(a, b), high = _mm512_unpackhi_epi8(a, b);
        const __m512i low_c = _mm512_unpacklo_epi8(c, none), high_c = _mm512_unpackhi_epi8(c, none);
        of[0] = _mm512_unpacklo_epi16(low, low_c), of[1] = _mm512_unpackhi_epi16(low, low_c);
        of[2] = _mm512_unpacklo_epi16(high, high_c), of[3] = _mm512_unpackhi_epi16(high, high_c);
    }
};

// Numbers of channels 0-31 as Column::of[k] has them, of both pixels.
inline __m512i of_channels(const void* numbers, int k) {
    const auto* from = static_cast<const std::uint8_t*>(numbers) + 16 * k;
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 64));
    return _mm512_broadcast_i64x4(_mm256_set_m128i(second, first));
}

void depthwise(const Depthwise& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    if (layer.channels != 32) return generic.depthwise(layer, rows, columns, to);
    __m512i weights[3][4], start[4];
    __m512 scale[4];
    for (int k = 0; k < 4; ++k) {
        for (int j = 0; j < 3; ++j) weights[j][k] = of_channels(layer.columns + 128 * j, k);
        start[k] = of_channels(layer.start, k);
        scale[k] = _mm512_castsi512_ps(of_channels(layer.scale, k));
    }
    Column left, right;
    left.set(rows, -32);
    for (std::ptrdiff_t x = 0; x < columns; x += 2, left = right) {
        right.set(rows, 32 * (x + 1));
        __m512i q[4];
        for (int k = 0; k < 4; ++k) {
            const __m512i middle = _mm512_shuffle_i64x2(left.of[k], right.of[k], 0x4E);
            __m512i acc = _mm512_dpbusd_epi32(start[k], left.of[k], weights[0][k]);
            acc = _mm512_dpbusd_epi32(acc, middle, weights[1][k]);
            q[k] = scaled(_mm512_dpbusd_epi32(acc, right.of[k], weights[2][k]), scale[k]);
        }
        _mm512_storeu_si512(to + 32 * x, packed(q[0], q[1], q[2], q[3], false));
    }
}

// Sixteen pixels of 32 channels: v[k] becomes channels 4k to 4k + 3 of all.
inline void transpose(const std::uint8_t* from, __m512i* v) {
    const auto both = [&](int first, int second) {
        const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32 * first));
        return _mm512_inserti64x4(_mm512_castsi256_si512(a), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32 * second)), 1);
    };
    __m512i halves[2][4];  // [k]: pixels k, k + 4, k + 8, k + 12
    for (int k = 0; k < 4; ++k) {
        const __m512i a = both(k, k + 4), b = both(k + 8, k + 12);
        halves[0][k] = _mm512_shuffle_i32x4(a, b, 0x88);
        halves[1][k] = _mm512_shuffle_i32x4(a, b, 0xDD);
    }
    for (int h = 0; h < 2; ++h) {
        const __m512i* r = halves[h];
        const __m512i a = _mm512_unpacklo_epi32(r[0], r[1]), b = _mm512_unpackhi_epi32(r[0], r[1]);
        const __m512i c = _mm512_unpacklo_epi32(r[2], r[3]), d = _mm512_unpackhi_epi32(r[2], r[3]);
        v[4 * h] = _mm512_unpacklo_epi64(a, c), v[4 * h + 1] = _mm512_unpackhi_epi64(a, c);
        v[4 * h + 2] = _mm512_unpacklo_epi64(b, d), v[4 * h + 3] = _mm512_unpackhi_epi64(b, d);
    }
}

void parameters(const Wide& layer, const std::uint8_t* row, int columns, float* to, std::size_t plane) {
    if (layer.in != 32 || !layer.low) return generic.parameters(layer, row, columns, to, plane);
    for (int x = 0; x < columns; x += 16) {
        const __mmask16 wanted = columns - x >= 16 ? 0xFFFF : static_cast<__mmask16>((1 << (columns - x)) - 1);
        __m512i v[8];
        transpose(row + 32 * x, v);
        for (int o = 0; o < layer.out; ++o) {
            __m512i low = _mm512_set1_epi32(layer.start[o]), high = _mm512_setzero_si512();
            for (int k = 0; k < 8; ++k) {
                low = _mm512_dpbusd_epi32(low, v[k], four_times(layer.low + 32 * o + 4 * k));
                high = _mm512_dpbusd_epi32(high, v[k], four_times(layer.high + 32 * o + 4 * k));
            }
            const __m512i sums = _mm512_add_epi32(low, _mm512_slli_epi32(high, 7));
            _mm512_mask_storeu_ps(to + static_cast<std::size_t>(o) * plane + x, wanted, _mm512_cvtepi32_ps(sums));
        }
    }
}

DICOMPRESS_TARGET_END

constexpr Rows rows{convolve, depthwise, parameters, avx2_add, avx2_leak, avx2_gate};

}  // namespace

const Rows* vnni() { return has_avx512_vnni() ? &rows : nullptr; }

}  // namespace dicompress::network

#else

namespace dicompress::network {

const Rows* vnni() { return nullptr; }

}  // namespace dicompress::network

#endif
