// A tile of an image under `pyramid`: its tensors are its planes, and the coder works in these.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "model/model.hpp"
#include "network/weights.hpp"
#include "pyramid/header.hpp"
#include "pyramid/planes.hpp"
#include "pyramid/reference.hpp"

namespace dicompress::pyramid {

class PyramidTile final : public Tile {
public:
    // references: at 1/2^lowest resolution. The weights outlive the tile.
    PyramidTile(const Weights& weights, Header header, Shape shape, const Values& values,
                std::span<const View<const std::int32_t>> references, int lowest, Context& context);

    void analyse(View<const std::int32_t> pixels) override;
    std::unique_ptr<Prediction> predict(std::size_t k) override;
    void synthesise(int level, View<std::int32_t> pixels) override;

private:
    class OfTop;
    class OfPhase;

    void begin(int level);
    void fold(View<const std::int32_t> top);
    void unfold(View<std::int32_t> top) const;
    const Network& network(int phase) const;
    int levels() const { return static_cast<int>(header_.levels.size()); }

    const Weights& weights_;
    const Header header_;
    const Shape shape_;
    const Values values_;
    const std::vector<View<const std::int32_t>> references_;
    const int lowest_;
    Context& context_;

    Grid<std::int32_t> top_;      // p - west - north + north-west of the coarsest grid, wrapped around zero
    std::vector<Planes> planes_;  // by level
    bool analysed_ = false;

    // Of the level that is being predicted.
    LevelHeader level_;
    std::optional<Reference> reference_;
    Grid<float> parameters_;
    Grid<std::int32_t> bases_[2];  // of this phase and the one before, taking turns
    Grid<std::int32_t> copied_;
    Grid<std::uint8_t> features_[2];
};

}  // namespace dicompress::pyramid
