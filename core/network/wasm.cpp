// WebAssembly: four channels a vector, two inputs a product of 16 bits.
#include "network/layers.hpp"

#ifdef __wasm_simd128__

#include <wasm_simd128.h>

#include <algorithm>

namespace dicompress::network {

namespace {

constexpr int pixels = 4;  // at once

v128_t signs(v128_t values) { return wasm_v128_xor(values, wasm_i8x16_const_splat(-128)); }

// The sums of neighbours in a, then those in b.
v128_t pairs(v128_t a, v128_t b) {
    return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
}

// Four sums times powers of two, which floats hold exactly, rounded half to even and saturated.
void store(v128_t sums, const float* scale, bool unsigned_result, std::uint8_t* to) {
    const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sums), wasm_v128_load(scale));
    const v128_t q = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(scaled)), narrow = wasm_i16x8_narrow_i32x4(q, q);
    const v128_t result =
        unsigned_result ? wasm_u8x16_narrow_i16x8(narrow, narrow) : signs(wasm_i8x16_narrow_i16x8(narrow, narrow));
    wasm_v128_store32_lane(to, result, 0);
}

// Four channels of four pixels. Each has its sums in two vectors: of inputs 0 and 1 of four, and of 2 and 3.
// rows: pixel x of the input, in 16 bits.
void convolve_four(const Convolution& layer, const std::int16_t* const* rows, int o, std::uint8_t* to) {
    const v128_t zeros = wasm_i32x4_const_splat(0), start = wasm_v128_load(layer.start + o);
    const v128_t low = wasm_i32x4_shuffle(start, zeros, 0, 4, 1, 4), high = wasm_i32x4_shuffle(start, zeros, 2, 4, 3, 4);
    v128_t a0 = low, a1 = low, a2 = low, a3 = low, b0 = high, b1 = high, b2 = high, b3 = high;
    const int padded = (layer.out + block - 1) / block * block, in = layer.in;
    const std::int8_t* weights = layer.blocked + 4 * o;
    for (int tap = 0; tap < layer.size * layer.size; ++tap) {
        const std::int16_t* from = rows[tap / layer.size] + (tap % layer.size - layer.size / 2) * layer.dilation * in;
        for (const std::int16_t* const end = from + in; from < end; from += 4, weights += 4 * padded) {
            const v128_t w = wasm_v128_load(weights), u = wasm_i16x8_extend_low_i8x16(w), v = wasm_i16x8_extend_high_i8x16(w);
            const auto add = [&](v128_t& a, v128_t& b, int pixel) {
                const v128_t values = wasm_v128_load64_splat(from + pixel * in);
                a = wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(values, u));
                b = wasm_i32x4_add(b, wasm_i32x4_dot_i16x8(values, v));
            };
            add(a0, b0, 0);
            add(a1, b1, 1);
            add(a2, b2, 2);
            add(a3, b3, 3);
        }
    }
    const auto finish = [&](v128_t a, v128_t b, int pixel) {
        store(pairs(a, b), layer.scale + o, layer.unsigned_result, to + pixel * layer.out + o);
    };
    finish(a0, b0, 0);
    finish(a1, b1, 1);
    finish(a2, b2, 2);
    finish(a3, b3, 3);
}

void convolve(const Convolution& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    constexpr int most = 32, most_beside = 8;  // pixels
    alignas(16) std::int16_t wide[3][(most + 2 * most_beside) * most_channels + 16];
    const int in = layer.in, beside = (layer.size / 2) * layer.dilation * in;
    for (int x = 0; x < columns; x += most) {
        const int count = std::min(most, (columns - x + pixels - 1) / pixels * pixels);
        const std::int16_t* parts[3];
        for (int i = 0; i < layer.size; ++i) {
            const std::uint8_t* from = rows[i] + x * in - beside;
            for (int k = 0; k < count * in + 2 * beside; k += 8) wasm_v128_store(wide[i] + k, wasm_u16x8_load8x8(from + k));
        }
        for (int p = 0; p < count; p += pixels) {
            for (int i = 0; i < layer.size; ++i) parts[i] = wide[i] + beside + p * in;
            for (int o = 0; o < layer.out; o += 4) convolve_four(layer, parts, o, to + (x + p) * layer.out);
        }
    }
}

void depthwise(const Depthwise& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    const int channels = layer.channels;
    const v128_t zeros = wasm_i32x4_const_splat(0);
    for (int x = 0; x < columns; ++x)
        for (int c = 0; c < channels; c += 4, to += 4) {
            v128_t a = zeros, b = zeros;
            for (int j = 0; j < 3; ++j) {
                const int at = (x + j - 1) * channels + c;
                const auto row = [&](int i) { return wasm_v128_load32_zero(rows[i] + at); };
                // Of every channel the three rows, and 0.
                const v128_t first = wasm_i8x16_shuffle(row(0), row(1), 0, 16, 1, 17, 2, 18, 3, 19, 0, 0, 0, 0, 0, 0, 0, 0);
                const v128_t last = wasm_i8x16_shuffle(row(2), zeros, 0, 16, 1, 17, 2, 18, 3, 19, 0, 0, 0, 0, 0, 0, 0, 0);
                const v128_t all = wasm_i16x8_shuffle(first, last, 0, 8, 1, 9, 2, 10, 3, 11);
                const v128_t w = wasm_v128_load(layer.columns + 4 * (j * channels + c));
                a = wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(wasm_u16x8_extend_low_u8x16(all), wasm_i16x8_extend_low_i8x16(w)));
                b = wasm_i32x4_add(b, wasm_i32x4_dot_i16x8(wasm_u16x8_extend_high_u8x16(all), wasm_i16x8_extend_high_i8x16(w)));
            }
            store(wasm_i32x4_add(wasm_v128_load(layer.start + c), pairs(a, b)), layer.scale + c, false, to);
        }
}

void parameters(const Wide& layer, const std::uint8_t* row, int columns, float* to, std::size_t plane) {
    if (!layer.low) return generic.parameters(layer, row, columns, to, plane);
    for (int o = 0; o < layer.out; ++o, to += plane) {
        alignas(16) std::int16_t weights[most_channels] = {};
        for (int c = 0; c < layer.in; ++c)
            weights[c] = static_cast<std::int16_t>(128 * layer.high[o * layer.in + c] + layer.low[o * layer.in + c]);
        for (int x = 0; x < columns; x += pixels) {
            const std::uint8_t* from = row + x * layer.in;
            v128_t sums[pixels] = {};
            for (int c = 0; c < layer.in; c += 8) {
                const v128_t w = wasm_v128_load(weights + c);
                for (int p = 0; p < pixels; ++p) {
                    const v128_t values = wasm_u16x8_load8x8(from + p * layer.in + c);
                    sums[p] = wasm_i32x4_add(sums[p], wasm_i32x4_dot_i16x8(values, w));
                }
            }
            const v128_t all = pairs(pairs(sums[0], sums[1]), pairs(sums[2], sums[3]));
            const v128_t found = wasm_f32x4_convert_i32x4(wasm_i32x4_add(all, wasm_i32x4_splat(layer.start[o])));
            if (x + pixels <= columns) {
                wasm_v128_store(to + x, found);
            } else {
                float rest[pixels];
                wasm_v128_store(rest, found);
                std::copy_n(rest, columns - x, to + x);
            }
        }
    }
}

// work(values) for all, sixteen at a time; of the last no more than there are.
template <class Work>
void for_bytes(std::uint8_t* values, const std::uint8_t* others, std::size_t count, const Work& work) {
    std::size_t i = 0;
    for (; i + 16 <= count; i += 16) wasm_v128_store(values + i, work(wasm_v128_load(values + i), wasm_v128_load(others + i)));
    if (i == count) return;
    std::uint8_t rest[16] = {}, other[16] = {};
    std::copy(values + i, values + count, rest), std::copy(others + i, others + count, other);
    wasm_v128_store(rest, work(wasm_v128_load(rest), wasm_v128_load(other)));
    std::copy_n(rest, count - i, values + i);
}

void add(std::uint8_t* to, const std::uint8_t* other, std::size_t count) {
    for_bytes(to, other, count, [](v128_t a, v128_t b) { return signs(wasm_i8x16_add_sat(signs(a), signs(b))); });
}

// value / 2^shift, rounded half to even.
template <int shift>
v128_t rounded(v128_t value) {
    const v128_t odd = wasm_v128_and(wasm_i16x8_shr(value, shift), wasm_i16x8_const_splat(1));
    return wasm_i16x8_shr(wasm_i16x8_add(wasm_i16x8_add(value, wasm_i16x8_const_splat((1 << (shift - 1)) - 1)), odd), shift);
}

void leak(std::uint8_t* values, int quarters, std::size_t count) {
    const v128_t slope = wasm_i16x8_splat(static_cast<std::int16_t>(quarters));
    for_bytes(values, values, count, [&](v128_t all, v128_t) {
        const auto leaked = [&](v128_t q) { return wasm_i16x8_max(q, rounded<2>(wasm_i16x8_mul(q, slope))); };
        const v128_t q = signs(all);
        return signs(wasm_i8x16_narrow_i16x8(leaked(wasm_i16x8_extend_low_i8x16(q)), leaked(wasm_i16x8_extend_high_i8x16(q))));
    });
}

void gate(std::uint8_t* values, const std::uint8_t* gates, std::size_t count) {
    for_bytes(values, gates, count, [](v128_t all, v128_t gates) {
        const v128_t q = signs(all);
        const v128_t low = wasm_i16x8_mul(wasm_i16x8_extend_low_i8x16(q), wasm_u16x8_extend_low_u8x16(gates));
        const v128_t high = wasm_i16x8_mul(wasm_i16x8_extend_high_i8x16(q), wasm_u16x8_extend_high_u8x16(gates));
        return signs(wasm_i8x16_narrow_i16x8(rounded<8>(low), rounded<8>(high)));
    });
}

constexpr Rows rows{convolve, depthwise, parameters, add, leak, gate};

}  // namespace

const Rows* wasm() { return &rows; }

}  // namespace dicompress::network

#else

namespace dicompress::network {

const Rows* wasm() { return nullptr; }

}  // namespace dicompress::network

#endif
