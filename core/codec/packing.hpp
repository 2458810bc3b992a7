// Sparse histograms: where most values between the smallest and the largest never occur, code ranks instead.
//
// Digitised films and rescaled images use every 2nd, 16th or 257th value only; a codec that does not know it pays for the gaps
// at every pixel.
#pragma once

#include "codec/bound.hpp"

namespace dicompress {

// The sorted values of an image if coding ranks is worth the table, else none. histogram: of low, low + 1 ...; near, exact: the
// error allowed in values and where it is not; ranks may allow less. Where that would cost more than it gains, gaps between
// exact values and the others may still be left out: then all values between the others are listed.
std::vector<std::int32_t> sparse_values(std::span<const std::int64_t> histogram, std::int32_t low, std::int32_t near,
                                        const Runs& exact);

}  // namespace dicompress
