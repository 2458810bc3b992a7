// The low bits of numbers whose high bits are known: values of 32 and 64 bits, of which a model codes the highest 16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"

namespace dicompress {

inline constexpr int most_low_bits = 48;

// high: rows of numbers, `columns` each. low: `bits` bits of each, 1 to 48.
Bytes encode_lows(std::span<const std::uint16_t> high, std::span<const std::uint64_t> low, std::size_t columns,
                  int bits);

// The inverse. Throws StreamError.
std::vector<std::uint64_t> decode_lows(ByteSpan bytes, std::span<const std::uint16_t> high, std::size_t columns,
                                       int bits);

}  // namespace dicompress
