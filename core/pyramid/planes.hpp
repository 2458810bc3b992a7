// The planes of one level as far as they are known, with a margin.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "base/grid.hpp"
#include "pyramid/taps.hpp"

namespace dicompress::pyramid {

// Numbers of a plane of `shape` with a margin of two around it.
class Padded {
public:
    Padded() = default;
    Padded(Shape shape, std::pmr::memory_resource* memory)
        : shape_(shape), grid_({shape.rows + 2 * margin, shape.columns + 2 * margin}, memory) {}

    Shape shape() const { return shape_; }
    std::size_t stride() const { return static_cast<std::size_t>(grid_.shape().columns); }
    // The first pixel of a row; rows of the margin, too.
    std::int32_t* row(std::int32_t row) { return grid_.row(row + margin) + margin; }
    const std::int32_t* row(std::int32_t row) const { return grid_.row(row + margin) + margin; }
    View<std::int32_t> inside(Shape of) { return {row(0), of, grid_.shape().columns}; }
    View<const std::int32_t> inside(Shape of) const { return {row(0), of, grid_.shape().columns}; }

    void copy(const Padded& other) {
        std::memcpy(grid_.data(), other.grid_.data(), grid_.shape().size() * sizeof(std::int32_t));
    }

    // Repeats the border of what is known, the first `known` rows and columns, to the end of the margin.
    void pad(Shape known) {
        for (std::int32_t r = 0; r < known.rows; ++r) {
            std::int32_t* pixels = row(r);
            std::fill(pixels - margin, pixels, pixels[0]);
            std::fill(pixels + known.columns, pixels + shape_.columns + margin, pixels[known.columns - 1]);
        }
        const std::size_t bytes = stride() * sizeof(std::int32_t);
        for (std::int32_t r = 1; r <= margin; ++r) std::memcpy(row(-r) - margin, row(0) - margin, bytes);
        for (std::int32_t r = known.rows; r < shape_.rows + margin; ++r)
            std::memcpy(row(r) - margin, row(known.rows - 1) - margin, bytes);
    }

private:
    Shape shape_;
    Grid<std::int32_t> grid_;
};

// Of the pixels that a plane has of an image.
inline Shape shape_of_plane(Shape image, int plane) {
    return {(image.rows + 1 - parities[plane].row) / 2, (image.columns + 1 - parities[plane].column) / 2};
}

// image: the shape of the level's image; that of A is `grid`, to which D, H and V are brought.
class Planes {
public:
    Planes() = default;
    Planes(Shape image, std::pmr::memory_resource* memory) : image_(image), grid_(reduced(image, 1)) {
        for (Padded& plane : planes_) plane = Padded(grid_, memory);
    }

    Shape image() const { return image_; }
    Shape grid() const { return grid_; }
    Padded& operator[](int plane) { return planes_[static_cast<std::size_t>(plane)]; }
    const Padded& operator[](int plane) const { return planes_[static_cast<std::size_t>(plane)]; }

    Shape shape(int plane) const { return shape_of_plane(image_, plane); }
    View<std::int32_t> pixels(int plane) { return (*this)[plane].inside(shape(plane)); }
    View<const std::int32_t> pixels(int plane) const { return (*this)[plane].inside(shape(plane)); }

    // What a tap of any row names.
    const std::int32_t* at(Tap tap, std::int32_t row) const {
        return (*this)[tap.plane].row(row + tap.row) + tap.column;
    }

    // A plane is known now: its border is repeated around it; A stands in for an empty one.
    void complete(int plane) {
        if (shape(plane).size())
            (*this)[plane].pad(shape(plane));
        else
            (*this)[plane].copy((*this)[0]);
    }

    void split(View<const std::int32_t> image) {
        for (int plane = 0; plane < planes_of_level; ++plane) {
            const View<const std::int32_t> from = image.every(2, parities[plane].row, parities[plane].column);
            const View<std::int32_t> to = pixels(plane);
            for (std::int32_t r = 0; r < to.shape.rows; ++r)
                for (std::int32_t c = 0; c < to.shape.columns; ++c) to.at(r, c) = from.at(r, c);
        }
    }

    // The inverse of `split`.
    void join(View<std::int32_t> image) const {
        for (std::int32_t r = 0; r < image_.rows; ++r) {
            const std::int32_t* even = pixels(r % 2 ? 3 : 0).row(r / 2);
            const std::int32_t* odd = pixels(r % 2 ? 1 : 2).row(r / 2);
            std::int32_t* to = image.row(r);
            for (std::int32_t c = 0; c < image_.columns / 2; ++c)
                to[2 * c * image.step] = even[c], to[(2 * c + 1) * image.step] = odd[c];
            if (image_.columns % 2) to[(image_.columns - 1) * image.step] = even[image_.columns / 2];
        }
    }

private:
    Shape image_, grid_;
    std::array<Padded, planes_of_level> planes_;
};

}  // namespace dicompress::pyramid
