// How much wider or narrower than predicted the errors are, learned by class of the errors just made around.
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
    Width() { factors_.fill(1.0f); }

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
        for (int i = 0; i < lanes; ++i) narrow[i] = factors_[static_cast<std::size_t>(found[i])];
    }

    // Learn, lane after lane, from the errors that the shifted means left. hidden: what more the square of an error is
    // expected to be, relative to its expectation, where it is known no closer than to a bin.
    DICOMPRESS_INLINE void learn(const F& rest, const F& hidden, const I& active) {
        const F relative = rest * narrow * 0x1p-4f;
        const F step = (1.0f - smaller(relative * relative + hidden, F(16))) * rate;
        for (int i = 0; i < lanes; ++i) {
            if (!active[i]) continue;
            const auto found = static_cast<std::size_t>(class_[i]);
            count_[found] = std::min(count_[found] + 1.0f, 1000.0f);
            factors_[found] =
                std::clamp(factors_[found] + factors_[found] * (step[i] * (1.0f + 10.0f / count_[found])), 0.25f, 4.0f);
        }
    }

    F narrow;  // what deviations are divided by

private:
    static constexpr std::array<float, 12> limits = {36, 72, 120, 168, 228, 300, 396, 540, 740, 1075, 1600, 2200};
    static constexpr float rate = 0.004f;  // eleven times as much for the first of a class, and less with every one

    std::array<float, limits.size() + 1> factors_, count_{};
    I class_;
};

}  // namespace dicompress
