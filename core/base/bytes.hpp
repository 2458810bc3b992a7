// Bytes and numbers in 7-bit groups, least significant first (LEB128); a reader that cannot run past the end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/errors.hpp"

namespace dicompress {

using Bytes = std::vector<std::uint8_t>;
using ByteSpan = std::span<const std::uint8_t>;

inline void put_varint(Bytes& to, std::uint64_t value) {
    for (; value > 127; value >>= 7) to.push_back(static_cast<std::uint8_t>(value | 128));
    to.push_back(static_cast<std::uint8_t>(value));
}

inline void put(Bytes& to, ByteSpan bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

template <class T>
void put_little_endian(Bytes& to, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// 0, -1, 1, -2 ... as 0, 1, 2, 3 ...
inline std::uint64_t zigzag(std::int64_t value) {
    return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t code) {
    return static_cast<std::int64_t>(code >> 1) ^ -static_cast<std::int64_t>(code & 1);
}
inline void put_signed(Bytes& to, std::int64_t value) { put_varint(to, zigzag(value)); }

// From front to back; throws StreamError instead of reading past the end.
class Reader {
public:
    explicit Reader(ByteSpan data) : data_(data) {}

    std::size_t position() const { return position_; }
    std::size_t left() const { return data_.size() - position_; }
    ByteSpan data() const { return data_; }

    ByteSpan take(std::uint64_t count) {
        if (count > left())
            throw StreamError("the data ends at byte " + std::to_string(data_.size()) + ", " + std::to_string(count) +
                              " bytes were expected at " + std::to_string(position_));
        const ByteSpan found = data_.subspan(position_, static_cast<std::size_t>(count));
        position_ += static_cast<std::size_t>(count);
        return found;
    }

    std::uint8_t byte() { return take(1)[0]; }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 63; shift += 7) {
            const std::uint8_t next = byte();
            value |= std::uint64_t{next & 127u} << shift;
            if (next < 128) return value;
        }
        throw StreamError("a number of more than nine bytes at byte " + std::to_string(position_));
    }
    std::int64_t signed_varint() { return unzigzag(varint()); }

    template <class T>
    T little_endian() {
        T value = 0;
        const ByteSpan bytes = take(sizeof(T));
        for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value | static_cast<T>(bytes[i]) << (8 * i));
        return value;
    }

    void finish() const {
        if (left()) throw StreamError(std::to_string(left()) + " bytes left over at the end");
    }

private:
    ByteSpan data_;
    std::size_t position_ = 0;
};

}  // namespace dicompress
