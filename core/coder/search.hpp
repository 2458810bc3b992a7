// Decoding a value: which one it is whose interval holds a target.
#pragma once

#include <algorithm>
#include <cstdint>

#include "coder/lanes.hpp"
#include "coder/mixture.hpp"
#include "coder/numeric.hpp"
#include "coder/step.hpp"

namespace dicompress {

inline constexpr int safe_rounds = 12;  // of a search, before it halves whatever is left

// About the quantile of a Gaussian of deviation 1. No value depends on it, only how soon it is found.
template <int W>
DICOMPRESS_INLINE Floats<W> quantile(const Ints<W>& parts) {
    const Floats<W> u = to_floats(parts) * 0x1p-24f - 0.5f, square = u * u;
    return u * ((15.8674f * square - 13.8697f) * square + 2.5097f) / ((10.1363f * square - 6.5153f) * square + 1.0f);
}

// Where to look for the values of targets first: about where a Gaussian of the mixtures' means and deviations has them.
template <int W>
DICOMPRESS_INLINE Floats<W> guess(const Ints<W>& target, const Mixtures<W>& mixtures) {
    return floored(mixtures.expected + 0.5f + quantile(target) * mixtures.sixteenth * 16.0f);
}

// The values whose intervals hold the targets, with these intervals, in all active lanes: by Newton's method within
// bounds, on the quantiles: of a Gaussian they are a straight line.
template <int W>
DICOMPRESS_INLINE void find(const Ints<W>& target, Step<W>& step) {
    using F = Floats<W>;
    using I = Ints<W>;
    const Mixtures<W>& mixtures = step.mixtures;
    F low = mixtures.low, high = mixtures.high + 1.0f;
    I begin(0), end(probability_total);  // cdf(low) = begin <= target < end = cdf(high)
    const F reach = 1.0f + mixtures.sixteenth * 24.0f;
    F probe = limited(guess(target, mixtures), low, high - 1.0f);
    for (int round = 0;; ++round) {
        const F behind = probe + 1.0f;
        const I here = mixtures.cdf(probe), there = mixtures.cdf(behind);
        const I below = target < here, above = target >= there;
        high = choose(below, probe, choose(above, high, behind));
        end = choose(below, here, choose(above, end, there));
        low = choose(above, behind, choose(below, low, probe));
        begin = choose(above, there, choose(below, begin, here));
        if (!any(step.front.active & (high - low > 1.0f))) break;
        const F q = quantile(here), way = (quantile(target) - q) / (quantile(there) - q);
        const F next = floored(probe + limited(way, 0.0f - reach, reach)), middle = floored((low + high) * 0.5f);
        probe = round < safe_rounds ? choose((next < low) | (next > high - 1.0f), middle, next) : middle;
    }
    step.value = to_ints(low) + mixtures.origin;
    step.begin = begin;
    step.end = end;
    step.first = step.last = step.value;
}

// The same for one lane, whose mixture is looked at in sixteen places at once.
template <int W>
void find_one(int lane, std::int32_t target, Step<W>& step) {
    const Mixtures<W> one = step.mixtures.only(lane);
    auto low = static_cast<std::int32_t>(one.low[0]), high = static_cast<std::int32_t>(one.high[0]) + 1;
    std::int32_t begin = 0, end = probability_total, spacing = 1;
    std::int32_t start = static_cast<std::int32_t>(guess(Ints<W>(target), step.mixtures)[lane]) - lanes / 2;
    while (high - low > 1) {
        Floats<W> edges;
        for (int i = 0; i < lanes; ++i) edges[i] = static_cast<float>(start + i * spacing);
        const Ints<W> parts = one.cdf(edges);
        int within = 0;  // edges that are not behind the target
        while (within < lanes && parts[within] <= target) ++within;
        if (within > 0 && start + (within - 1) * spacing > low)
            low = start + (within - 1) * spacing, begin = parts[within - 1];
        if (within < lanes && start + within * spacing < high) high = start + within * spacing, end = parts[within];
        const std::int32_t all = (high - low + lanes) / (lanes + 1);  // spacing for the whole of what is left
        spacing = within == 0 || within == lanes ? std::min(spacing * 8, all) : all;
        start = within == 0 ? high - lanes * spacing : low + spacing;
    }
    step.value[lane] = low + step.mixtures.origin[lane];
    step.begin[lane] = begin, step.end[lane] = end;
    step.first[lane] = step.last[lane] = step.value[lane];
}

}  // namespace dicompress
