// A network's layers with the memory that they lie in.
#pragma once

#include <array>
#include <vector>

#include "network/layers.hpp"
#include "network/network.hpp"

namespace dicompress {

struct Network::Parts {
    static constexpr int most_blocks = 4;

    struct Block {
        network::Convolution first, second;
        int slope = 0;
    };

    explicit Parts(std::pmr::memory_resource* memory) : bytes(memory), words(memory), integers(memory), floats(memory) {}

    int inputs = 0, features = 0, narrow = 0, components = 0;
    bool takes_features = false, gives_features = false, attends = false;
    int slope = 0, narrow_slope = 0;  // of leaky ReLUs, in quarters
    int count = 0;                    // of blocks
    network::Convolution head, pointwise, attention;
    std::array<Block, most_blocks> blocks;
    network::Depthwise depthwise;
    network::Wide wide;

    // What the layers point into.
    std::pmr::vector<std::pmr::vector<std::uint8_t>> bytes;
    std::pmr::vector<std::pmr::vector<std::int16_t>> words;
    std::pmr::vector<std::pmr::vector<std::int32_t>> integers;
    std::pmr::vector<std::pmr::vector<float>> floats;
};

}  // namespace dicompress
