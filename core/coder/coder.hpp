// Coding a band of a tensor: what other parts of the codec call.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "coder/band.hpp"

namespace dicompress {

// The vectors that a band is coded with. Whichever it is, the numbers are the same: only + - x / and integers.
enum class Vectors { plain, avx2, avx512 };

// The widest that this processor has.
Vectors best_vectors();

// Codes the band's symbols; with an error allowed they become what the decoder will give. lanes_used: see Writer.
std::vector<std::uint8_t> encode(const Band& band, bool& lanes_used, Vectors vectors = best_vectors());

// The inverse. Throws DamagedStream.
void decode(const Band& band, std::span<const std::uint8_t> bytes, bool lanes_used, Vectors vectors = best_vectors());

// The sum of -log2 p in bits: what no coder with these probabilities can go below.
double code_length(const Band& band);

}  // namespace dicompress
