#include "codec/content.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/packing.hpp"

namespace dicompress {

namespace {

constexpr double worth = 0.008;       // of a bit a pixel, by the estimate; less is not worth leaning on a plane
constexpr std::size_t fewest = 1024;  // pixels below which planes lean on none

class Unpacked final : public Rows {
public:
    Unpacked(const ConstPixelPlane& pixels, const colour::Said& said) : Rows(pixels.shape), pixels_(pixels), said_(said) {}
    void read(std::int32_t row, std::span<std::int32_t> to) const override {
        pixels_.read(row, 0, to);
        said_.take(row, 0, to);
    }

private:
    const ConstPixelPlane& pixels_;
    const colour::Said& said_;
};

}  // namespace

void Decoded::gather(std::span<const std::int32_t> rows, std::span<const std::int32_t> columns, View<std::int32_t> to) const {
    for (std::size_t r = 0; r < rows.size(); ++r) plane.gather(rows[r], columns, to.row(static_cast<std::ptrdiff_t>(r)));
}

Content::Content(const ConstPixelPlane& pixels, std::span<const ConstPixelPlane> before,
                 const colour::Coefficients& coefficients, std::int32_t near, const Runs& wanted, std::pmr::memory_resource* memory)
    : Source(pixels.shape), coefficients(coefficients), pixels_(pixels), said_(before, coefficients) {
    const Unpacked rows(pixels_, said_);
    std::vector<std::int32_t> line(static_cast<std::size_t>(shape.columns));
    low = std::numeric_limits<std::int32_t>::max(), high = std::numeric_limits<std::int32_t>::min();
    for (std::int32_t row = 0; row < shape.rows; ++row) {
        rows.read(row, line);
        const auto [least, most] = std::ranges::minmax(line);
        low = std::min(low, least), high = std::max(high, most);
    }
    std::vector<std::int64_t> counts(static_cast<std::size_t>(high - low) + 1);
    for (std::int32_t row = 0; row < shape.rows; ++row) {
        rows.read(row, line);
        for (std::int32_t v : line) ++counts[static_cast<std::size_t>(v - low)];
    }
    if (near && low < high) exact = exact_runs(rows, low, high, wanted);
    occurring = sparse_values(counts, low, near, exact);
    values_ = std::make_unique<Values>(coded_values(low, high, near, exact, occurring, memory));
}

void Content::gather(std::span<const std::int32_t> rows, std::span<const std::int32_t> columns, View<std::int32_t> to) const {
    for (std::size_t r = 0; r < rows.size(); ++r) {
        std::int32_t* line = to.row(static_cast<std::ptrdiff_t>(r));
        pixels_.gather(rows[r], columns, line);
        said_.take(rows[r], columns, line);
        if (!occurring.empty())
            for (std::size_t c = 0; c < columns.size(); ++c) line[c] = values_->number(line[c]);
    }
}

void Content::read(const Place& place, View<std::int32_t> to) const {
    for (std::int32_t r = 0; r < place.shape.rows; ++r) {
        const std::span<std::int32_t> line(to.row(r), static_cast<std::size_t>(place.shape.columns));
        pixels_.read(place.row + r, place.column, line);
        said_.take(place.row + r, place.column, line);
        if (!occurring.empty())
            for (std::int32_t& v : line) v = values_->number(v);
    }
}

Values coded_values(std::int32_t low, std::int32_t high, std::int32_t near, const Runs& exact,
                    std::vector<std::int32_t> occurring, std::pmr::memory_resource* memory) {
    if (occurring.empty()) return {low, high, near, exact};
    const std::int32_t error = near ? rank_near(occurring, near, exact) : 0;
    Runs runs = rank_runs(occurring, exact);
    const auto last = static_cast<std::int32_t>(occurring.size()) - 1;
    return {0, last, error, std::move(runs), occurring, memory};
}

std::unique_ptr<Content> choose(const Model& model, const ConstPixelPlane& pixels, std::span<const ConstPixelPlane> before,
                                std::int32_t near, const Runs& exact, std::span<const Choice> choices, Choice& chosen,
                                Context& context) {
    const colour::Coefficients fitted = colour::fit(pixels, before), none{};
    std::vector<std::unique_ptr<Content>> contents;
    contents.push_back(std::make_unique<Content>(pixels, before, fitted, near, exact, context.memory));
    chosen = {};
    std::vector<const Choice*> possible = {&chosen};
    std::vector<std::vector<const Source*>> planes = {{}};
    for (const Choice& choice : choices)
        if (choice.planes.size() <= static_cast<std::size_t>(model.most_references())) {
            possible.push_back(&choice);
            planes.push_back(choice.planes);
        }
    if (possible.size() == 1 || pixels.shape.size() < fewest || contents[0]->low == contents[0]->high)
        return std::move(contents[0]);
    if (fitted != none) contents.push_back(std::make_unique<Content>(pixels, before, none, near, exact, context.memory));
    double least = HUGE_VAL;
    std::size_t best = 0, best_choice = 0;
    for (std::size_t i = 0; i < contents.size(); ++i) {
        auto bits = model.estimate(*contents[i], contents[i]->values(), planes, context);
        bits[0] -= worth * static_cast<double>(pixels.shape.size());
        for (std::size_t k = 0; k < bits.size(); ++k)
            if (bits[k] < least) least = bits[k], best = i, best_choice = k;
    }
    if (best_choice) chosen = *possible[best_choice];
    return std::move(contents[best]);
}

}  // namespace dicompress
