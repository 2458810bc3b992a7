// Heads of planes as bytes.
#pragma once

#include "codec/stream.hpp"

namespace dicompress {

// sample: the number of this one of its frame.
Bytes write_head(const Head& head, int sample, std::int32_t near);

// Inverse of `write_head`, for a plane of a stream of such facts. Throws StreamError if it cannot be one.
Head read_head(Reader& reader, int sample, const Facts& facts);

}  // namespace dicompress
