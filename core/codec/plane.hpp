// One plane, a frame's or a sample's: value range, packing table, model header, tiles, a digest of the pixels.
#pragma once

#include "codec/content.hpp"
#include "codec/stream.hpp"

namespace dicompress {

struct EncodedPlane {
    Bytes head;
    std::vector<std::vector<Bytes>> tiles;  // of every tile its chunks, of the highest level first; none of a constant plane
    bool leans_on_samples = false;
    std::vector<std::int64_t> distances;
};

// sample: the number of this one of its frame. decoded: where its pixels go as they will be decoded, if errors are allowed.
EncodedPlane encode_plane(const Model& model, const ConstPixelPlane& pixels, int sample, int levels, std::int32_t near,
                          const Content& content, const Choice& chosen, const PixelPlane& decoded, Context& context);

// Decodes the tiles of a plane one by one.
class PlaneDecoder {
public:
    // before: the other samples' planes, references: those it leans on; decoded, at this level, at least in the tiles that are
    // asked for. They outlive this.
    PlaneDecoder(const Model& model, const Stream& stream, std::int64_t number, int level,
                 std::vector<ConstPixelPlane> before, std::vector<ConstPixelPlane> references, Context& context);

    // Tile `number` goes to its place in `plane`, a plane at this level. place: the plane's own first pixel in the frame.
    void decode(std::int64_t number, const PixelPlane& plane, const Place& area, Context& context) const;

private:
    void write(const Place& place, View<std::int32_t> numbers, const PixelPlane& plane, const Place& area) const;

    const Model& model_;
    const Stream& stream_;
    const std::int64_t number_;
    const Head& head_;
    const int level_;
    const std::vector<ConstPixelPlane> references_;
    const bool sample_;  // not the first of its frame
    colour::Said said_;
    Values values_;
};

}  // namespace dicompress
