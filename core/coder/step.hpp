// One step of the lanes: the values that it codes and their intervals.
#pragma once

#include <cstdint>

#include "coder/bins.hpp"
#include "coder/lanes.hpp"
#include "coder/mixture.hpp"
#include "coder/wavefront.hpp"

namespace dicompress {

// What a step of the lanes works on.
template <int W>
struct Step {
    const Wavefront<W>& front;
    const Mixtures<W>& mixtures;
    const Bins bins;
    const MixtureSpec& spec;
    Ints<W> value, begin, end;  // decoded values, and their intervals
    Ints<W> first, last;        // of the bins that the values stand for

    // The bins of `value`, their intervals, and what stands for them, in the lanes that are `wanted`.
    DICOMPRESS_INLINE void settle(const Ints<W>& wanted) {
        first = choose(wanted, value, first), last = choose(wanted, value, last);
        if (spec.near)
            for (int i = 0; i < lanes; ++i) {
                if (!wanted[i]) continue;
                const Bin bin = bins.find(value[i], mixtures, i);
                first[i] = bin.first, last[i] = bin.last;
            }
        begin = choose(wanted, mixtures.cdf(to_floats(first - mixtures.origin)), begin);
        end = choose(wanted, mixtures.cdf(to_floats(last + 1 - mixtures.origin)), end);
        if (!spec.near) return;
        for (int i = 0; i < lanes; ++i)
            if (wanted[i]) value[i] = bins.representative({first[i], last[i]}, mixtures, i);
    }
};

}  // namespace dicompress
