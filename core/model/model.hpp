// What the codec knows of a model: it turns an image into integer tensors, coarse to fine, and predicts each from those
// before. The codec codes tensor after tensor with these predictions; decoding is the same loop (docs/architecture.md).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/context.hpp"
#include "base/grid.hpp"
#include "coder/band.hpp"
#include "model/values.hpp"

namespace dicompress {

using Hash = std::array<std::uint8_t, 8>;

// An image's pixels, read where they are needed: as they are coded, or, of references, the values that were decoded.
class Source {
public:
    explicit Source(Shape shape) : shape(shape) {}
    virtual ~Source() = default;

    // to: of so many rows and columns.
    virtual void gather(std::span<const std::int32_t> rows, std::span<const std::int32_t> columns,
                        View<std::int32_t> to) const = 0;

    const Shape shape;
};

// One tensor's distribution.
class Prediction {
public:
    virtual ~Prediction() = default;

    // Makes what `band` tells of these rows valid. Several threads call it at once, for runs of rows that do not meet.
    virtual void prepare([[maybe_unused]] std::int32_t first, [[maybe_unused]] std::int32_t last) {}

    // Rows first to last of the tensor, whose values lie in (decoding: go to) the tile's own memory.
    virtual Band band(std::int32_t first, std::int32_t last) = 0;

    MixtureSpec spec;
    int streams = 0;  // how many sub-streams the rows are cut into at most; 0 for as many as the codec makes
};

// A tile of an image: its tensors, as far as they are known.
class Tile {
public:
    struct Tensor {
        std::int32_t channels, rows, columns;
        int level;  // the tensors of levels k and above suffice for the image at 1/2^k resolution

        std::size_t size() const {
            return static_cast<std::size_t>(channels) * static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
        }
    };

    virtual ~Tile() = default;

    const std::vector<Tensor>& tensors() const { return tensors_; }  // coarse to fine, levels never rising

    // All tensors of these pixels become known.
    virtual void analyse(View<const std::int32_t> pixels) = 0;

    // The distribution of tensor k, from tensors 0 to k-1 as decoded. Called for k = 0, 1, 2 ... in order; what it returned
    // before is not used any more then.
    virtual std::unique_ptr<Prediction> predict(std::size_t k) = 0;

    // The image at 1/2^level resolution, from the tensors of this level and above.
    virtual void synthesise(int level, View<std::int32_t> pixels) = 0;

protected:
    std::vector<Tensor> tensors_;
};

// Has no state that changes: several threads may use it at once.
class Model {
public:
    virtual ~Model() = default;

    virtual std::string_view name() const = 0;
    virtual Hash hash() const = 0;           // changes with anything that changes a stream
    virtual int most_references() const = 0;  // planes decoded before that an image may lean on: 0 to 2

    // By how many halvings the picture of a frame of `shape` can be had early: 0 to 6. Of the shape alone.
    virtual int levels(Shape shape) const = 0;

    // What the decoder must know before the first tensor, e.g. filters. references: of the image's shape, the nearest first.
    virtual Bytes header(const Source& image, const Values& values, std::span<const Source* const> references,
                         Context& context) const = 0;

    // About the bits that the image takes with each choice of references, up to a constant of the image.
    virtual std::vector<double> estimate(const Source& image, const Values& values,
                                         std::span<const std::vector<const Source*>> choices, Context& context) const = 0;

    // The state of a tile of `shape` of a frame with so many levels. references: the same tile of those of `header`, at
    // 1/2^level resolution; no tensors of levels below `level` are asked for then. Throws StreamError if `header` is not one
    // of this model's. Views and context outlive the tile.
    virtual std::unique_ptr<Tile> tile(ByteSpan header, Shape shape, const Values& values, int levels,
                                       std::span<const View<const std::int32_t>> references, int level,
                                       Context& context) const = 0;
};

}  // namespace dicompress
