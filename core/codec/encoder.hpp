// Pixels to a stream.
#pragma once

#include "codec/container.hpp"

namespace dicompress {

struct Settings {
    int bits_stored = 0;      // DICOM's Bits Stored, for the record; 0 for all
    bool has_frames = false;  // whether the array has an axis of frames
    std::int32_t near = 0;    // by how much a decoded pixel may differ
    Runs exact = {};          // values of grey pixels that come back as they were even so, and that no other pixel takes
    bool neighbours = false;  // frames may lean on one or two beside them, where that pays
    std::vector<ConstPixelPlane> outer = {};  // planes of other streams that a single image in grey may lean on, at most two
};

// Throws kind unsupported for pixels that cannot be compressed, kind argument for impossible settings.
void check_settings(const ConstPixels& pixels, const Settings& settings);

// Compresses without loss, or with a bounded error. decoded: where the pixels go as they will be decoded, if errors are allowed;
// of the same shape. Throws as check_settings does.
Bytes encode(const Model& model, const ConstPixels& pixels, const Settings& settings, const Pixels& decoded, Context& context);

// Throws kind verification unless no pixel is off by more than `near`, and none that has or takes an exact value at all.
void check_bound(const ConstPixels& original, const ConstPixels& decoded, std::int32_t near, const Runs& exact);

}  // namespace dicompress
