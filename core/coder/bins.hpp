// Near-lossless coding: values that share a code, and the one that stands for all of them.
//
// A bin holds up to 2 near + 1 values, so that its middle is within `near` of each. The middle of one bin is the value
// that the model expects, the others follow on both sides. Exact values are bins of their own and cut those they lie
// in.
#pragma once

#include <algorithm>
#include <cstdint>

#include "coder/mixture.hpp"

namespace dicompress {

struct Bin {
    std::int32_t first, last;  // values

    std::int32_t count() const { return last - first + 1; }
    bool holds(std::int32_t value) const { return first <= value && value <= last; }
};

class Bins {
public:
    explicit Bins(const MixtureSpec& spec) : spec_(spec) {}

    // The bin that `value` lies in, of the mixture of `lane`.
    template <int W>
    Bin find(std::int32_t value, const Mixtures<W>& mixtures, int lane) const {
        if (!spec_.near) return {value, value};
        const std::int64_t width = spec_.width();
        const std::int64_t expected = mixtures.origin[lane] + rounded(mixtures.expected[lane]);
        const std::int64_t origin = std::clamp(expected, spec_.low, spec_.high) - spec_.near;
        const std::int64_t past = value - origin;
        const std::int64_t start = origin + (past >= 0 ? past / width : -((width - 1 - past) / width)) * width;
        std::int64_t first = std::max(start, spec_.low), last = std::min(start + width - 1, spec_.high);
        for (const auto& [first_exact, last_exact] : spec_.exact) {
            if (last_exact < value)
                first = std::max(first, last_exact + 1);
            else if (first_exact > value)
                last = std::min(last, first_exact - 1);
            else
                return {value, value};
        }
        return {static_cast<std::int32_t>(first), static_cast<std::int32_t>(last)};
    }

    // The value within `near` of all values of the bin: its middle, or, of a bin that was cut, the expected value as
    // far as it may stand for all.
    template <int W>
    std::int32_t representative(const Bin& bin, const Mixtures<W>& mixtures, int lane) const {
        const auto near = static_cast<std::int32_t>(spec_.near);
        if (bin.count() == spec_.width()) return bin.first + near;
        if (bin.count() == 1) return bin.first;
        // The sum of p(i) i over the bin's values i = 0 ... n - 1 is (n - 1) C(n) - C(1) - ... - C(n - 1).
        const Mixtures<W> one = mixtures.only(lane);
        const std::int32_t count = bin.count();
        std::int64_t begin = 0, end = 0, between = 0;
        for (std::int32_t start = 0; start <= count; start += lanes) {
            Floats<W> values;
            for (int i = 0; i < lanes; ++i)
                values[i] = static_cast<float>(bin.first - mixtures.origin[lane] + start + i);
            const Ints<W> edges = one.cdf(values);
            for (int i = 0; i < lanes && start + i <= count; ++i) {
                if (start + i == 0)
                    begin = edges[i];
                else if (start + i == count)
                    end = edges[i];
                else
                    between += edges[i];
            }
        }
        const std::int64_t parts = end - begin, weighted = (count - 1) * end - between;
        const auto expected = bin.first + static_cast<std::int32_t>((weighted + parts / 2) / parts);
        return std::clamp(expected, std::max(bin.first, bin.last - near), std::min(bin.last, bin.first + near));
    }

private:
    static std::int64_t rounded(float x) {
        const auto whole = static_cast<std::int64_t>(x + 0.5f);
        return static_cast<float>(whole) > x + 0.5f ? whole - 1 : whole;
    }

    const MixtureSpec& spec_;
};

}  // namespace dicompress
