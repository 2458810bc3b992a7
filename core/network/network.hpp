// An integer network of one phase: channels of a grid to the parameters of mixtures, the same integers on every processor.
//
// Activations are uint8 in NHWC order, q + 128 standing for q / 32; beyond the border they are 128. All sums are below 2^24.
//
//   3x3 of the inputs (+ the features of the phase before, saturating), leaky ReLU
//   blocks: 3x3 of dilation d, leaky ReLU, 3x3 of dilation d, added (saturating)             [features of the next phase]
//   1x1, leaky ReLU, times its own 1x1 / 256 (attention), 3x3 of each channel, 1x1 with wide weights  [parameters]
//
// What follows a convolution is its sum times a power of two of its own per channel, rounded half to even, saturated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <vector>

#include "base/bytes.hpp"
#include "base/grid.hpp"

namespace dicompress {

enum class Kernel { generic, avx2, vnni, neon, wasm };

Kernel best_kernel();
std::vector<Kernel> kernels();  // that this processor can run

class Network {
public:
    // Fills one row of the input: columns * inputs() activations.
    struct Input {
        virtual ~Input() = default;
        virtual void row(std::int32_t row, std::uint8_t* to) const = 0;
    };

    // Reads one (read.cpp tells how it is written). Throws StreamError, also where a sum could reach 2^24. memory outlives
    // the network.
    static Network read(Reader& from, std::pmr::memory_resource* memory);

    Network(Network&&) noexcept;
    Network& operator=(Network&&) noexcept;
    ~Network();

    int inputs() const;
    int features_in() const;   // 0: takes none
    int features_out() const;  // 0: gives none
    int components() const;    // of a mixture: three parameters each

    // Computes rows first to last, without last, of a grid of `shape`. x: asked for these rows and those around that they need,
    // each once, in ascending order. features_before: the whole plane, of shape.size() * features_in(), or null.
    // parameters: row 0 of the first of 3 * components() planes; plane, stride: from plane to plane and from row to row.
    // features_after: the whole plane, or null if nobody needs them. Several threads may compute rows of one grid at once.
    void run(const Input& x, const std::uint8_t* features_before, Shape shape, std::int32_t first, std::int32_t last,
             float* parameters, std::size_t plane, std::size_t stride, std::uint8_t* features_after,
             std::pmr::memory_resource* memory, Kernel kernel = best_kernel()) const;

    struct Parts;  // parts.hpp

private:
    explicit Network(std::unique_ptr<Parts> parts);

    std::unique_ptr<const Parts> parts_;
};

}  // namespace dicompress
