// Coding a band of a tensor: what other parts of the codec call.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "coder/band.hpp"

namespace dicompress {

// The vectors that a band is coded with. Whichever it is, the numbers are the same: only + - x / and integers.
enum class Vectors { plain, avx2, avx512 };

// The widest that this processor has.
Vectors best_vectors();

inline constexpr std::uint8_t coder_revision = 1;  // of all that turns parameters into bits; changes with any of it

// Codes the band's symbols; with an error allowed they become what the decoder will give. lanes_used: see Writer.
// memory: of what grows with the band, up to some 12 bytes a symbol.
std::vector<std::uint8_t> encode(const Band& band, bool& lanes_used, Vectors vectors,
                                 std::pmr::memory_resource* memory);

// The inverse; memory: some 250 bytes a column. Throws DamagedStream.
void decode(const Band& band, std::span<const std::uint8_t> bytes, bool lanes_used, Vectors vectors,
            std::pmr::memory_resource* memory);

// The sum of -log2 p in bits: what no coder with these probabilities can go below.
double code_length(const Band& band, std::pmr::memory_resource* memory);

// With the widest vectors.
inline std::vector<std::uint8_t> encode(const Band& band, bool& lanes_used, std::pmr::memory_resource* memory) {
    return encode(band, lanes_used, best_vectors(), memory);
}
inline void decode(const Band& band, std::span<const std::uint8_t> bytes, bool lanes_used,
                   std::pmr::memory_resource* memory) {
    decode(band, bytes, lanes_used, best_vectors(), memory);
}

}  // namespace dicompress
