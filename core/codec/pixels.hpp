// Pixels as callers hold them: integers of 8 or 16 bits, in frames, rows, columns and samples of any stride.
#pragma once

#include <bit>
#include <cstdint>
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

    // Pixels of a row, from `column` on.
    void read(std::int32_t row, std::int32_t column, std::span<std::int32_t> to) const {
        with_type(type, [&](auto pixel) {
            const auto* from = reinterpret_cast<const decltype(pixel)*>(at(row, column));
            if (step == 1)
                for (std::size_t i = 0; i < to.size(); ++i) to[i] = from[i];
            else
                for (std::size_t i = 0; i < to.size(); ++i) to[i] = from[static_cast<std::ptrdiff_t>(i) * step];
        });
    }
    void write(std::int32_t row, std::int32_t column, std::span<const std::int32_t> numbers) const {
        with_type(type, [&](auto pixel) {
            using T = decltype(pixel);
            auto* to = reinterpret_cast<T*>(at(row, column));
            if (step == 1)
                for (std::size_t i = 0; i < numbers.size(); ++i) to[i] = static_cast<T>(numbers[i]);
            else
                for (std::size_t i = 0; i < numbers.size(); ++i)
                    to[static_cast<std::ptrdiff_t>(i) * step] = static_cast<T>(numbers[i]);
        });
    }
    void gather(std::int32_t row, std::span<const std::int32_t> columns, std::int32_t* to) const {
        with_type(type, [&](auto pixel) {
            const auto* from = reinterpret_cast<const decltype(pixel)*>(at(row, 0));
            for (std::size_t i = 0; i < columns.size(); ++i) to[i] = from[columns[i] * step];
        });
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
inline std::uint64_t digest_of(const ConstPixelPlane& plane) {
    Bytes start;
    for (std::int32_t n : {static_cast<std::int32_t>(plane.type), plane.shape.rows, plane.shape.columns})
        put_little_endian(start, static_cast<std::uint32_t>(n));
    Digest digest;
    digest.update(start);
    const auto count = static_cast<std::size_t>(plane.shape.columns) * static_cast<std::size_t>(bytes_of(plane.type));
    if (plane.step == 1 && (std::endian::native == std::endian::little || bytes_of(plane.type) == 1)) {
        for (std::int32_t row = 0; row < plane.shape.rows; ++row) digest.update({plane.at(row, 0), count});
        return digest.value();
    }
    Bytes line(count);
    for (std::int32_t row = 0; row < plane.shape.rows; ++row) {
        for (std::int32_t column = 0; column < plane.shape.columns; ++column) {
            const std::uint8_t* pixel = plane.at(row, column);
            if (bytes_of(plane.type) == 1) {
                line[static_cast<std::size_t>(column)] = *pixel;
                continue;
            }
            std::uint16_t value;
            std::memcpy(&value, pixel, 2);
            line[2 * static_cast<std::size_t>(column)] = static_cast<std::uint8_t>(value);
            line[2 * static_cast<std::size_t>(column) + 1] = static_cast<std::uint8_t>(value >> 8);
        }
        digest.update(line);
    }
    return digest.value();
}

}  // namespace dicompress
