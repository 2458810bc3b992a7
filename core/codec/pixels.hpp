// Pixels as callers hold them: integers of 8 or 16 bits, in frames, rows, columns and samples of any stride.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>

#include "base/digest.hpp"
#include "base/grid.hpp"

namespace dicompress {

enum class PixelType : std::uint8_t { u8, i8, u16, i16 };

inline int bytes_of(PixelType type) { return type == PixelType::u8 || type == PixelType::i8 ? 1 : 2; }
inline bool is_signed(PixelType type) { return type == PixelType::i8 || type == PixelType::i16; }
inline std::int32_t lowest(PixelType type) { return is_signed(type) ? -(1 << (8 * bytes_of(type) - 1)) : 0; }
inline std::int32_t highest(PixelType type) { return lowest(type) + (1 << (8 * bytes_of(type))) - 1; }
inline std::string name_of(PixelType type) {
    return (is_signed(type) ? "int" : "uint") + std::to_string(8 * bytes_of(type));
}

// work(T()) for the C++ type of `type`.
template <class Work>
void with_type(PixelType type, Work work) {
    switch (type) {
        case PixelType::u8: return work(std::uint8_t());
        case PixelType::i8: return work(std::int8_t());
        case PixelType::u16: return work(std::uint16_t());
        case PixelType::i16: return work(std::int16_t());
    }
}

// One sample of one frame. stride, step: from row to row and from column to column, in pixels.
template <class Byte>
struct PlaneOf {
    Byte* data = nullptr;  // std::uint8_t, const or not
    PixelType type = PixelType::u8;
    Shape shape;
    std::ptrdiff_t stride = 0, step = 1;

    operator PlaneOf<const Byte>() const { return {data, type, shape, stride, step}; }

    Byte* at(std::int64_t row, std::int64_t column) const {
        return data + (row * stride + column * step) * bytes_of(type);
    }
    PlaneOf part(std::int32_t row, std::int32_t column, Shape of) const { return {at(row, column), type, of, stride, step}; }

    // Pixels of a row, from `column` on. They need not be aligned.
    void read(std::int32_t row, std::int32_t column, std::span<std::int32_t> to) const {
        with_type(type, [&](auto pixel) {
            using T = decltype(pixel);
            const std::uint8_t* from = at(row, column);
            if (step == 1)
                for (std::size_t i = 0; i < to.size(); ++i) to[i] = load<T>(from + i * sizeof(T));
            else
                for (std::size_t i = 0; i < to.size(); ++i, from += step * std::ptrdiff_t{sizeof(T)}) to[i] = load<T>(from);
        });
    }
    void write(std::int32_t row, std::int32_t column, std::span<const std::int32_t> numbers) const {
        with_type(type, [&](auto pixel) {
            using T = decltype(pixel);
            std::uint8_t* to = at(row, column);
            if (step == 1)
                for (std::size_t i = 0; i < numbers.size(); ++i) store<T>(to + i * sizeof(T), numbers[i]);
            else
                for (std::int32_t number : numbers) store<T>(to, number), to += step * std::ptrdiff_t{sizeof(T)};
        });
    }
    void gather(std::int32_t row, std::span<const std::int32_t> columns, std::int32_t* to) const {
        with_type(type, [&](auto pixel) {
            using T = decltype(pixel);
            const std::uint8_t* from = at(row, 0);
            for (std::size_t i = 0; i < columns.size(); ++i) to[i] = load<T>(from + columns[i] * step * std::ptrdiff_t{sizeof(T)});
        });
    }

private:
    template <class T>
    static T load(const std::uint8_t* from) {
        T value;
        std::memcpy(&value, from, sizeof value);
        return value;
    }
    template <class T>
    static void store(std::uint8_t* to, std::int32_t number) {
        const auto value = static_cast<T>(number);
        std::memcpy(to, &value, sizeof value);
    }
};

using PixelPlane = PlaneOf<std::uint8_t>;
using ConstPixelPlane = PlaneOf<const std::uint8_t>;

// An array (frames, rows, columns, samples), C order.
template <class Byte>
struct PixelsOf {
    Byte* data = nullptr;
    PixelType type = PixelType::u8;
    std::int64_t frames = 0;
    Shape shape;
    int samples = 1;

    operator PixelsOf<const Byte>() const { return {data, type, frames, shape, samples}; }

    std::size_t frame_bytes() const {
        return shape.size() * static_cast<std::size_t>(samples) * static_cast<std::size_t>(bytes_of(type));
    }
    // Number `number` of the planes: the samples of the first frame, those of the second ...
    PlaneOf<Byte> plane(std::int64_t number) const {
        Byte* first = data + static_cast<std::size_t>(number / samples) * frame_bytes() + number % samples * bytes_of(type);
        return {first, type, shape, std::ptrdiff_t{shape.columns} * samples, samples};
    }
};

using Pixels = PixelsOf<std::uint8_t>;
using ConstPixels = PixelsOf<const std::uint8_t>;

// The checksum of a plane: XXH64 of its type's code, rows and columns as 4 bytes each, and its pixels, all little-endian.
class PlaneDigest {
public:
    PlaneDigest(PixelType type, Shape shape) : type_(type) {
        Bytes start;
        for (std::int32_t n : {static_cast<std::int32_t>(type), shape.rows, shape.columns})
            put_little_endian(start, static_cast<std::uint32_t>(n));
        digest_.update(start);
    }

    // `count` pixels, the next one `step` further.
    void update(const std::uint8_t* pixels, std::size_t count, std::ptrdiff_t step) {
        const std::ptrdiff_t bytes = bytes_of(type_);
        if (step == 1 && (bytes == 1 || std::endian::native == std::endian::little)) {
            digest_.update({pixels, count * static_cast<std::size_t>(bytes)});
            return;
        }
        std::uint8_t piece[2 * piece_pixels];
        while (count) {
            const std::size_t taken = std::min(count, piece_pixels);
            for (std::size_t i = 0; i < taken; ++i, pixels += step * bytes) {
                if (bytes == 1) {
                    piece[i] = *pixels;
                    continue;
                }
                std::uint16_t value;
                std::memcpy(&value, pixels, 2);
                piece[2 * i] = static_cast<std::uint8_t>(value), piece[2 * i + 1] = static_cast<std::uint8_t>(value >> 8);
            }
            digest_.update({piece, taken * static_cast<std::size_t>(bytes)});
            count -= taken;
        }
    }

    std::uint64_t value() const { return digest_.value(); }

    static constexpr std::size_t piece_pixels = 2048;

private:
    PixelType type_;
    Digest digest_;
};

inline std::uint64_t digest_of(const ConstPixelPlane& plane) {
    PlaneDigest digest(plane.type, plane.shape);
    for (std::int32_t row = 0; row < plane.shape.rows; ++row)
        digest.update(plane.at(row, 0), static_cast<std::size_t>(plane.shape.columns), plane.step);
    return digest.value();
}

// Of a plane whose pixels are all `value`.
inline std::uint64_t digest_of(PixelType type, Shape shape, std::int32_t value) {
    std::uint8_t pixels[2 * PlaneDigest::piece_pixels];
    constexpr auto count = static_cast<std::int32_t>(PlaneDigest::piece_pixels);
    const PlaneOf<std::uint8_t> piece{pixels, type, {1, count}, count, 1};
    const std::int32_t one[] = {value};
    for (std::int32_t column = 0; column < count; ++column) piece.write(0, column, one);
    PlaneDigest digest(type, shape);
    for (std::size_t left = shape.size(); left;) {
        const std::size_t taken = std::min(left, PlaneDigest::piece_pixels);
        digest.update(pixels, taken, 1);
        left -= taken;
    }
    return digest.value();
}

}  // namespace dicompress
