// Steps of layers that take activations one by one, in AVX2; a processor with AVX-512 has it, too, and they are 5 % of its time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dicompress::network {

void avx2_add(std::uint8_t* to, const std::uint8_t* other, std::size_t count);
void avx2_leak(std::uint8_t* values, int quarters, std::size_t count);
void avx2_gate(std::uint8_t* values, const std::uint8_t* gates, std::size_t count);

}  // namespace dicompress::network
