// The one loop: a tile's tensors, coarse to fine, each coded under what the model predicts from those before.
//
// What a tile has of one level is a chunk: the coded tensors of this level, each behind its length.
#pragma once

#include <vector>

#include "model/model.hpp"

namespace dicompress {

// A tile whose tensors are known -> one chunk a level, of level `levels` first. Where errors are allowed its tensors become what
// decoding will give.
std::vector<Bytes> encode_tile(Tile& tile, int levels, Context& context);

// Inverse of `encode_tile`: makes the tensors known that lie in the chunks, of level `levels` and below. Throws StreamError if
// the chunks cannot have come from there.
void decode_tile(Tile& tile, std::span<const ByteSpan> chunks, int levels, Context& context);

}  // namespace dicompress
