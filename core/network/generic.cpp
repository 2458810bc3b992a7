// The layers in plain C++: the reference, and what runs where no kernel was written for the processor.
#include <algorithm>
#include <array>

#include "network/layers.hpp"

namespace dicompress::network {

namespace {

// value / 2^shift, rounded half to even.
std::int32_t rounded(std::int32_t value, int shift) {
    if (shift == 0) return value;
    return (value + (1 << (shift - 1)) - 1 + (value >> shift & 1)) >> shift;
}

std::uint8_t activation(std::int32_t q) { return static_cast<std::uint8_t>(std::clamp(q, -128, 127) + zero); }

// Of four outputs: sums of `count` products each.
std::array<std::int32_t, 4> products(const std::int16_t* x, const std::int16_t* weights, int count) {
    std::int32_t a = 0, b = 0, c = 0, d = 0;
    for (int i = 0; i < count; ++i) {
        a += x[i] * weights[i];
        b += x[i] * weights[count + i];
        c += x[i] * weights[2 * count + i];
        d += x[i] * weights[3 * count + i];
    }
    return {a, b, c, d};
}

void convolve(const Convolution& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    const int in = layer.in, half = layer.size / 2, count = layer.size * layer.size * in;
    std::int16_t patch[9 * most_channels];  // what lies under the weights
    for (int x = 0; x < columns; ++x) {
        std::int16_t* next = patch;
        for (int i = 0; i < layer.size; ++i)
            for (int j = -half; j <= half; ++j, next += in) {
                const std::uint8_t* from = rows[i] + (x + j * layer.dilation) * in;
                for (int c = 0; c < in; ++c) next[c] = static_cast<std::int16_t>(from[c] - zero);
            }
        for (int first = 0; first < layer.out; first += 4) {
            const auto sums = products(patch, layer.weights + first * count, count);
            for (int o = first; o < first + 4; ++o) {
                const std::int32_t q = rounded(layer.bias[o] + sums[o - first], layer.shift[o]);
                *to++ = layer.unsigned_result ? static_cast<std::uint8_t>(std::clamp(q, 0, 255)) : activation(q);
            }
        }
    }
}

void depthwise(const Depthwise& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    const int channels = layer.channels;
    for (int x = 0; x < columns; ++x, to += channels) {
        std::int32_t sums[most_channels];
        std::copy_n(layer.bias, channels, sums);
        for (int tap = 0; tap < 9; ++tap) {
            const std::uint8_t* from = rows[tap / 3] + (x + tap % 3 - 1) * channels;
            const std::int16_t* weights = layer.weights + tap * channels;
            for (int c = 0; c < channels; ++c) sums[c] += static_cast<std::int16_t>((from[c] - zero) * weights[c]);
        }
        for (int c = 0; c < channels; ++c) to[c] = activation(rounded(sums[c], layer.shift[c]));
    }
}

void parameters(const Wide& layer, const std::uint8_t* row, int columns, float* to, std::size_t plane) {
    for (int x = 0; x < columns; ++x, row += layer.in) {
        float sums[most_parameters];
        std::copy_n(layer.bias, layer.out, sums);
        for (int c = 0; c < layer.in; ++c) {
            const float value = static_cast<float>(row[c] - zero), *weights = layer.weights + c * layer.out;
            for (int o = 0; o < layer.out; ++o) sums[o] += value * weights[o];
        }
        for (int o = 0; o < layer.out; ++o) to[static_cast<std::size_t>(o) * plane + static_cast<std::size_t>(x)] = sums[o];
    }
}

void add(std::uint8_t* to, const std::uint8_t* other, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = activation(to[i] + other[i] - 2 * zero);
}

void leak(std::uint8_t* values, int quarters, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const int q = values[i] - zero;
        values[i] = activation(std::max(q, rounded(q * quarters, 2)));
    }
}

void gate(std::uint8_t* values, const std::uint8_t* gates, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) values[i] = activation(rounded((values[i] - zero) * gates[i], 8));
}

}  // namespace

const Rows generic{convolve, depthwise, parameters, add, leak, gate};

}  // namespace dicompress::network
