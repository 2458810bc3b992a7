#include <cmath>

#include "pyramid/fit.hpp"
#include "pyramid/fitted.hpp"
#include "pyramid/interpolation.hpp"
#include "pyramid/regression.hpp"

namespace dicompress::pyramid {

namespace {

constexpr std::size_t most_samples = 8192;       // pixels that a filter is fitted on
constexpr std::size_t fewest_of_reference = 64;  // or not even the same pixel

// Which rows of a phase a filter is fitted on.
struct Every {
    explicit Every(Shape shape)
        : step(static_cast<std::int32_t>((shape.size() + most_samples - 1) / most_samples)),
          count(static_cast<std::size_t>((shape.rows + step - 1) / step) * static_cast<std::size_t>(shape.columns)) {}

    std::int32_t step;
    std::size_t count;  // of pixels
};

// Outliers weigh less from one time to the next, so that log |error| counts.
void solve_robustly(Regression& regression, std::span<double> solution) {
    const double ridge = 1e-6 * regression.mean_square() * static_cast<double>(regression.samples()) + 1e-3;
    regression.weigh_alike();
    for (int left = 4;;) {
        regression.solve(ridge * regression.total_weight() / static_cast<double>(regression.samples()), solution);
        if (--left == 0) return;
        regression.leave(solution);
        regression.weigh_by_error();
    }
}

// In fixed point, or nothing of it if its numbers are too large.
template <std::size_t N>
bool quantise(std::span<const double> solution, double unit, double most, std::array<std::int32_t, N>& to) {
    to = {};
    double sum = 0;
    for (std::size_t k = 0; k < solution.size(); ++k) {
        const double scaled = std::nearbyint(solution[k] * unit);
        if (!(std::fabs(scaled) <= most)) return false;
        to[k] = static_cast<std::int32_t>(scaled), sum += std::fabs(scaled);
    }
    return sum <= most;
}

// Whether coefficients leave less than none.
bool pays(Regression& regression, std::span<const std::int32_t> coefficients, double unit) {
    double weights[most_regressors];
    for (std::size_t k = 0; k < regression.regressors(); ++k) weights[k] = coefficients[k] / unit;
    regression.leave_all();
    const double before = regression.cost();
    regression.leave({weights, regression.regressors()});
    return regression.cost() < before;
}

// Regressors are the pairs of neighbours, what is wanted the pixel, all less the mean of the four nearest.
void fill(Regression& regression, const Planes& planes, int phase, const Every& every) {
    const Shape shape = planes.shape(phase);
    std::vector<float> middles(static_cast<std::size_t>(shape.columns));
    float* const middle = middles.data();
    std::size_t at = 0;
    for (std::int32_t r = 0; r < shape.rows; r += every.step, at += static_cast<std::size_t>(shape.columns)) {
        Row pixels = planes[phase].row(r), taps[2 * most_pairs];
        std::size_t pair = 0;
        for (const Offset& offset : supports(phase)) {
            taps[2 * pair] = planes.at(tap(phase, offset), r);
            taps[2 * pair++ + 1] = planes.at(tap(phase, {-offset.row, -offset.column}), r);
        }
        for (std::int32_t c = 0; c < shape.columns; ++c)
            middle[c] = static_cast<float>(taps[0][c] + taps[1][c] + taps[2][c] + taps[3][c]) * 0.25f;
        for (std::size_t k = 0; k < pair; ++k) {
            float* to = regression.regressor(k) + at;
            Row first = taps[2 * k], other = taps[2 * k + 1];
            for (std::int32_t c = 0; c < shape.columns; ++c)
                to[c] = static_cast<float>(first[c] + other[c]) - 2 * middle[c];
        }
        float* to = regression.wanted() + at;
        for (std::int32_t c = 0; c < shape.columns; ++c) to[c] = static_cast<float>(pixels[c]) - middle[c];
    }
}

void fit_coefficients(const Planes& planes, int phase, Filter& filter, std::pmr::memory_resource* memory) {
    const Every every(planes.shape(phase));
    const std::size_t pairs = supports(phase).size();
    Regression regression(pairs, every.count, memory);
    fill(regression, planes, phase, every);
    double solution[most_regressors];
    solve_robustly(regression, {solution, pairs});
    std::array<std::int32_t, most_pairs> found;
    if (!quantise(std::span<const double>(solution, pairs), one, largest_sum, found)) return;
    // The two nearest pairs share what is missing to the right sum: theirs is what the fit was centred on.
    std::int32_t missing = one / 2, sum = 0;
    for (std::int32_t k : found) missing -= k;
    found[0] += missing >> 1, found[1] += missing - (missing >> 1);
    for (std::int32_t k : found) sum += std::abs(k);
    if (sum <= largest_sum && pays(regression, found, one)) filter.coefficients = found;
}

void fit_reference(const Planes& planes, const Reference& reference, int phase, Filter& filter, std::size_t used,
                   std::pmr::memory_resource* memory) {
    const Shape shape = planes.shape(phase);
    const Every every(shape);
    Regression regression(used, every.count, memory);
    std::vector<std::int32_t> base(static_cast<std::size_t>(planes.grid().columns));
    std::size_t at = 0;
    for (std::int32_t r = 0; r < shape.rows; r += every.step, at += static_cast<std::size_t>(shape.columns)) {
        predict_row(planes, phase, filter, nullptr, r, nullptr, base.data());
        Row pixels = planes[phase].row(r);
        float* wanted = regression.wanted() + at;
        for (std::int32_t c = 0; c < shape.columns; ++c)
            wanted[c] = static_cast<float>(pixels[c] * 256 - base[static_cast<std::size_t>(c)]) * (1.0f / 256);
        for (std::size_t k = 0; k < used; ++k) {
            Row deviations = reference.at(tap(phase, reference_supports(phase)[k]), r);
            float* to = regression.regressor(k) + at;
            for (std::int32_t c = 0; c < shape.columns; ++c)
                to[c] = static_cast<float>(limited(deviations[c])) * (1.0f / 256);
        }
    }
    double solution[most_of_reference];
    solve_robustly(regression, {solution, used});
    constexpr double unit = 1 << reference_bits;
    std::array<std::int32_t, most_of_reference> found;
    if (quantise(std::span<const double>(solution, used), unit, largest_of_reference, found) &&
        pays(regression, found, unit))
        filter.of_reference = found;
}

}  // namespace

std::vector<float> leftover(const Planes& planes, int phase, const Filter& filter, const Reference* reference) {
    const Shape shape = planes.shape(phase);
    const auto columns = static_cast<std::size_t>(planes.grid().columns);
    std::vector<std::int32_t> base(columns), added(columns);
    std::vector<float> errors(shape.size());
    for (std::int32_t r = 0; r < shape.rows; ++r) {
        predict_row(planes, phase, filter, reference, r, added.data(), base.data());
        Row pixels = planes[phase].row(r), predicted = base.data();
        float* to = errors.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(shape.columns);
        for (std::int32_t c = 0; c < shape.columns; ++c)
            to[c] = std::fabs(static_cast<float>(pixels[c] * 256 - predicted[c]));
    }
    return errors;
}

Filter fit_alone(const Planes& planes, int phase, std::pmr::memory_resource* memory, std::size_t fewest) {
    Filter filter;
    if (planes.shape(phase).size() >= fewest) fit_coefficients(planes, phase, filter, memory);
    auto errors = leftover(planes, phase, filter, nullptr);
    filter.scale = measure_scale(errors);
    return filter;
}

Filter fit_leaning(const Planes& planes, const Reference& reference, int phase, Filter filter,
                   std::pmr::memory_resource* memory, std::size_t fewest) {
    const std::size_t size = planes.shape(phase).size();
    const std::size_t used = size >= fewest ? reference_supports(phase).size() : 1;
    if (size >= fewest_of_reference) fit_reference(planes, reference, phase, filter, used, memory);
    auto errors = leftover(planes, phase, filter, &reference);
    filter.scale = measure_scale(errors);
    return filter;
}

std::int32_t measure_scale(std::vector<float>& magnitudes) {
    std::vector<float> spare(magnitudes.size());
    std::erase_if(magnitudes, [](float magnitude) { return magnitude <= 128; });
    if (magnitudes.empty()) return least_scale;
    const double scale = 1.48 * static_cast<double>(median(magnitudes, spare.data()));
    return static_cast<std::int32_t>(std::clamp<double>(scale, least_scale, most_scale));
}

Filters fit_level(Planes image, Planes* reference, std::pmr::memory_resource* memory, std::size_t fewest) {
    Filters filters;
    for (int plane = 0; plane < planes_of_level; ++plane) image.complete(plane);
    for (int phase = 1; phase <= phases; ++phase)
        filters[static_cast<std::size_t>(phase) - 1] = fit_alone(image, phase, memory, fewest);
    if (!reference) return filters;
    const Reference its(std::move(*reference), filters, nullptr, memory);
    for (int phase = 1; phase <= phases; ++phase) {
        Filter& filter = filters[static_cast<std::size_t>(phase) - 1];
        filter = fit_leaning(image, its, phase, filter, memory, fewest);
    }
    return filters;
}

}  // namespace dicompress::pyramid
