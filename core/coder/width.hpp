// How much wider or narrower than predicted the errors are, learned by class of the errors just made around, from all
// lanes of a step at once.
#pragma once

#include <algorithm>
#include <array>

#include "coder/lanes.hpp"
#include "coder/numeric.hpp"
#include "coder/wavefront.hpp"

namespace dicompress {

template <int W>
class Width {
    using F = Floats<W>;
    using I = Ints<W>;

public:
    Width() : factors_(1.0f), counts_(0.0f) {}

    // rests: |error| that the shifted means left, in sixteenths of the predicted deviation. x: the regression's
    // features.
    DICOMPRESS_INLINE void choose(const History<W>& rests, const F* x) {
        const F nearest = rests.at(1) + rests.at(2, 1);                                 // west, north
        const F near = rests.at(2) + rests.at(3, 1) + rests.at(1, 1) + rests.at(4, 2);  // and two away, diagonals
        const F far = rests.at(3) + rests.at(4, 1) + rests.at(5, 2) + rests.at(3, 2);
        const F known = absolute(x[0]) + absolute(x[1]) + absolute(x[2]) + absolute(x[3]);
        const F size = 4.0f * nearest + 2.0f * near + far + 0.5f * known;
        I found(0);
        for (float limit : limits) found = found - (size > limit);
        class_ = found;
        apply();
        narrow = lookup(factors_, found);
    }

    // Learn from the errors that the shifted means left. hidden: what more the square of an error is expected to be,
    // relative to its expectation, where it is known no closer than to a bin.
    DICOMPRESS_INLINE void learn(const F& rest, const F& hidden, const I& active) {
        const F relative = rest * narrow * 0x1p-4f;
        const F step = (1.0f - smaller(relative * relative + hidden, F(16))) * (1 << fraction_bits);
        alignas(64) std::int32_t classes[lanes], steps[lanes];
        class_.to(classes);
        ((to_ints(step) + (1 << sum_bits)) & active).to(steps);
        for (int i = 0; i < lanes; ++i) learned_[classes[i]] += steps[i];
    }

    F narrow;  // what deviations are divided by

private:
    // What a step of the lanes taught, all classes at once.
    DICOMPRESS_INLINE void apply() {
        const I learned = I::from(learned_), sum = (learned << (32 - sum_bits)) >> (32 - sum_bits);
        const F count = to_floats((learned - sum) >> sum_bits);
        counts_ = smaller(counts_ + count, F(1000));
        const F step = to_floats(sum) * (rate / (1 << fraction_bits)) * (1.0f + 10.0f / larger(counts_, F(1)));
        factors_ = limited(factors_ + factors_ * step, 0.25f, 4.0f);
        I(0).to(learned_);
    }

    static constexpr std::array<float, 12> limits = {36, 72, 120, 168, 228, 300, 396, 540, 740, 1075, 1600, 2200};
    static constexpr float rate = 0.004f;  // eleven times as much for the first of a class, and less with every one

    static constexpr int fraction_bits = 14, sum_bits = 26;

    F factors_, counts_;  // a class a lane
    // By class: the sum of its lanes' steps, and their number above sum_bits.
    alignas(64) std::int32_t learned_[lanes]{};
    I class_;
};

}  // namespace dicompress
