// Layers as kernels take them, a row at a time. Plain numbers only: kernels are compiled for processors of their own.
//
// Rows of activations have their first pixel at the pointer, and may be read and written beyond their ends (network.cpp keeps
// `overshoot` pixels there); what lies up to `dilation` pixels beside them is 128.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dicompress::network {

inline constexpr int zero = 128;       // the activation that stands for 0
inline constexpr int overshoot = 16;   // pixels
inline constexpr int most_channels = 64;
inline constexpr int most_parameters = 48;  // of a mixture
inline constexpr int block = 16;       // output channels are padded to a multiple of it: weights 0, sums 0

struct Convolution {
    int size = 1, dilation = 1;             // size x size
    int in = 0, out = 0;                    // multiples of 4
    bool unsigned_result = false;           // the result is 0 to 255 (a gate), not q + 128
    const std::int16_t* weights = nullptr;  // [out][size * size * in]
    const std::int8_t* blocked = nullptr;   // [size * size][in / 4][padded out][4]
    const std::int32_t* bias = nullptr;     // [padded out]
    const std::int32_t* start = nullptr;    // [padded out]: the bias less what activations of 128 add
    const float* scale = nullptr;           // [padded out]: 2^-shift
    const std::uint8_t* shift = nullptr;    // [out]: 0 to 25
};

// 3x3, every channel by itself. Channels, and the arrays, are multiples of 4.
struct Depthwise {
    int channels = 0;
    const std::int16_t* weights = nullptr;  // [9][channels]
    const std::int8_t* columns = nullptr;   // [3][channels][4]: the three of a column of the kernel, and 0
    const std::int32_t* bias = nullptr;
    const std::int32_t* start = nullptr;
    const float* scale = nullptr;
    const std::uint8_t* shift = nullptr;
};

// 1x1 to floats that hold integers.
struct Wide {
    int in = 0, out = 0;
    const float* weights = nullptr;         // [in][out]
    const float* bias = nullptr;            // [out]
    const std::int32_t* start = nullptr;    // [out]: the bias less what activations of 128 add
    const std::int8_t* low = nullptr;       // [out][in]: weight = 128 * high + low, low in [-64, 63], high in [-64, 64];
    const std::int8_t* high = nullptr;      //            both null if one is too large for that
};

// What a kernel is.
struct Rows {
    // rows: one of the input, or three that lie `dilation` apart.
    void (*convolve)(const Convolution&, const std::uint8_t* const* rows, int columns, std::uint8_t* to);
    void (*depthwise)(const Depthwise&, const std::uint8_t* const* rows, int columns, std::uint8_t* to);
    // to: `plane` numbers from one parameter to the next; nothing is written beyond the columns.
    void (*parameters)(const Wide&, const std::uint8_t* row, int columns, float* to, std::size_t plane);

    // Exactly `count` activations. Sums saturate.
    void (*add)(std::uint8_t* to, const std::uint8_t* other, std::size_t count);
    // Leaky ReLU: below 0 times quarters / 4, rounded half to even.
    void (*leak)(std::uint8_t* values, int quarters, std::size_t count);
    // Times gate / 256, rounded half to even.
    void (*gate)(std::uint8_t* values, const std::uint8_t* gates, std::size_t count);
};

extern const Rows generic;

// Null where this processor, or the library as it was compiled, cannot run it.
const Rows* avx2();
const Rows* vnni();
const Rows* neon();
const Rows* wasm();

}  // namespace dicompress::network
