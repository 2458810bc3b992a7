// XXH64, a checksum of 64 bits (Y. Collet, "xxHash fast digest algorithm", specification 0.1.1), seed 0.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/bytes.hpp"

namespace dicompress {

class Digest {
public:
    void update(ByteSpan bytes) {
        if (bytes.empty()) return;
        length_ += bytes.size();
        if (held_) {
            const std::size_t count = std::min(bytes.size(), stripe - held_);
            std::memcpy(rest_ + held_, bytes.data(), count);
            held_ += count;
            bytes = bytes.subspan(count);
            if (held_ < stripe) return;
            take(rest_);
            held_ = 0;
        }
        for (; bytes.size() >= stripe; bytes = bytes.subspan(stripe)) take(bytes.data());
        held_ = bytes.size();
        if (held_) std::memcpy(rest_, bytes.data(), held_);
    }

    std::uint64_t value() const {
        std::uint64_t hash = prime5;
        if (length_ >= stripe) {
            hash = std::rotl(sums_[0], 1) + std::rotl(sums_[1], 7) + std::rotl(sums_[2], 12) + std::rotl(sums_[3], 18);
            for (std::uint64_t sum : sums_) hash = (hash ^ round(0, sum)) * prime1 + prime4;
        }
        hash += length_;
        std::size_t at = 0;
        for (; at + 8 <= held_; at += 8)
            hash = std::rotl(hash ^ round(0, word<std::uint64_t>(rest_ + at)), 27) * prime1 + prime4;
        for (; at + 4 <= held_; at += 4)
            hash = std::rotl(hash ^ word<std::uint32_t>(rest_ + at) * prime1, 23) * prime2 + prime3;
        for (; at < held_; ++at) hash = std::rotl(hash ^ rest_[at] * prime5, 11) * prime1;
        hash = (hash ^ hash >> 33) * prime2;
        hash = (hash ^ hash >> 29) * prime3;
        return hash ^ hash >> 32;
    }

private:
    static constexpr std::uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F, prime3 = 0x165667B19E3779F9,
                                   prime4 = 0x85EBCA77C2B2AE63, prime5 = 0x27D4EB2F165667C5;
    static constexpr std::size_t stripe = 32;

    template <class T>
    static std::uint64_t word(const std::uint8_t* bytes) {
        T value;
        std::memcpy(&value, bytes, sizeof value);
        if constexpr (std::endian::native == std::endian::big) {
            T turned = 0;
            for (std::size_t i = 0; i < sizeof(T); ++i) turned = static_cast<T>(turned << 8 | (value >> (8 * i) & 255));
            value = turned;
        }
        return value;
    }
    static std::uint64_t round(std::uint64_t sum, std::uint64_t input) {
        return std::rotl(sum + input * prime2, 31) * prime1;
    }
    void take(const std::uint8_t* bytes) {
        for (int i = 0; i < 4; ++i) sums_[i] = round(sums_[i], word<std::uint64_t>(bytes + 8 * i));
    }

    std::uint64_t sums_[4] = {prime1 + prime2, prime2, 0, 0 - prime1};
    std::uint64_t length_ = 0;
    std::uint8_t rest_[stripe];
    std::size_t held_ = 0;
};

inline std::uint64_t digest_of(ByteSpan bytes) {
    Digest digest;
    digest.update(bytes);
    return digest.value();
}

}  // namespace dicompress
