// Near-lossless images: which values must stay exact all the same, and what error ranks may have.
#pragma once

#include "codec/pixels.hpp"
#include "codec/stream.hpp"

namespace dicompress {

// Numbers of an image, row by row. Rows lie in memory for one call.
class Rows {
public:
    explicit Rows(Shape shape) : shape(shape) {}
    virtual ~Rows() = default;
    virtual void read(std::int32_t row, std::span<std::int32_t> to) const = 0;

    const Shape shape;
};

// The runs of values that an image's pixels keep: those wanted, and the ends of its range where they are saturated. Only as
// far as they lie within low to high, its range. Throws kind unsupported if they are too many.
Runs exact_runs(const Rows& image, std::int32_t low, std::int32_t high, const Runs& wanted);

// `exact` as ranks in the sorted `values`.
Runs rank_runs(std::span<const std::int32_t> values, const Runs& exact);

// The sorted `values` that are not exact, cut where exact ones lie between them.
std::vector<std::span<const std::int32_t>> apart(std::span<const std::int32_t> values, const Runs& exact);

// The largest error of ranks in the sorted `values` that is none beyond `near` of values.
std::int32_t rank_near(std::span<const std::int32_t> values, std::int32_t near, const Runs& exact);

}  // namespace dicompress
