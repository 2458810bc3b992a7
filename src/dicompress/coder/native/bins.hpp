// Near-lossless coding: values that share a code, and the one that stands for all of them.
//
// A bin holds up to 2 near + 1 values, so that its middle is within `near` of each. The middle of one bin is the value
// that the model expects, the others follow on both sides. Exact values are bins of their own and cut those they lie in.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mixture.hpp"

namespace dicompress {

struct Bin {
    std::int64_t first, last;  // values

    std::int64_t count() const { return last - first + 1; }
    bool holds(std::int64_t value) const { return first <= value && value <= last; }
};

class Bins {
public:
    explicit Bins(const MixtureSpec& spec) : spec_(spec) {}

    // The bin that `value` lies in.
    Bin find(std::int64_t value, const Mixture& mixture) const {
        if (!spec_.near) return {value, value};
        const std::int64_t width = spec_.width();
        const std::int64_t origin = std::clamp(mixture.expected(), spec_.low, spec_.high) - spec_.near;
        const std::int64_t past = value - origin;
        const std::int64_t first = origin + (past >= 0 ? past / width : -((width - 1 - past) / width)) * width;
        Bin bin{std::max(first, spec_.low), std::min(first + width - 1, spec_.high)};
        for (const auto& [first_exact, last_exact] : spec_.exact) {
            if (last_exact < value)
                bin.first = std::max(bin.first, last_exact + 1);
            else if (first_exact > value)
                bin.last = std::min(bin.last, first_exact - 1);
            else
                return {value, value};
        }
        return bin;
    }

    // The value within `near` of all values of the bin: its middle, or, of a bin that was cut, the expected value as far as
    // it may stand for all.
    std::int64_t representative(const Bin& bin, const Mixture& mixture) const {
        if (bin.count() == spec_.width()) return bin.first + spec_.near;
        std::int64_t parts = 0, sum = 0, below = mixture.cdf(bin.first);
        for (std::int64_t value = bin.first; value <= bin.last; ++value) {
            const std::int64_t next = mixture.cdf(value + 1);
            parts += next - below;
            sum += (next - below) * (value - bin.first);
            below = next;
        }
        const std::int64_t expected = bin.first + (sum + parts / 2) / parts;
        return std::clamp(expected, std::max(bin.first, bin.last - spec_.near), std::min(bin.last, bin.first + spec_.near));
    }

private:
    const MixtureSpec& spec_;
};

}  // namespace dicompress
