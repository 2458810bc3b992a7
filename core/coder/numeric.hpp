// The functions behind probabilities, from + - x / alone, which IEEE 754 rounds alike everywhere, in vectors and out of
// them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "coder/lanes.hpp"

namespace dicompress {

// The largest integer not above x, for |x| < 2^31.
template <int W>
DICOMPRESS_INLINE Floats<W> floored(const Floats<W>& x) {
    const Floats<W> whole = to_floats(to_ints(x));
    return choose(whole > x, whole - 1.0f, whole);
}

// 2^x for x within -120 and 120, to some 2^-22 of it.
template <int W>
DICOMPRESS_INLINE Floats<W> power_of_two(const Floats<W>& x) {
    const Ints<W> whole = to_ints(x + 128.5f) - 128;
    const Floats<W> rest = x - to_floats(whole);
    Floats<W> p = rest * 0.0013333558f + 0.0096181291f;
    p = p * rest + 0.055504109f;
    p = p * rest + 0.24022651f;
    p = p * rest + 0.69314718f;
    p = p * rest + 1.0f;
    return p * float_of((whole + 127) << 23);
}

// 1 / sqrt(x) for x > 0, to some 2^-17 of it: Newton's method, started from the bits.
template <int W>
DICOMPRESS_INLINE Floats<W> inverse_root(const Floats<W>& x) {
    Floats<W> y = float_of(0x5f375a86 - (bits_of(x) >> 1));
    const Floats<W> half = x * 0.5f;
    y = y * (1.5f - half * y * y);
    return y * (1.5f - half * y * y);
}

// About the share of a Gaussian beyond t >= 0 deviations: fitted so that coding Gaussian values under it costs no more
// than 0.0002 bits each. All coefficients are positive, so it never rises with t, however it is rounded: no value has a
// probability below zero. Far away the powers are infinite and the share is 0.
template <int W>
DICOMPRESS_INLINE Floats<W> gaussian_tail(const Floats<W>& t) {
    Floats<W> p = (t * 0.10294134f + 1.0f) + (t * t) * (t * 0.01623994f + 0.03473967f);
    p = p * p;
    p = p * p;
    p = p * p;
    return 0.5f / p;
}

// The same of a logistic distribution of deviation 1: 1 / (1 + exp(t pi / sqrt(3))).
template <int W>
DICOMPRESS_INLINE Floats<W> logistic_tail(const Floats<W>& distance) {
    const Floats<W> x = smaller(distance, Floats<W>(16.0f)) * (1.8137994f / 16.0f);
    Floats<W> p = x * 0.0013888889f + 0.0083333333f;
    p = p * x + 0.041666667f;
    p = p * x + 0.16666667f;
    p = p * x + 0.5f;
    p = p * x + 1.0f;
    p = p * x + 1.0f;
    p = p * p;
    p = p * p;
    p = p * p;
    p = p * p;
    return 1.0f / (p + 1.0f);
}

}  // namespace dicompress
