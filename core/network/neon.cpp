// NEON: four channels a vector; with dot products where the processor has them.
#include "network/layers.hpp"

#if defined(__aarch64__) && defined(__GNUC__)

#include <arm_neon.h>

#include <cstring>

#include "base/cpu.hpp"
#include "network/target.hpp"

namespace dicompress::network {

namespace {

inline uint8x16_t signs(uint8x16_t values) { return veorq_u8(values, vdupq_n_u8(128)); }
inline int8x16_t load(const std::uint8_t* from) { return vreinterpretq_s8_u8(signs(vld1q_u8(from))); }

// Four activations less zero, repeated.
inline int8x16_t four_times(const std::uint8_t* from) {
    std::uint32_t four;
    std::memcpy(&four, from, 4);
    return vreinterpretq_s8_u32(veorq_u32(vdupq_n_u32(four), vdupq_n_u32(0x80808080)));
}

// Sums times a power of two: exact in float32, then rounded half to even.
inline int32x4_t scaled(int32x4_t sums, float32x4_t scale) { return vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sums), scale)); }

inline uint8x8_t narrowed(int32x4_t a, int32x4_t b, bool unsigned_result) {
    const int16x8_t both = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b));
    return unsigned_result ? vqmovun_s16(both) : veor_u8(vreinterpret_u8_s8(vqmovn_s16(both)), vdup_n_u8(128));
}

// Sixteen channels of a pixel, of which `count` are the layer's.
inline void finish(const Convolution& layer, int first, const int32x4_t* sums, std::uint8_t* to) {
    int32x4_t q[4];
    for (int k = 0; k < 4; ++k)
        q[k] = scaled(vaddq_s32(sums[k], vld1q_s32(layer.bias + first + 4 * k)), vld1q_f32(layer.scale + first + 4 * k));
    const uint8x16_t bytes =
        vcombine_u8(narrowed(q[0], q[1], layer.unsigned_result), narrowed(q[2], q[3], layer.unsigned_result));
    if (layer.out - first >= 16) return vst1q_u8(to, bytes);
    std::uint8_t some[16];
    vst1q_u8(some, bytes);
    std::memcpy(to, some, static_cast<std::size_t>(layer.out - first));
}

// Where a tap of the kernel begins, from the pixel itself.
inline const std::uint8_t* tap_of(const Convolution& layer, const std::uint8_t* const* rows, std::ptrdiff_t x, int tap) {
    const int beside = tap % layer.size - layer.size / 2;
    return rows[tap / layer.size] + (x + beside * layer.dilation) * layer.in;
}

inline std::ptrdiff_t padded(const Convolution& layer) { return (layer.out + block - 1) / block * block; }

// Four pixels times sixteen channels; four inputs an instruction.
DICOMPRESS_TARGET("arch=armv8.2-a+dotprod")

void convolve_block_by_dot(const Convolution& layer, const std::uint8_t* const* rows, std::ptrdiff_t x, int first, int32x4_t (*sums)[4]) {
    int32x4_t acc[4][4];
#pragma GCC unroll 4
    for (int p = 0; p < 4; ++p)
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) acc[p][k] = vdupq_n_s32(0);
    const std::int8_t* weights = layer.blocked + 4 * first;
    const std::ptrdiff_t step = layer.in, next = 4 * padded(layer);
    for (int tap = 0; tap < layer.size * layer.size; ++tap) {
        const std::uint8_t* from = tap_of(layer, rows, x, tap);
        for (const std::uint8_t* end = from + step; from < end; from += 4, weights += next) {
            int8x16_t w[4];
#pragma GCC unroll 4
            for (int k = 0; k < 4; ++k) w[k] = vld1q_s8(weights + 16 * k);
#pragma GCC unroll 4
            for (int p = 0; p < 4; ++p) {
                const int8x16_t v = four_times(from + p * step);
#pragma GCC unroll 4
                for (int k = 0; k < 4; ++k) acc[p][k] = vdotq_s32(acc[p][k], w[k], v);
            }
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < 4; ++p)
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) sums[p][k] = acc[p][k];
}

DICOMPRESS_TARGET_END

// One pixel times sixteen channels. Up to four products, each below 2^13, are added in 16 bits.
void convolve_pixel(const Convolution& layer, const std::uint8_t* const* rows, std::ptrdiff_t x, int first, int32x4_t* sums) {
    int32x4_t acc[8];  // of two channels, two halves each
    for (int k = 0; k < 8; ++k) acc[k] = vdupq_n_s32(0);
    const std::int8_t* weights = layer.blocked + 4 * first;
    const std::ptrdiff_t next = 4 * padded(layer);
    for (int tap = 0; tap < layer.size * layer.size; ++tap) {
        const std::uint8_t* from = tap_of(layer, rows, x, tap);
        int left = layer.in;
        for (; left >= 8; left -= 8, from += 8, weights += 2 * next) {
            const int8x8_t v0 = vget_low_s8(four_times(from)), v1 = vget_low_s8(four_times(from + 4));
#pragma GCC unroll 8
            for (int k = 0; k < 8; ++k) {
                const int16x8_t product = vmull_s8(vld1_s8(weights + 8 * k), v0);
                acc[k] = vpadalq_s16(acc[k], vmlal_s8(product, vld1_s8(weights + next + 8 * k), v1));
            }
        }
        if (!left) continue;
        const int8x8_t v0 = vget_low_s8(four_times(from));
#pragma GCC unroll 8
        for (int k = 0; k < 8; ++k) acc[k] = vpadalq_s16(acc[k], vmull_s8(vld1_s8(weights + 8 * k), v0));
        weights += next;
    }
    for (int k = 0; k < 4; ++k) sums[k] = vpaddq_s32(acc[2 * k], acc[2 * k + 1]);
}

void convolve(const Convolution& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    const bool dot = has_dot_products();
    for (int x = 0; x < columns; x += 4)
        for (int first = 0; first < layer.out; first += block) {
            int32x4_t sums[4][4];
            if (dot) convolve_block_by_dot(layer, rows, x, first, sums);
            else
                for (int p = 0; p < 4; ++p) convolve_pixel(layer, rows, x + p, first, sums[p]);
            for (int p = 0; p < 4; ++p) finish(layer, first, sums[p], to + (x + p) * layer.out + first);
        }
}

// Eight channels at once; of up to four products the sums fit 16 bits.
void depthwise(const Depthwise& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    const int channels = layer.channels;
    if (channels % 8) return generic.depthwise(layer, rows, columns, to);
    for (int c = 0; c < channels; c += 8) {
        int16x8_t w[9];
        for (int tap = 0; tap < 9; ++tap) w[tap] = vld1q_s16(layer.weights + tap * channels + c);
        const int32x4_t bias[2] = {vld1q_s32(layer.bias + c), vld1q_s32(layer.bias + c + 4)};
        const float32x4_t scale[2] = {vld1q_f32(layer.scale + c), vld1q_f32(layer.scale + c + 4)};
        for (int x = 0; x < columns; ++x) {
            int32x4_t low = bias[0], high = bias[1];
#pragma GCC unroll 3
            for (int i = 0; i < 3; ++i) {
                int16x8_t sum = vdupq_n_s16(0);
#pragma GCC unroll 3
                for (int j = 0; j < 3; ++j) {
                    const uint8x8_t v = veor_u8(vld1_u8(rows[i] + (x + j - 1) * channels + c), vdup_n_u8(128));
                    sum = vmlaq_s16(sum, vmovl_s8(vreinterpret_s8_u8(v)), w[3 * i + j]);
                }
                low = vaddw_s16(low, vget_low_s16(sum)), high = vaddw_high_s16(high, sum);
            }
            vst1_u8(to + x * channels + c, narrowed(scaled(low, scale[0]), scaled(high, scale[1]), false));
        }
    }
}

// What is left behind the last whole vector goes the plain way.
void add(std::uint8_t* to, const std::uint8_t* other, std::size_t count) {
    std::size_t i = 0;
    for (; i + 16 <= count; i += 16)
        vst1q_u8(to + i, signs(vreinterpretq_u8_s8(vqaddq_s8(load(to + i), load(other + i)))));
    generic.add(to + i, other + i, count - i);
}

// q below 0 becomes q / 4, rounded half to even, which is less than q above 0.
void leak(std::uint8_t* values, int quarters, std::size_t count) {
    std::size_t i = 0;
    for (; quarters == 1 && i + 16 <= count; i += 16) {
        const int8x16_t q = load(values + i), odd = vandq_s8(vshrq_n_s8(q, 2), vdupq_n_s8(1));
        const int8x16_t least = vminq_s8(q, vdupq_n_s8(0));  // no overflow
        const int8x16_t quarter = vshrq_n_s8(vaddq_s8(least, vaddq_s8(odd, vdupq_n_s8(1))), 2);
        vst1q_u8(values + i, signs(vreinterpretq_u8_s8(vmaxq_s8(q, quarter))));
    }
    generic.leak(values + i, quarters, count - i);
}

// Products in 16 bits, rounded half to even.
inline int8x8_t gated(int8x8_t values, uint8x8_t gates) {
    const int16x8_t product = vmulq_s16(vmovl_s8(values), vreinterpretq_s16_u16(vmovl_u8(gates)));
    const int16x8_t odd = vandq_s16(vshrq_n_s16(product, 8), vdupq_n_s16(1));
    return vqmovn_s16(vshrq_n_s16(vaddq_s16(product, vaddq_s16(odd, vdupq_n_s16(127))), 8));
}

void gate(std::uint8_t* values, const std::uint8_t* gates, std::size_t count) {
    std::size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const int8x16_t v = load(values + i);
        const uint8x16_t g = vld1q_u8(gates + i);
        const int8x16_t both = vcombine_s8(gated(vget_low_s8(v), vget_low_u8(g)), gated(vget_high_s8(v), vget_high_u8(g)));
        vst1q_u8(values + i, signs(vreinterpretq_u8_s8(both)));
    }
    generic.gate(values + i, gates + i, count - i);
}

// Compilers make vectors of the plain one.
void parameters(const Wide& layer, const std::uint8_t* row, int columns, float* to, std::size_t plane) {
    generic.parameters(layer, row, columns, to, plane);
}

constexpr Rows rows{convolve, depthwise, parameters, add, leak, gate};

}  // namespace

const Rows* neon() { return &rows; }

}  // namespace dicompress::network

#else

namespace dicompress::network {

const Rows* neon() { return nullptr; }

}  // namespace dicompress::network

#endif
