// The file of a pyramid model's weights: "dcmw", a byte for the version, flags (1: references, 2: networks for former JPEGs),
// then every network behind its length as a uint32: D, H, V, and the same for former JPEGs. Little-endian.
#include "network/weights.hpp"

#include <algorithm>

namespace dicompress {

Weights read_weights(ByteSpan file, std::pmr::memory_resource* memory) {
    constexpr std::uint8_t magic[] = {'d', 'c', 'm', 'w', 1};
    Reader reader(file);
    if (!std::ranges::equal(reader.take(std::size(magic)), magic))
        throw StreamError("this is no file of weights, or one of a version that is not known here");
    const std::uint8_t flags = reader.byte();
    if (flags > 3) throw StreamError("a file of weights has flags that are not known here");
    Weights weights;
    weights.references = flags & 1;
    for (int k = 0, count = flags & 2 ? 6 : 3; k < count; ++k) {
        Reader part(reader.take(reader.little_endian<std::uint32_t>()));
        const Network& network = weights.networks.emplace_back(Network::read(part, memory));
        part.finish();
        const Network* before = k % 3 ? &weights.networks[static_cast<std::size_t>(k) - 1] : nullptr;
        if (network.features_in() != (before ? before->features_out() : 0) || (k % 3 == 2 && network.features_out()) ||
            network.components() != weights.networks[0].components())
            throw StreamError("the networks of a file of weights do not fit one another");
    }
    reader.finish();
    return weights;
}

}  // namespace dicompress
