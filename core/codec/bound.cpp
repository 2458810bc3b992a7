#include "codec/bound.hpp"

#include <algorithm>

namespace dicompress {

namespace {

// Whether most pixels of `value` have it all around: padding or saturation, not noise that happens to touch an end.
bool is_saturated(const Rows& image, std::int32_t value) {
    const auto columns = static_cast<std::size_t>(image.shape.columns);
    std::vector<std::int32_t> lines(3 * columns);
    std::int32_t* line[3] = {lines.data(), lines.data() + columns, lines.data() + 2 * columns};
    std::int64_t all = 0, inside = 0;
    for (std::int32_t row = 0; row < image.shape.rows; ++row) {
        std::rotate(line, line + 1, line + 3);
        image.read(row, {line[2], columns});
        all += std::count(line[2], line[2] + columns, value);
        if (row < 2) continue;
        for (std::size_t c = 1; c + 1 < columns; ++c)
            inside += line[1][c] == value && line[0][c] == value && line[2][c] == value && line[1][c - 1] == value &&
                      line[1][c + 1] == value;
    }
    return 2 * inside > all;
}

}  // namespace

Runs exact_runs(const Rows& image, std::int32_t low, std::int32_t high, const Runs& wanted) {
    Runs all = wanted, runs;
    for (std::int32_t end : {low, high})
        if (is_saturated(image, end)) all.emplace_back(end, end);
    std::ranges::sort(all);
    for (auto [first, last] : all) {
        first = std::max(first, low), last = std::min(last, high);
        if (!runs.empty() && first <= runs.back().second + 1)
            runs.back().second = std::max(runs.back().second, last);
        else if (first <= last)
            runs.emplace_back(first, last);
    }
    if (runs.size() > most_runs)
        throw Error(Kind::unsupported, std::to_string(runs.size()) + " runs of values are to stay exact; " +
                                           std::to_string(most_runs) + " are possible");
    return runs;
}

Runs rank_runs(std::span<const std::int32_t> values, const Runs& exact) {
    Runs ranks;
    for (const auto& [first, last] : exact) {
        const auto from = std::ranges::lower_bound(values, first) - values.begin(),
                   to = std::ranges::upper_bound(values, last) - values.begin();
        if (from < to) ranks.emplace_back(static_cast<std::int32_t>(from), static_cast<std::int32_t>(to - 1));
    }
    return ranks;
}

std::vector<std::span<const std::int32_t>> apart(std::span<const std::int32_t> values, const Runs& exact) {
    std::vector<std::span<const std::int32_t>> parts;
    std::size_t begin = 0;
    for (const auto& [first, last] : rank_runs(values, exact)) {
        const std::size_t end = std::max(begin, static_cast<std::size_t>(first));  // a stream's runs may share a value
        parts.push_back(values.subspan(begin, end - begin));
        begin = static_cast<std::size_t>(last) + 1;
    }
    parts.push_back(values.subspan(begin));
    return parts;
}

std::int32_t rank_near(std::span<const std::int32_t> values, std::int32_t near, const Runs& exact) {
    const auto parts = apart(values, exact);
    const auto fits = [&](std::int32_t ranks) {
        for (const auto& part : parts) {
            const std::size_t step = std::min(static_cast<std::size_t>(ranks), part.empty() ? 0 : part.size() - 1);
            for (std::size_t i = step; i < part.size(); ++i)
                if (part[i] - part[i - step] > near) return false;
        }
        return true;
    };
    std::int32_t good = 0, bad = near + 1;
    while (bad - good > 1) (fits((good + bad) / 2) ? good : bad) = (good + bad) / 2;
    return good;
}

}  // namespace dicompress
