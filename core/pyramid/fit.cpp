#include "pyramid/fit.hpp"

#include <cmath>
#include <map>
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
            magnitudes.push_back(
                std::fabs(static_cast<float>(top.row(r)[c] - top.row(r)[c - 1] - top.row(r - 1)[c] + top.row(r - 1)[c - 1])) *
                256);
    return measure_scale(magnitudes);
}

Planes split(const Grid<std::int32_t>& image, std::pmr::memory_resource* memory) {
    Planes planes(image.shape(), memory);
    planes.split(image.view());
    return planes;
}

// The blend of samples.
Planes blended(const Blend& blend, std::span<const Grid<std::int32_t>* const> references, const Values& values,
               std::pmr::memory_resource* memory) {
    std::vector<View<const std::int32_t>> views;
    for (const Grid<std::int32_t>* reference : references) views.push_back(reference->view());
    Planes planes(references.front()->shape(), memory);
    blend.of(views, values, nullptr, planes);
    return planes;
}

std::vector<const Grid<std::int32_t>*> pointers(const std::vector<Grid<std::int32_t>>& grids) {
    std::vector<const Grid<std::int32_t>*> found;
    for (const Grid<std::int32_t>& grid : grids) found.push_back(&grid);
    return found;
}

// Of some sources, at one level.
class Samples {
public:
    Samples(std::span<const Source* const> sources, int level, Context& context) {
        std::vector<Grid<std::int32_t>*> to;
        for (const Source* source : sources) to.push_back(&found_[source]);
        context.workers.each(sources.size(), [&](std::size_t k) { *to[k] = sample(*sources[k], level, context.memory); });
    }

    std::vector<const Grid<std::int32_t>*> of(std::span<const Source* const> sources) const {
        std::vector<const Grid<std::int32_t>*> grids;
        for (const Source* source : sources) grids.push_back(&found_.at(source));
        return grids;
    }

private:
    std::map<const Source*, Grid<std::int32_t>> found_;
};

}  // namespace

Header fit_header(const Source& image, const Values& values, int levels, std::span<const Source* const> references,
                  Context& context) {
    std::pmr::memory_resource* memory = context.memory;
    Header header;
    header.levels.resize(static_cast<std::size_t>(levels));
    Grid<std::int32_t> finest = sample(image, 0, memory);
    header.top_scale = top_scale(image, levels, memory);
    header.blocks = has_blocks(finest.view());
    if (!references.empty())
        header.blend = fit_blend(finest, Samples(references, 0, context).of(references), values, memory);
    finest = {};
    context.workers.each(header.levels.size(), [&](std::size_t k) {
        const auto level = static_cast<int>(k);
        Grid<std::int32_t> pixels = sample(image, level, memory);
        add_errors(pixels, values);
        Planes leaned_on;
        if (!references.empty()) {
            std::vector<Grid<std::int32_t>> samples;
            for (const Source* reference : references) samples.push_back(sample(*reference, level, memory));
            leaned_on = blended(header.blend, pointers(samples), values, memory);
        }
        header.levels[k] = fit_level(split(pixels, memory), references.empty() ? nullptr : &leaned_on, memory);
    });
    return header;
}

std::vector<double> estimate_bits(const Source& image, const Values& values,
                                  std::span<const std::vector<const Source*>> choices, Context& context) {
    std::pmr::memory_resource* memory = context.memory;
    std::vector<const Source*> sources;
    for (const auto& choice : choices)
        for (const Source* source : choice)
            if (std::find(sources.begin(), sources.end(), source) == sources.end()) sources.push_back(source);
    std::vector<double> totals(choices.size());
    std::vector<Blend> blends(choices.size());
    for (int level = 0; level < levels_of_estimate; ++level) {
        const Shape shape = reduced(image.shape, level);
        if (std::min(shape.rows, shape.columns) < 2) break;
        Grid<std::int32_t> pixels = sample(image, level, memory);
        const Samples samples(sources, level, context);
        if (level == 0)
            context.workers.each(choices.size(), [&](std::size_t k) {
                if (!choices[k].empty()) blends[k] = fit_blend(pixels, samples.of(choices[k]), values, memory);
            });
        add_errors(pixels, values);
        Planes planes = split(pixels, memory);
        for (int plane = 0; plane < planes_of_level; ++plane) planes.complete(plane);
        Filters alone;
        for (int phase = 1; phase <= phases; ++phase)
            alone[static_cast<std::size_t>(phase) - 1] = fit_alone(planes, phase, memory, fewest);
        context.workers.each(choices.size(), [&](std::size_t k) {
            std::optional<Reference> reference;
            if (!choices[k].empty())
                reference.emplace(blended(blends[k], samples.of(choices[k]), values, memory), alone, nullptr, memory);
            double cost = 0;
            for (int phase = 1; phase <= phases; ++phase) {
                Filter filter = alone[static_cast<std::size_t>(phase) - 1];
                if (reference) filter = fit_leaning(planes, *reference, phase, filter, memory, fewest);
                std::vector<float> errors = leftover(planes, phase, filter, reference ? &*reference : nullptr);
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
