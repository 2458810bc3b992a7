// Tiles: nearly equal parts of a frame, in raster order, that are coded one by one, so that memory does not grow with it.
#pragma once

#include "base/grid.hpp"

namespace dicompress {

struct Place {
    std::int32_t row, column;
    Shape shape;
};

class Tiles {
public:
    explicit Tiles(Shape frame) : frame_(frame), side_{side(frame.rows), side(frame.columns)} {}

    std::int32_t down() const { return (frame_.rows + side_.rows - 1) / side_.rows; }
    std::int32_t across() const { return (frame_.columns + side_.columns - 1) / side_.columns; }
    std::int64_t count() const { return std::int64_t{down()} * across(); }

    Place operator[](std::int64_t number) const {
        const auto row = static_cast<std::int32_t>(number / across()) * side_.rows,
                   column = static_cast<std::int32_t>(number % across()) * side_.columns;
        return {row, column, {std::min(side_.rows, frame_.rows - row), std::min(side_.columns, frame_.columns - column)}};
    }

private:
    static constexpr std::int32_t longest = 1024, grid = 64;  // tiles start at multiples of `grid`: they halve six times

    static std::int32_t side(std::int32_t length) {
        const std::int32_t count = (length + longest - 1) / longest;
        return count > 1 ? ((length + count - 1) / count + grid - 1) / grid * grid : length;
    }

    Shape frame_, side_;
};

// Where a tile lies in the image at 1/2^level resolution.
inline Place reduced(Place place, int level) {
    return {place.row >> level, place.column >> level, reduced(place.shape, level)};
}

}  // namespace dicompress
