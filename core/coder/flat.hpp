// Padding and saturated areas: where all known pixels around agree, how likely the symbol is their value once more.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory_resource>

#include "coder/bins.hpp"
#include "coder/lanes.hpp"
#include "coder/mixture.hpp"
#include "coder/wavefront.hpp"

namespace dicompress {

// A spike on top of the mixture. Its share is learned for each number of causal neighbours (west, north) that agree,
// too: it moves to the probability, in hindsight, that the symbols of a step came from the spike and not from the
// mixture.
template <int W>
class Flat {
    using F = Floats<W>;
    using I = Ints<W>;

public:
    Flat(std::int64_t columns, std::pmr::memory_resource* memory) : values_(columns, nothing, memory) {}

    // known: four pixels around every symbol.
    DICOMPRESS_INLINE void before(const I* known, const MixtureSpec& spec, const I& active, Mixtures<W>& mixtures) {
        flat_ = active & (known[1] == known[0]) & (known[2] == known[0]) & (known[3] == known[0]);
        any_ = any(flat_);
        if (!any_) return;
        value_ = known[0];
        const F value = to_floats(value_);
        context_ = 0 - ((values_.at(1) == value) + (values_.at(2, 1) == value));
        const auto most = static_cast<std::int32_t>(probability_total - spec.count() - 1);
        parts_ = smaller(to_ints(share_of(context_) * probability_total), I(most)) & flat_;
        mixtures.spike(flat_, to_floats(value_ - mixtures.origin), parts_);
    }

    // Of the values that were coded: they, their bins from first to last, the parts of their intervals.
    DICOMPRESS_INLINE void after(const I& values, const I& first, const I& last, const I& parts, const I& active) {
        values_.push(choose(active, to_floats(values), F(nothing)));
        if (!any_) return;
        const I hit = choose((first > value_) | (value_ > last), I(0), flat_);
        const F hindsight = to_floats(parts_ & hit) / larger(to_floats(parts), F(1));
        const I learned = to_ints(hindsight * (1 << fraction_bits)) + (1 << sum_bits);
        for (int k = 0; k < 3; ++k) {
            const std::int32_t all = total(learned & flat_ & (context_ == k));
            if (!all) continue;
            const auto here = static_cast<float>(all >> sum_bits);
            const float sum = static_cast<float>(all & ((1 << sum_bits) - 1)) * (1.0f / (1 << fraction_bits));
            counts_[k] = std::min(counts_[k] + here, slowest);
            shares_[k] = std::clamp(shares_[k] + (sum - here * shares_[k]) / (counts_[k] + 0.5f), least, 1.0f - least);
        }
    }

private:
    DICOMPRESS_INLINE F share_of(const I& context) const {
        return choose(context == 0, F(shares_[0]), choose(context == 1, F(shares_[1]), F(shares_[2])));
    }

    static constexpr int fraction_bits = 16, sum_bits = 21;
    static constexpr float slowest = 48, least = 0x1p-12f, nothing = 0x1p20f;

    History<W> values_;
    std::array<float, 3> shares_{0.5f, 0.5f, 0.5f}, counts_{};
    I flat_, context_, parts_, value_;
    bool any_ = false;
};

}  // namespace dicompress
