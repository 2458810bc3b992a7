#include "pyramid/model.hpp"

#include <string>

#include "base/digest.hpp"
#include "pyramid/fit.hpp"
#include "pyramid/inputs.hpp"
#include "pyramid/tile.hpp"

namespace dicompress {

namespace {

constexpr int most_levels = 6;
constexpr std::int32_t coarsest = 16;  // pixels; levels are added until no side is longer

Hash hash_of(ByteSpan weights) {
    Hash hash;
    const std::uint64_t digest = digest_of(weights);
    for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::uint8_t>(digest >> (8 * i));
    return hash;
}

// Whether the networks take what the phases give.
void check(const Weights& weights) {
    const std::size_t count = weights.networks.size();
    bool fits = count == pyramid::phases || count == 2 * pyramid::phases;
    for (std::size_t k = 0; fits && k < count; ++k) {
        const Network& network = weights.networks[k];
        const int phase = static_cast<int>(k) % pyramid::phases + 1;
        fits = network.inputs() == pyramid::channels(phase, weights.references && k < pyramid::phases) &&
               network.features_in() == (phase > 1 ? weights.networks[k - 1].features_out() : 0) &&
               network.components() <= max_components;
    }
    if (!fits) throw StreamError("the weights are not of a pyramid's networks");
}

}  // namespace

Pyramid::Pyramid(ByteSpan weights, std::pmr::memory_resource* memory)
    : hash_(hash_of(weights)), weights_(read_weights(weights, memory)) {
    check(weights_);
}

std::unique_ptr<Pyramid> Pyramid::installed(const Hash& hash, std::pmr::memory_resource* memory) {
    for (ByteSpan weights : installed_weights())
        if (hash_of(weights) == hash) return std::make_unique<Pyramid>(weights, memory);
    return nullptr;
}

std::vector<Hash> Pyramid::installed() {
    std::vector<Hash> hashes;
    for (ByteSpan weights : installed_weights()) hashes.push_back(hash_of(weights));
    return hashes;
}

int Pyramid::most_references() const { return weights_.references ? pyramid::most_blended : 0; }

int Pyramid::levels(Shape shape) const {
    int level = 0;
    const auto longest = [&] { return std::max(reduced(shape, level).rows, reduced(shape, level).columns); };
    while (level < most_levels && longest() > coarsest) ++level;
    return level;
}

Bytes Pyramid::header(const Source& image, const Values& values, std::span<const Source* const> references,
                      Context& context) const {
    return write_header(pyramid::fit_header(image, values, levels(image.shape), references, context),
                        references.size());
}

std::vector<double> Pyramid::estimate(const Source& image, const Values& values,
                                      std::span<const std::vector<const Source*>> choices, Context& context) const {
    return pyramid::estimate_bits(image, values, choices, context);
}

std::unique_ptr<Tile> Pyramid::tile(ByteSpan header, Shape shape, const Values& values, int levels,
                                    std::span<const View<const std::int32_t>> references, int level,
                                    Context& context) const {
    const auto most = static_cast<std::size_t>(most_references());
    if (references.size() > most)
        throw StreamError("this model leans on " + std::to_string(most) + " planes at most, not on " +
                          std::to_string(references.size()));
    return std::make_unique<pyramid::PyramidTile>(weights_, pyramid::read_header(header, levels, references.size()),
                                                  shape, values, references, level, context);
}

}  // namespace dicompress
