// A stream to pixels.
#pragma once

#include "codec/container.hpp"

namespace dicompress {

// What is wanted of a stream. level: the image at 1/2^level resolution. frame: one of them. region: in the image at this
// resolution. outer: the planes of other streams that this one leans on, whole, at this level.
struct Wanted {
    int level = 0;
    std::optional<std::int64_t> frame = {};
    std::optional<Place> region = {};
    std::vector<ConstPixelPlane> outer = {};
};

// The shape of what is wanted: frames, rows and columns of `samples`. Throws kind argument for what the stream does not have.
struct Extent {
    std::int64_t frames;
    Shape shape;
};
Extent extent(const Facts& facts, int levels, const Wanted& wanted);

// Decodes what is wanted into `pixels`, which have its extent, and nothing that it does not depend on. stream: with the sections
// down to the level. Throws StreamError for damaged ones, kind argument for outer planes that are not those.
void decode(const Model& model, const Stream& stream, const Wanted& wanted, const Pixels& pixels, Context& context);

}  // namespace dicompress
