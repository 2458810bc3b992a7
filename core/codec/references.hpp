// Which planes a plane leans on: none, one or two that are decoded before it, so that no circle and no long chain can be.
#pragma once

#include <map>
#include <vector>

#include "codec/stream.hpp"

namespace dicompress {

inline constexpr int most_depth = 16;  // planes that must be decoded one after the other before any other one

// How long the longest chain of planes below each is. Throws StreamError if planes lean on themselves, on each other or on one
// that does not exist, or are too deep.
std::vector<int> depths(const Stream& stream);

// 0, 2, 1, 4, 3 ...: every second frame after the one or two before it in this row, and the others between two of these.
std::vector<std::int64_t> coding_order(std::int64_t frames, bool neighbours);

// The choices of planes for plane `number` to lean on: samples before it of its frame, and, with `neighbours`, its sample of
// the frames that `coding_order` has beside it; if those are too deep, of the last frame that leans on none.
// depth: of the planes that are decoded before it.
std::vector<std::vector<std::int64_t>> candidates(std::int64_t number, int samples, bool neighbours,
                                                  const std::map<std::int64_t, int>& depth);

}  // namespace dicompress
