#include <cmath>

#include "pyramid/fit.hpp"
#include "pyramid/regression.hpp"
#include "pyramid/sample.hpp"

namespace dicompress::pyramid {

constexpr std::size_t most_samples = 16384;  // pixels that gains are fitted on

Blend comparable(const Grid<std::int32_t>& image, const Grid<std::int32_t>& reference, const Values& values,
                 std::pmr::memory_resource* memory) {
    const std::size_t size = image.shape().size(), step = (size + most_samples - 1) / most_samples;
    const std::size_t count = (size + step - 1) / step;
    Regression regression(2, count, memory);
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += reference.data()[i * step];
    const double middle = std::nearbyint(sum / static_cast<double>(count));
    for (std::size_t i = 0; i < count; ++i) {
        regression.regressor(0)[i] = static_cast<float>(reference.data()[i * step]) - static_cast<float>(middle);
        regression.regressor(1)[i] = 1;
        regression.wanted()[i] = static_cast<float>(values.stored(image.data()[i * step]));
    }
    const double as_they_are[2] = {1, middle};
    regression.leave(as_they_are);
    Blend found;
    double least = regression.cost() - 0.02, solution[2];
    for (const bool alike : {false, true}) {  // all of the image first, or what is alike without any gain
        if (alike) {
            regression.leave(as_they_are);
            regression.weigh_by_error();
        } else {
            regression.weigh_alike();
        }
        for (int left = 4; left; --left) {
            regression.solve(1e-9 * regression.total_weight(), solution);
            regression.leave(solution);
            if (left > 1) regression.weigh_by_error();
        }
        const double gain = std::nearbyint(std::ldexp(solution[0], gain_bits));
        const double offset = std::nearbyint(std::ldexp(solution[1] - solution[0] * middle, gain_bits));
        const bool possible = 0 < gain && gain <= most_gain / 4 && std::fabs(offset) <= most_offset / 4;
        if (const double cost = regression.cost(); possible && cost < least) {
            found = {{static_cast<std::int64_t>(gain), 0}, static_cast<std::int64_t>(offset)};
            least = cost;
        }
    }
    return found;
}

namespace {

// Every second row of a picture's deviations from the interpolation by `filters`, in values.
void fill(const Reference& picture, Shape grid, float* to) {
    for (int phase = 1; phase <= phases; ++phase)
        for (std::int32_t r = 0; r < grid.rows; r += 2)
            for (std::int32_t c = 0; c < grid.columns; ++c)
                *to++ = static_cast<float>(std::clamp(picture.deviations(phase).row(r)[c], -(1 << 22), 1 << 22)) *
                        (1.0f / 256);
}

// How much of the first reference, the rest being the second, deviates from interpolation as the image does.
double share(const Grid<std::int32_t>& image, std::span<const Grid<std::int32_t>* const> references,
             std::span<const Blend> found, const Filters& filters, const Values& values,
             std::pmr::memory_resource* memory) {
    const Shape grid = reduced(image.shape(), 1);
    const auto count = static_cast<std::size_t>(phases) * static_cast<std::size_t>((grid.rows + 1) / 2) *
                       static_cast<std::size_t>(grid.columns);
    Regression regression(2, count, memory);
    Planes own(image.shape(), memory);
    own.split(image.view());
    fill(Reference(std::move(own), filters, nullptr, memory), grid, regression.wanted());
    for (std::size_t k = 0; k < references.size(); ++k) {
        Planes planes(image.shape(), memory);
        const View<const std::int32_t> only = references[k]->view();
        found[k].of({&only, 1}, values, nullptr, planes);
        fill(Reference(std::move(planes), filters, nullptr, memory), grid, regression.regressor(k));
    }
    double solution[2];
    regression.weigh_alike();
    for (int left = 3;; regression.leave(solution), regression.weigh_by_error()) {
        regression.solve(1e-3, solution);
        if (--left == 0) break;
    }
    const double both = solution[0] + solution[1];
    if (!(both > 0.05)) return 1;
    return std::clamp(std::nearbyint(16 * solution[0] / both) / 16, -0.5, 1.5);
}

}  // namespace

Blend fit_blend(const Grid<std::int32_t>& image, std::span<const Grid<std::int32_t>* const> references,
                std::span<const Blend> found, const Filters& filters, const Values& values,
                std::pmr::memory_resource* memory) {
    if (references.size() == 1) return found[0];
    const double first = share(image, references, found, filters, values, memory);
    const auto part = [](std::int64_t whole, double of) {
        return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(whole) * of));
    };
    return {{part(found[0].gains[0], first), part(found[1].gains[0], 1 - first)},
            part(found[0].offset, first) + part(found[1].offset, 1 - first)};
}

}  // namespace dicompress::pyramid
