// Padding and saturated areas: where all known pixels around agree, how likely the symbol is their value once more.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "coder/bins.hpp"
#include "coder/lanes.hpp"
#include "coder/mixture.hpp"
#include "coder/wavefront.hpp"

namespace dicompress {

// A spike on top of the mixture. Its share is learned for each number of causal neighbours (west, north) that agree,
// too: it moves to the probability, in hindsight, that the symbol came from the spike and not from the mixture.
template <int W>
class Flat {
    using F = Floats<W>;
    using I = Ints<W>;

public:
    explicit Flat(std::int64_t columns) : values_(columns, nothing) {}

    // known: four pixels around every symbol.
    DICOMPRESS_INLINE void before(const I* known, const MixtureSpec& spec, const I& active, Mixtures<W>& mixtures) {
        flat_ = active & (known[1] == known[0]) & (known[2] == known[0]) & (known[3] == known[0]);
        any_ = any(flat_);
        if (!any_) return;
        value_ = known[0];
        const F value = to_floats(value_);
        context_ = 0 - ((values_.at(1) == value) + (values_.at(2, 1) == value));
        const auto most = static_cast<std::int32_t>(probability_total - spec.count() - 1);
        for (int i = 0; i < lanes; ++i) {
            if (!flat_[i]) continue;
            parts_[i] = std::min(static_cast<std::int32_t>(shares_[context_[i]] * probability_total), most);
            mixtures.spike(i, static_cast<float>(value_[i] - mixtures.origin[i]), parts_[i]);
        }
    }

    // values: that were coded; bins: theirs; parts: of their intervals. A lane after the other.
    DICOMPRESS_INLINE void after(const I& values, const Bin* bins, const I& parts, const I& active) {
        values_.push(choose(active, to_floats(values), F(nothing)));
        if (!any_) return;
        for (int i = 0; i < lanes; ++i) {
            if (!flat_[i]) continue;
            const float hindsight =
                bins[i].holds(value_[i]) ? static_cast<float>(parts_[i]) / static_cast<float>(parts[i]) : 0.0f;
            float &count = counts_[context_[i]], &share = shares_[context_[i]];
            count = std::min(count + 1.0f, slowest);
            share = std::clamp(share + (hindsight - share) / (count + 0.5f), least, 1.0f - least);
        }
    }

private:
    static constexpr float slowest = 48, least = 0x1p-12f, nothing = 0x1p20f;

    History<W> values_;
    std::array<float, 3> shares_{0.5f, 0.5f, 0.5f}, counts_{};
    I flat_, context_, parts_, value_;
    bool any_ = false;
};

}  // namespace dicompress
