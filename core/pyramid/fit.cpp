#include "pyramid/fit.hpp"

#include <cmath>
#include <optional>

#include "pyramid/fitted.hpp"
#include "pyramid/regression.hpp"
#include "pyramid/sample.hpp"

namespace dicompress::pyramid {

namespace {

constexpr int levels_of_estimate = 2;

std::int32_t top_scale(const Source& image, int levels, std::pmr::memory_resource* memory) {
    const Grid<std::int32_t> top = sample(image, levels, memory);
    std::vector<float> magnitudes;
    for (std::int32_t r = 1; r < top.shape().rows; ++r)
        for (std::int32_t c = 1; c < top.shape().columns; ++c)
            magnitudes.push_back(std::fabs(static_cast<float>(top.row(r)[c] - top.row(r)[c - 1] - top.row(r - 1)[c] +
                                                              top.row(r - 1)[c - 1])) *
                                 256);
    return measure_scale(magnitudes);
}

Planes split(const Grid<std::int32_t>& image, std::pmr::memory_resource* memory) {
    Planes planes(image.shape(), memory);
    planes.split(image.view());
    return planes;
}

// Samples of some sources at one level.
class Samples {
public:
    Samples(std::vector<const Source*> sources, int level, Context& context)
        : sources_(std::move(sources)), grids_(sources_.size()) {
        context.workers.each(sources_.size(),
                             [&](std::size_t k) { grids_[k] = sample(*sources_[k], level, context.memory); });
    }

    std::size_t place(const Source* source) const {
        return static_cast<std::size_t>(std::find(sources_.begin(), sources_.end(), source) - sources_.begin());
    }
    std::vector<const Grid<std::int32_t>*> of(std::span<const Source* const> some) const {
        std::vector<const Grid<std::int32_t>*> found;
        for (const Source* source : some) found.push_back(&grids_[place(source)]);
        return found;
    }
    const std::vector<Grid<std::int32_t>>& all() const { return grids_; }

private:
    std::vector<const Source*> sources_;
    std::vector<Grid<std::int32_t>> grids_;
};

Planes blended(const Blend& blend, std::span<const Grid<std::int32_t>* const> references, const Values& values,
               std::pmr::memory_resource* memory) {
    std::vector<View<const std::int32_t>> views;
    for (const Grid<std::int32_t>* reference : references) views.push_back(reference->view());
    Planes planes(references.front()->shape(), memory);
    blend.of(views, values, nullptr, planes);
    return planes;
}

// Blends of choices among sources.
std::vector<Blend> blends_of(const Grid<std::int32_t>& image, const Filters& filters, const Values& values,
                             const Samples& samples, std::span<const std::vector<const Source*>> choices,
                             Context& context) {
    std::vector<Blend> alone(samples.all().size()), found(choices.size());
    context.workers.each(
        alone.size(), [&](std::size_t k) { alone[k] = comparable(image, samples.all()[k], values, context.memory); });
    context.workers.each(choices.size(), [&](std::size_t k) {
        std::vector<Blend> of_each;
        for (const Source* source : choices[k]) of_each.push_back(alone[samples.place(source)]);
        if (!of_each.empty())
            found[k] = fit_blend(image, samples.of(choices[k]), of_each, filters, values, context.memory);
    });
    return found;
}

// A level's pixels as they may be decoded, and the filters fitted to them.
struct Fitted {
    Planes planes;
    Filters filters;

    Fitted(const Source& image, int level, const Values& values, std::pmr::memory_resource* memory) {
        Grid<std::int32_t> pixels = sample(image, level, memory);
        add_errors(pixels, values);
        planes = split(pixels, memory);
        for (int plane = 0; plane < planes_of_level; ++plane) planes.complete(plane);
        for (int phase = 1; phase <= phases; ++phase)
            filters[static_cast<std::size_t>(phase) - 1] = fit_alone(planes, phase, memory);
    }
};

}  // namespace

Header fit_header(const Source& image, const Values& values, int levels, std::span<const Source* const> references,
                  Context& context) {
    std::pmr::memory_resource* memory = context.memory;
    Header header;
    const Grid<std::int32_t> finest = sample(image, 0, memory);
    header.top_scale = top_scale(image, levels, memory);
    header.blocks = has_blocks(finest.view());
    std::vector<std::optional<Fitted>> fitted(static_cast<std::size_t>(levels));
    context.workers.each(fitted.size(),
                         [&](std::size_t k) { fitted[k].emplace(image, static_cast<int>(k), values, memory); });
    for (const auto& level : fitted) header.levels.push_back(level->filters);
    if (references.empty()) return header;

    const std::vector<const Source*> choice(references.begin(), references.end());
    const Filters filters = header.levels.empty() ? Filters() : header.levels[0];
    header.blend = blends_of(finest, filters, values, Samples(choice, 0, context), {&choice, 1}, context)[0];
    context.workers.each(fitted.size(), [&](std::size_t k) {
        std::vector<Grid<std::int32_t>> samples;
        std::vector<const Grid<std::int32_t>*> pointers;
        for (const Source* reference : references) samples.push_back(sample(*reference, static_cast<int>(k), memory));
        for (const auto& grid : samples) pointers.push_back(&grid);
        const Reference its(blended(header.blend, pointers, values, memory), header.levels[k], nullptr, memory);
        for (int phase = 1; phase <= phases; ++phase) {
            Filter& filter = header.levels[k][static_cast<std::size_t>(phase) - 1];
            filter = fit_leaning(fitted[k]->planes, its, phase, filter, memory);
        }
    });
    return header;
}

std::vector<double> estimate_bits(const Source& image, const Values& values,
                                  std::span<const std::vector<const Source*>> choices, Context& context) {
    std::pmr::memory_resource* memory = context.memory;
    std::vector<const Source*> sources;
    for (const auto& choice : choices) sources.insert(sources.end(), choice.begin(), choice.end());
    std::sort(sources.begin(), sources.end());
    sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
    std::vector<double> totals(choices.size());
    std::vector<Blend> blends;
    std::optional<Fitted> of_levels[levels_of_estimate];
    context.workers.each(levels_of_estimate, [&](std::size_t level) {
        of_levels[level].emplace(image, static_cast<int>(level), values, memory);
    });
    for (int level = 0; level < levels_of_estimate; ++level) {
        const Shape shape = reduced(image.shape, level);
        if (std::min(shape.rows, shape.columns) < 2) break;
        const Fitted& fitted = *of_levels[level];
        const Samples samples(sources, level, context);
        if (level == 0) blends = blends_of(sample(image, 0, memory), fitted.filters, values, samples, choices, context);
        context.workers.each(choices.size(), [&](std::size_t k) {
            std::optional<Reference> its;
            if (!choices[k].empty())
                its.emplace(blended(blends[k], samples.of(choices[k]), values, memory), fitted.filters, nullptr,
                            memory);
            double cost = 0;
            for (int phase = 1; phase <= phases; ++phase) {
                Filter filter = fitted.filters[static_cast<std::size_t>(phase) - 1];
                if (its) filter = fit_leaning(fitted.planes, *its, phase, filter, memory);
                std::vector<float> errors = leftover(fitted.planes, phase, filter, its ? &*its : nullptr);
                for (float& error : errors) error *= 1.0f / 256;
                cost += mean_cost(errors) / phases;
            }
            const double size = static_cast<double>(image.shape.size()) / (1 << (2 * level));
            totals[k] += 0.75 * size * cost / std::log(2.0);
        });
    }
    return totals;
}

}  // namespace dicompress::pyramid
