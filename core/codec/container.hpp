// Streams as bytes: header, heads of the planes, one section a level, a CRC-32 behind each (docs/format.md).
#pragma once

#include "codec/stream.hpp"

namespace dicompress {

// What untrusted input may claim.
struct Limits {
    std::uint64_t pixels;  // samples of all frames
    std::uint64_t memory;  // bytes
};

// What is written: the facts, the heads, and of every level, the coarsest first, its chunks plane by plane, tile by tile.
Bytes write_stream(const Facts& facts, int levels, const std::vector<Bytes>& heads,
                   const std::vector<std::vector<Bytes>>& chunks);

// Inverse of `write_stream`: what is needed for the image at 1/2^level resolution, and nothing behind it; without a level the
// header and the heads alone. The stream keeps views of `data`. Throws StreamError for data that is not ours, damaged or too
// short, LimitError, kinds unknown_model (version, coder) and argument (a level it lacks), all before any large allocation.
Stream read_stream(ByteSpan data, std::optional<int> level, const Limits& limits, std::pmr::memory_resource* memory);

}  // namespace dicompress
