// Padding and saturated areas: where all known pixels around agree, how likely the symbol is their value once more.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "bins.hpp"
#include "mixture.hpp"

namespace dicompress {

// A spike on top of the mixture. Its share is learned for each number of causal neighbours (west, north) that agree, too:
// it moves to the probability, in hindsight, that the symbol came from the spike and not from the mixture.
class Flat {
public:
    Flat(std::size_t lines, std::size_t columns)
        : stride_(columns + 1), values_((lines + 1) * stride_, std::numeric_limits<std::int32_t>::min()) {
        shares_.fill(1 << 15);
    }

    template <class Known>
    void before(std::size_t line, std::size_t column, const Known& known, const MixtureSpec& spec, Mixture& mixture) {
        at_ = (line + 1) * stride_ + 1 + column;
        value_ = known[0];
        flat_ = std::all_of(known.begin(), known.end(), [&](std::int32_t v) { return v == value_; });
        if (!flat_) return;
        context_ = (values_[at_ - 1] == value_) + (values_[at_ - stride_] == value_);
        parts_ = std::min(std::int64_t{shares_[context_]} << 8, probability_total - spec.count() - 1);
        mixture.spike(value_, parts_);
    }

    void after(std::int32_t value, const Bin& bin, const Mixture& mixture) {
        values_[at_] = value;
        if (!flat_) return;
        const std::int64_t all = mixture.cdf(bin.last + 1) - mixture.cdf(bin.first);
        const auto hindsight = static_cast<std::int32_t>(bin.holds(value_) ? (parts_ << 16) / all : 0);
        std::int32_t& count = counts_[context_];
        std::int32_t& share = shares_[context_];
        count = std::min(count + 1, slowest);
        share = std::clamp(share + (hindsight - share) * 2 / (2 * count + 1), least, (1 << 16) - least);
    }

private:
    static constexpr std::int32_t slowest = 48, least = 16;  // of 2^16

    std::size_t stride_, at_ = 0;
    std::vector<std::int32_t> values_;
    std::array<std::int32_t, 3> shares_{}, counts_{};
    std::int32_t value_ = 0;
    std::int64_t parts_ = 0;
    int context_ = 0;
    bool flat_ = false;
};

}  // namespace dicompress
