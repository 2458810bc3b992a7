#include "pyramid/tile.hpp"

#include "pyramid/inputs.hpp"

namespace dicompress::pyramid {

namespace {

// The coarsest grid's mixture: three deviations around zero.
constexpr float top_prior[] = {0, 0, 0, 0, 0, 0, -4096, 4096, 12288};
constexpr int top_components = 3;

}  // namespace

class PyramidTile::OfTop final : public Prediction {
public:
    explicit OfTop(PyramidTile& tile)
        : tile_(tile), parameters_({std::size(top_prior), columns()}, tile.context_.memory) {
        const std::int32_t count = tile.values_.count();
        spec = MixtureSpec{top_components, tile.header_.top_scale, -(count / 2), (count - 1) / 2};
        for (std::int32_t p = 0; p < parameters_.shape().rows; ++p)
            std::fill_n(parameters_.row(p), columns(), top_prior[p]);
    }

    Band band(std::int32_t first, std::int32_t last) override {
        const auto stride = static_cast<std::size_t>(columns());
        return {.spec = spec,
                .channels = 1,
                .rows = static_cast<std::size_t>(last - first),
                .columns = stride,
                .symbols = tile_.top_.row(first),
                .symbol_plane = tile_.top_.shape().size(),
                .symbol_stride = stride,
                .parameters = parameters_.data(),
                .plane = stride,
                .stride = 0};
    }

private:
    std::int32_t columns() const { return tile_.top_.shape().columns; }

    PyramidTile& tile_;
    Grid<float> parameters_;  // one row, for all
};

class PyramidTile::OfPhase final : public Prediction {
public:
    OfPhase(PyramidTile& tile, int phase)
        : tile_(tile),
          network_(tile.network(phase)),
          planes_(tile.planes_[static_cast<std::size_t>(tile.level_.number)]),
          phase_{.planes = planes_,
                 .number = phase,
                 .header = tile.level_,
                 .low = tile.values_.low,
                 .high = tile.values_.high,
                 .reference = tile.reference_ ? &*tile.reference_ : nullptr,
                 .references = network_.inputs() == channels(phase, true),
                 .base = tile.bases_[phase % 2],
                 .copied = tile.copied_,
                 .before = phase > 1 ? &tile.bases_[(phase + 1) % 2] : nullptr,
                 .clock = tile.context_.clock} {
        const Values& values = tile.values_;
        spec = MixtureSpec{network_.components(), phase_.filter().scale, values.low, values.high};
        spec.near = values.near;
        spec.exact.assign(values.exact.begin(), values.exact.end());
        // Nobody prepares what has no pixels; the next phase may lean on it all the same.
        if (empty() && phase < phases) compute(0, planes_.grid().rows);
    }

    void prepare(std::int32_t first, std::int32_t last) override {
        if (empty()) return;
        compute(first, last == planes_.shape(phase_.number).rows ? planes_.grid().rows : last);
    }

    Band band(std::int32_t first, std::int32_t last) override {
        Padded& symbols = planes_[phase_.number];
        const Grid<float>& parameters = tile_.parameters_;
        const auto columns = static_cast<std::size_t>(planes_.grid().columns);
        Band band{.spec = spec,
                  .channels = 1,
                  .rows = static_cast<std::size_t>(last - first),
                  .columns = static_cast<std::size_t>(planes_.shape(phase_.number).columns),
                  .symbols = symbols.row(first),
                  .symbol_plane = 0,
                  .symbol_stride = symbols.stride(),
                  .parameters = parameters.row(first),
                  .plane = planes_.grid().size(),
                  .stride = columns,
                  .base = {phase_.base.row(first), columns}};
        for (int k = 0; k < neighbours; ++k) {
            const Tap tap = neighbour(phase_.number, k);
            band.known[static_cast<std::size_t>(k)] = {planes_.at(tap, first), planes_[tap.plane].stride()};
        }
        if (phase_.reference) band.known[1] = {phase_.copied.row(first), columns};
        return band;
    }

private:
    bool empty() const { return planes_.shape(phase_.number).size() == 0; }

    void compute(std::int32_t first, std::int32_t last) {
        const Shape grid = planes_.grid();
        const int phase = phase_.number;
        const Timed timed(tile_.context_.clock, Part::network);
        const Inputs inputs(phase_, first, last, tile_.context_.memory);
        network_.run(inputs, network_.features_in() ? tile_.features_[phase % 2].data() : nullptr, grid, first, last,
                     tile_.parameters_.data(), grid.size(), static_cast<std::size_t>(grid.columns),
                     phase < phases && network_.features_out() ? tile_.features_[(phase + 1) % 2].data() : nullptr,
                     tile_.context_.memory);
    }

    PyramidTile& tile_;
    const Network& network_;
    Planes& planes_;
    const Phase phase_;
};

PyramidTile::PyramidTile(const Weights& weights, Header header, Shape shape, const Values& values,
                         std::span<const View<const std::int32_t>> references, int lowest, Context& context)
    : weights_(weights),
      header_(std::move(header)),
      shape_(shape),
      values_(values),
      references_(references.begin(), references.end()),
      lowest_(lowest),
      context_(context),
      top_(reduced(shape, levels()), context.memory),
      planes_(header_.levels.size()) {
    tensors_.push_back({1, top_.shape().rows, top_.shape().columns, levels()});
    for (int level = levels() - 1; level >= 0; --level)
        for (int phase = 1; phase <= phases; ++phase) {
            const Shape of = shape_of_plane(reduced(shape, level), phase);
            tensors_.push_back({1, of.rows, of.columns, level});
        }
}

void PyramidTile::analyse(View<const std::int32_t> pixels) {
    for (std::size_t level = 0; level < planes_.size(); ++level) {
        const View<const std::int32_t> image = pixels.every(1 << level);
        planes_[level] = Planes(image.shape, context_.memory);
        planes_[level].split(image);
    }
    fold(pixels.every(1 << levels()));
    analysed_ = true;
}

std::unique_ptr<Prediction> PyramidTile::predict(std::size_t k) {
    if (k == 0) return std::make_unique<OfTop>(*this);
    const int level = tensors_[k].level, phase = static_cast<int>((k - 1) % phases) + 1;
    if (phase == 1) begin(level);
    Planes& planes = planes_[static_cast<std::size_t>(level)];
    planes.complete(phase - 1);
    const Shape grid = planes.grid();
    const Network& used = network(phase);
    const Shape of_parameters{3 * used.components() * grid.rows, grid.columns};
    if (parameters_.shape() != of_parameters) {
        parameters_ = {};
        parameters_ = Grid<float>(of_parameters, context_.memory);
    }
    Grid<std::uint8_t>& features = features_[(phase + 1) % 2];
    features = {};
    if (phase < phases && used.features_out())
        features = Grid<std::uint8_t>({grid.rows, grid.columns * used.features_out()}, context_.memory);
    return std::make_unique<OfPhase>(*this, phase);
}

void PyramidTile::begin(int level) {
    const auto k = static_cast<std::size_t>(level);
    if (!analysed_) planes_[k] = Planes(reduced(shape_, level), context_.memory);
    const Shape grid = planes_[k].grid();
    if (!analysed_ || values_.near) synthesise(level + 1, planes_[k].pixels(0));
    level_ = header_.level(level);
    for (Grid<std::int32_t>& base : bases_) base = {};
    for (Grid<std::int32_t>& base : bases_) base = Grid<std::int32_t>(grid, context_.memory);
    if (references_.empty()) return;
    copied_ = {}, reference_.reset();
    copied_ = Grid<std::int32_t>(grid, context_.memory);
    std::vector<View<const std::int32_t>> references;
    for (const View<const std::int32_t>& all : references_) references.push_back(all.every(1 << (level - lowest_)));
    Planes blended(planes_[k].image(), context_.memory);
    header_.blend.of(references, values_, &context_.workers, blended);
    reference_.emplace(std::move(blended), level_.filters, &context_.workers, context_.memory);
}

void PyramidTile::synthesise(int level, View<std::int32_t> pixels) {
    if (level == levels())
        unfold(pixels);
    else
        planes_[static_cast<std::size_t>(level)].join(pixels);
}

void PyramidTile::fold(View<const std::int32_t> top) {
    const std::int64_t count = values_.count(), half = count / 2;
    const auto at = [&](std::int32_t r, std::int32_t c) -> std::int64_t {
        return r < 0 || c < 0 ? 0 : top.at(r, c) - values_.low;
    };
    for (std::int32_t r = 0; r < top.shape.rows; ++r)
        for (std::int32_t c = 0; c < top.shape.columns; ++c) {
            const std::int64_t residual = at(r, c) - at(r, c - 1) - at(r - 1, c) + at(r - 1, c - 1);
            top_.row(r)[c] = static_cast<std::int32_t>((residual + half + 2 * count) % count - half);
        }
}

void PyramidTile::unfold(View<std::int32_t> top) const {
    const std::int64_t count = values_.count();
    const auto at = [&](std::int32_t r, std::int32_t c) -> std::int64_t {
        return r < 0 || c < 0 ? 0 : top.at(r, c) - values_.low;
    };
    for (std::int32_t r = 0; r < top.shape.rows; ++r)
        for (std::int32_t c = 0; c < top.shape.columns; ++c) {
            const std::int64_t sum = top_.row(r)[c] + at(r, c - 1) + at(r - 1, c) - at(r - 1, c - 1);
            top.at(r, c) = static_cast<std::int32_t>((sum + 2 * count) % count) + values_.low;
        }
}

const Network& PyramidTile::network(int phase) const {
    const std::size_t others = header_.blocks && weights_.former_jpegs() ? phases : 0;
    return weights_.networks[others + static_cast<std::size_t>(phase) - 1];
}

}  // namespace dicompress::pyramid
