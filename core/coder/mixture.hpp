// Discretised mixtures, one a lane: the probability of every value follows from + - x / in one order (numeric.hpp).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <utility>
#include <vector>

#include "coder/lanes.hpp"
#include "coder/numeric.hpp"

namespace dicompress {

inline constexpr int probability_bits = 24;
inline constexpr std::int32_t probability_total = std::int32_t{1} << probability_bits;
inline constexpr int max_components = 16;
inline constexpr float error_limit = 64;  // sixteenths of a deviation

// What is the same for a whole tensor.
struct MixtureSpec {
    int components;          // K
    std::int64_t scale;      // 1/256 values per unit of the mean
    std::int64_t low, high;  // smallest and largest value
    bool logistic = false;   // components are logistic, not Gaussian, distributions
    bool adaptive = true;    // the errors just made shift and widen the mixtures
    std::int64_t near = 0;   // largest error of a decoded value
    std::vector<std::pair<std::int64_t, std::int64_t>> exact = {};  // runs (first, last) of values without error

    std::int64_t count() const { return high - low + 1; }
    std::int64_t width() const { return 2 * near + 1; }  // values in a whole bin

    void check() const {
        if (components < 1 || components > max_components) throw std::invalid_argument("components must be 1 to 16");
        if (scale < 1 || scale > (std::int64_t{1} << 25)) throw std::invalid_argument("scale out of range");
        if (high < low || count() > 65536) throw std::invalid_argument("the value range must hold 1 to 65536 values");
        if (std::max(std::abs(low), std::abs(high)) > 65535)
            throw std::invalid_argument("values must lie within -65535 and 65535");
        if (near < 0 || near > 255) throw std::invalid_argument("near must be 0 to 255");
    }
};

// log2(v) in 2^-bits, rounded down; v >= 1. One squaring of the mantissa a bit.
template <int bits>
inline std::int64_t log2_fixed(std::uint64_t v) {
    const int exponent = 63 - std::countl_zero(v);
    std::uint64_t mantissa = exponent > 31 ? v >> (exponent - 31) : v << (31 - exponent);
    std::int64_t result = exponent;
    for (int bit = 0; bit < bits; ++bit) {
        mantissa = (mantissa * mantissa) >> 31;
        const std::uint64_t carry = mantissa >> 32;
        mantissa >>= carry;
        result = result << 1 | static_cast<std::int64_t>(carry);
    }
    return result;
}

// log2(pi / sqrt(3)): from the scale of a logistic distribution to its standard deviation.
inline constexpr float log_logistic_deviation = 3519.0f / 4096;

// The mixtures of one step. Values are counted from `origin`, a value near the mean, as small numbers bear exact steps.
//
// Parameters: K logits (log2 of the weight), K means, K log2 of the standard deviation (of logistic components: of
// their scale), all integers in multiples of 2^-12, means and deviations in units of the spec's scale; a mean of 0 lies
// at the base.
template <int W>
class Mixtures {
    using F = Floats<W>;
    using I = Ints<W>;

public:
    explicit Mixtures(const MixtureSpec& spec)
        : components_(spec.components),
          logistic_(spec.logistic),
          values_(static_cast<float>(probability_total - spec.count())),
          low_(static_cast<std::int32_t>(spec.low)),
          high_(static_cast<std::int32_t>(spec.high)),
          scale_(static_cast<float>(spec.scale) * 0x1p-20f),
          log_scale_(static_cast<float>(log2_fixed<12>(static_cast<std::uint64_t>(spec.scale))) * 0x1p-12f - 8.0f +
                     (spec.logistic ? log_logistic_deviation : 0.0f)),
          rounding_(static_cast<float>(spec.width() * spec.width()) * (1.0f / 12)) {}

    // parameters: 3 K numbers a lane, integers below 2^24. base: in 1/256 of a value.
    DICOMPRESS_INLINE void load(const F* parameters, const I& base) {
        const F *logits = parameters, *means = logits + components_, *deviations = means + components_;
        origin = base >> 8;
        low = to_floats(low_ - origin);
        high = to_floats(high_ - origin);
        fraction = to_floats(base & 255) * 0x1p-8f;
        F best = logits[0], sum(0), sum_means(0);
        for (int k = 1; k < components_; ++k) best = larger(best, logits[k]);
        for (int k = 0; k < components_; ++k) {
            weight_[k] = power_of_two(larger((logits[k] - best) * 0x1p-12f, F(-30)));
            sum = sum + weight_[k];
            mean_[k] = limited(fraction + means[k] * scale_, -0x1p18f, 0x1p18f);
            sum_means = sum_means + weight_[k] * mean_[k];
            inverse_[k] = power_of_two(0.0f - limited(deviations[k] * 0x1p-12f + log_scale_, -4, 16));
        }
        const F share = 1.0f / sum;
        centre = sum_means * share;
        F variance(rounding_);
        for (int k = 0; k < components_; ++k) {
            weight_[k] = weight_[k] * share;
            const F deviation = 1.0f / inverse_[k], away = mean_[k] - centre;
            variance = variance + weight_[k] * (deviation * deviation + away * away);
        }
        const F root = inverse_root(variance);
        unit = root * 16.0f;
        sixteenth = variance * root * 0x1p-4f;
        expected = centre;
        mass_ = F(values_);
        spike_at_ = F(0x1p22f);
        spike_ = I(0);
    }

    // Move all means by `shift` sixteenths of the standard deviation and divide all deviations by `narrow`.
    DICOMPRESS_INLINE void adapt(const F& shift, const F& narrow) {
        const F move = shift * sixteenth;
        expected = centre + move;
        for (int k = 0; k < components_; ++k) {
            mean_[k] = mean_[k] + move;
            inverse_[k] = inverse_[k] * narrow;
        }
    }

    // Give `value` so many parts of 2^-24 beforehand, at most probability_total - count - 1, where it is `wanted`; else
    // none.
    DICOMPRESS_INLINE void spike(const I& wanted, const F& value, const I& parts) {
        spike_at_ = choose(wanted, value, F(0x1p22f));
        spike_ = parts;
        mass_ = values_ - to_floats(parts);
    }

    // Distance of values from the mean before `adapt`, in sixteenths of the standard deviation, at most four of it.
    DICOMPRESS_INLINE F error(const F& value) const {
        return limited((value - centre) * unit, -error_limit, error_limit);
    }

    // Probability of a value below value[i], in 2^-24, for every lane i; every value of the range keeps at least one
    // part.
    DICOMPRESS_INLINE I cdf(const F& value) const {
        const F edge = value - 0.5f;
        F sum(0);
        for (int k = 0; k < components_; ++k) {
            const F t = (edge - mean_[k]) * inverse_[k];
            const F beyond = logistic_ ? logistic_tail(absolute(t)) : gaussian_tail(absolute(t));
            sum = sum + weight_[k] * choose(t < 0.0f, beyond, 1.0f - beyond);
        }
        I parts = to_ints(smaller(sum, F(1)) * mass_) + to_ints(value - low);
        parts = parts + ((value > spike_at_) & spike_);
        parts = (value > low) & parts;
        return choose(value > high, I(probability_total), parts);
    }

    // This step's mixture of one lane in all lanes, to look at many values of it at once.
    Mixtures only(int lane) const {
        Mixtures one(components_, logistic_);
        for (int k = 0; k < components_; ++k) {
            one.weight_[k] = F(weight_[k][lane]);
            one.mean_[k] = F(mean_[k][lane]);
            one.inverse_[k] = F(inverse_[k][lane]);
        }
        one.mass_ = F(mass_[lane]), one.spike_at_ = F(spike_at_[lane]), one.spike_ = I(spike_[lane]);
        one.low = F(low[lane]), one.high = F(high[lane]);
        return one;
    }

    I origin;
    F fraction;          // where the base lies behind it
    F low, high;         // of the values
    F centre, expected;  // the mean before and after `adapt`
    F unit, sixteenth;   // 16 / deviation, deviation / 16, of the whole mixture before `adapt`

private:
    Mixtures(int components, bool logistic) : components_(components), logistic_(logistic) {}

    int components_;
    bool logistic_;
    float values_;  // parts that the mixture divides among the values
    std::int32_t low_, high_;
    float scale_, log_scale_, rounding_;
    F weight_[max_components], mean_[max_components], inverse_[max_components];
    F mass_, spike_at_;
    I spike_;
};

}  // namespace dicompress
