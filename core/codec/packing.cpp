#include "codec/packing.hpp"

#include <algorithm>
#include <cmath>

#include "coder/table.hpp"

namespace dicompress {

namespace {

constexpr std::int32_t wide_gap = 32;  // values; beside padding, for instance

// What the gaps between the values cost a coder that does not know of them.
double gained_bits(std::span<const std::int64_t> histogram, std::span<const std::int32_t> values, std::int32_t low) {
    if (values.size() < 2) return 0;
    double bits = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t before = i ? i - 1 : 0, after = i + 1 < values.size() ? i : i - 1;  // gaps on both sides
        const double gap = (values[before + 1] - values[before] + values[after + 1] - values[after]) / 2.0;
        bits += static_cast<double>(histogram[static_cast<std::size_t>(values[i] - low)]) * std::log2(gap);
    }
    return bits;
}

}  // namespace

std::vector<std::int32_t> sparse_values(std::span<const std::int64_t> histogram, std::int32_t low, std::int32_t near,
                                        const Runs& exact) {
    std::vector<std::int32_t> values;
    double pixels = 0;
    for (std::size_t i = 0; i < histogram.size(); ++i) {
        pixels += static_cast<double>(histogram[i]);
        if (histogram[i]) values.push_back(low + static_cast<std::int32_t>(i));
    }
    if (values.size() < 2 || values.size() == histogram.size()) return {};
    double gained = 0;
    const auto parts = apart(values, exact);
    for (const auto& part : parts) gained += gained_bits(histogram, part, low);
    if (near) gained -= pixels * std::log2((2.0 * near + 1) / (2.0 * rank_near(values, near, exact) + 1));
    if (gained > 1.1 * 8 * 2 && gained > 1.1 * 8 * static_cast<double>(write_table(values).size())) return values;
    if (!near) return {};
    std::int32_t first = 0, last = -1;
    for (const auto& part : parts) {
        if (part.empty()) continue;
        if (first > last) first = part.front();
        last = part.back();
    }
    if (first > last) return {};
    std::vector<std::int32_t> listed;
    for (std::int32_t v : values)
        if (v < first) listed.push_back(v);
    for (std::int32_t v = first; v <= last; ++v) listed.push_back(v);
    for (std::int32_t v : values)
        if (v > last) listed.push_back(v);
    if (static_cast<std::int64_t>(histogram.size() - listed.size()) < wide_gap) return {};
    return listed;
}

}  // namespace dicompress
