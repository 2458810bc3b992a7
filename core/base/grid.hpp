// Rows and columns of numbers: as they lie somewhere (View), and owned (Grid).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <type_traits>
#include <utility>

namespace dicompress {

struct Shape {
    std::int32_t rows = 0, columns = 0;

    std::size_t size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns); }
    bool operator==(const Shape&) const = default;
};

// The shape of an image at 1/2^level resolution.
inline Shape reduced(Shape shape, int level) {
    const std::int32_t more = (1 << level) - 1;
    return {(shape.rows + more) >> level, (shape.columns + more) >> level};
}

// stride, step: from row to row and from column to column, in numbers.
template <class T>
struct View {
    T* data = nullptr;
    Shape shape;
    std::ptrdiff_t stride = 0, step = 1;

    View() = default;
    View(T* data, Shape shape) : View(data, shape, shape.columns) {}
    View(T* data, Shape shape, std::ptrdiff_t stride, std::ptrdiff_t step = 1)
        : data(data), shape(shape), stride(stride), step(step) {}
    operator View<const T>() const { return {data, shape, stride, step}; }

    T* row(std::ptrdiff_t row) const { return data + row * stride; }
    T& at(std::ptrdiff_t row, std::ptrdiff_t column) const { return data[row * stride + column * step]; }
    View part(std::ptrdiff_t row, std::ptrdiff_t column, Shape of) const { return {&at(row, column), of, stride, step}; }
    // [first_row :: 2, first_column :: 2] and the like.
    View every(std::int32_t count, std::int32_t first_row = 0, std::int32_t first_column = 0) const {
        const Shape left{shape.rows - first_row + count - 1, shape.columns - first_column + count - 1};
        return {data + first_row * stride + first_column * step, {left.rows / count, left.columns / count}, stride * count,
                step * count};
    }
};

// Numbers of its own, not set to anything. memory: that they are taken from.
template <class T>
class Grid {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    Grid() = default;
    Grid(Shape shape, std::pmr::memory_resource* memory)
        : memory_(memory), shape_(shape), data_(static_cast<T*>(memory->allocate(bytes(), alignment))) {}
    Grid(Grid&& other) noexcept { swap(other); }
    Grid& operator=(Grid&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Grid() {
        if (data_) memory_->deallocate(data_, bytes(), alignment);
    }

    Shape shape() const { return shape_; }
    View<T> view() { return {data_, shape_}; }
    View<const T> view() const { return {data_, shape_}; }
    T* data() { return data_; }
    const T* data() const { return data_; }
    T* row(std::ptrdiff_t row) { return data_ + row * shape_.columns; }
    const T* row(std::ptrdiff_t row) const { return data_ + row * shape_.columns; }
    explicit operator bool() const { return data_ != nullptr; }

private:
    static constexpr std::size_t alignment = 64;

    std::size_t bytes() const { return shape_.size() * sizeof(T); }
    void swap(Grid& other) noexcept {
        std::swap(memory_, other.memory_), std::swap(shape_, other.shape_), std::swap(data_, other.data_);
    }

    std::pmr::memory_resource* memory_ = nullptr;
    Shape shape_;
    T* data_ = nullptr;
};

}  // namespace dicompress
