// The weights of a pyramid model: its networks in one file, and those that the library carries.
#pragma once

#include <span>
#include <vector>

#include "network/network.hpp"

namespace dicompress {

struct Weights {
    Weights() = default;
    Weights(Weights&&) = default;
    Weights& operator=(Weights&&) = default;

    bool references = false;        // the networks have inputs for a plane that was decoded before
    std::vector<Network> networks;  // D, H, V; then, if there are any, those for images that were a JPEG once, which take none

    bool former_jpegs() const { return networks.size() > 3; }
};

// Throws StreamError.
Weights read_weights(ByteSpan file, std::pmr::memory_resource* memory);

// The files `weights.bin` that the library carries; the XXH64 of one is the model's hash.
std::span<const ByteSpan> installed_weights();

}  // namespace dicompress
