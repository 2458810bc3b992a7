// A range coder (arithmetic coding by words): 64-bit range, 32-bit words, carries resolved in the output.
//
// The state is an interval [low, low + range) of 64-bit numbers, range >= 2^32. A symbol with the interval
// [begin, end) of 2^24 parts narrows it; a range below 2^32 shifts one word out. Martin, "Range encoding" (1979).
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/errors.hpp"
#include "coder/mixture.hpp"

namespace dicompress {

class RangeEncoder {
public:
    void encode(std::int64_t begin, std::int64_t end) {
        const std::uint64_t part = range_ >> probability_bits;
        add(part * static_cast<std::uint64_t>(begin));
        range_ = part * static_cast<std::uint64_t>(end - begin);
        while (range_ < (std::uint64_t{1} << 32)) {
            push(4);
            range_ <<= 32;
        }
    }

    // The shortest tail that, followed by any bytes, names a number inside the interval: 1 to 8 bytes.
    std::vector<std::uint8_t> finish() {
        for (int bytes = 0;; ++bytes) {
            const std::uint64_t tail = bytes == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << (64 - 8 * bytes)) - 1;
            const std::uint64_t shift = (~low_ + 1) & tail;  // up to the next multiple of tail + 1
            if (shift < range_ && tail <= range_ - 1 - shift) {
                add(shift);
                push(bytes);
                return std::move(bytes_);
            }
        }
    }

private:
    void add(std::uint64_t amount) {
        low_ += amount;
        if (low_ < amount)
            for (auto byte = bytes_.rbegin(); byte != bytes_.rend() && ++*byte == 0; ++byte) {
            }
    }

    void push(int count) {
        for (int i = 0; i < count; ++i) {
            bytes_.push_back(static_cast<std::uint8_t>(low_ >> 56));
            low_ <<= 8;
        }
    }

    std::uint64_t low_ = 0, range_ = ~std::uint64_t{0};
    std::vector<std::uint8_t> bytes_;
};

struct DamagedStream : StreamError {
    explicit DamagedStream(const char* what) : StreamError(std::string("damaged pixel data: ") + what) {}
};

class RangeDecoder {
public:
    RangeDecoder() = default;
    explicit RangeDecoder(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
        word();
        word();
    }

    // Where in the 2^24 parts the coded symbol lies.
    std::int64_t target() const {
        const std::uint64_t target = offset_ / (range_ >> probability_bits);
        if (target >= static_cast<std::uint64_t>(probability_total)) throw DamagedStream("impossible code value");
        return static_cast<std::int64_t>(target);
    }

    // Go on behind the symbol whose interval is [begin, end).
    void skip(std::int64_t begin, std::int64_t end) {
        const std::uint64_t part = range_ >> probability_bits;
        offset_ -= part * static_cast<std::uint64_t>(begin);
        range_ = part * static_cast<std::uint64_t>(end - begin);
        while (range_ < (std::uint64_t{1} << 32)) {
            word();
            range_ <<= 32;
        }
    }

    // Decode which part of the 2^24 parts comes: whether it is the first `parts` of them.
    bool decide(std::int64_t parts) {
        const bool first = offset_ < (range_ >> probability_bits) * static_cast<std::uint64_t>(parts);
        if (!first) target();  // may be impossible
        skip(first ? 0 : parts, first ? parts : std::int64_t{probability_total});
        return first;
    }

    // Every byte must have been needed: the encoder writes one to eight bytes behind the last word shifted out.
    void finish() const {
        if (position_ < bytes_.size()) throw DamagedStream("bytes left over after the last value");
    }

private:
    void word() {
        for (int i = 0; i < 4; ++i, ++position_)
            offset_ = offset_ << 8 | (position_ < bytes_.size() ? bytes_[position_] : 0);
        if (position_ > bytes_.size() + 7) throw DamagedStream("the data ends too early");
    }

    std::span<const std::uint8_t> bytes_;
    std::size_t position_ = 0;
    std::uint64_t offset_ = 0, range_ = ~std::uint64_t{0};
};

}  // namespace dicompress
