// The layers in plain C++: the reference, and what runs where no kernel was written for the processor.
#include <algorithm>

#include "network/layers.hpp"

namespace dicompress::network {

namespace {

// value / 2^shift, rounded half to even.
std::int32_t rounded(std::int32_t value, int shift) {
    if (shift == 0) return value;
    return (value + (1 << (shift - 1)) - 1 + (value >> shift & 1)) >> shift;
}

std::uint8_t activation(std::int32_t q) { return static_cast<std::uint8_t>(std::clamp(q, -128, 127) + zero); }

// acc[o] += the sum of four inputs' products, each of which is below 2^13: they fit 16 bits together.
void add_products(std::int32_t* acc, const std::uint8_t* x, const std::int8_t* weights, int out) {
    const int a = x[0] - zero, b = x[1] - zero, c = x[2] - zero, d = x[3] - zero;
    if (!(a | b | c | d)) return;
    for (int o = 0; o < out; ++o) {
        const int sum = a * weights[o] + b * weights[out + o] + c * weights[2 * out + o] + d * weights[3 * out + o];
        acc[o] += static_cast<std::int16_t>(sum);
    }
}

void convolve(const Convolution& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    const int in = layer.in, out = layer.out, half = layer.size / 2;
    std::int32_t acc[most_channels];
    for (int x = 0; x < columns; ++x, to += out) {
        std::copy_n(layer.bias, out, acc);
        const std::int8_t* weights = layer.weights;
        for (int i = 0; i < layer.size; ++i)
            for (int j = 0; j < layer.size; ++j) {
                const std::uint8_t* from = rows[i] + (x + (j - half) * layer.dilation) * in;
                for (int c = 0; c < in; c += 4, weights += 4 * out) add_products(acc, from + c, weights, out);
            }
        for (int o = 0; o < out; ++o) {
            const std::int32_t q = rounded(acc[o], layer.shift[o]);
            to[o] = layer.unsigned_result ? static_cast<std::uint8_t>(std::clamp(q, 0, 255)) : activation(q);
        }
    }
}

void depthwise(const Depthwise& layer, const std::uint8_t* const* rows, int columns, std::uint8_t* to) {
    const int channels = layer.channels;
    for (int x = 0; x < columns; ++x)
        for (int c = 0; c < channels; ++c) {
            std::int32_t sum = layer.bias[c];
            for (int tap = 0; tap < 9; ++tap)
                sum += (rows[tap / 3][(x + tap % 3 - 1) * channels + c] - zero) * layer.weights[tap * channels + c];
            *to++ = activation(rounded(sum, layer.shift[c]));
        }
}

void parameters(const Wide& layer, const std::uint8_t* row, int columns, float* to, std::size_t plane) {
    for (int x = 0; x < columns; ++x, row += layer.in)
        for (int o = 0; o < layer.out; ++o) {
            std::int32_t sum = layer.bias[o];
            for (int c = 0; c < layer.in; ++c) sum += (row[c] - zero) * layer.weights[o * layer.in + c];
            to[static_cast<std::size_t>(o) * plane + static_cast<std::size_t>(x)] = static_cast<float>(sum);
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
