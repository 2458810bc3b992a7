// Discretised mixtures in integers: the probability of every value follows from integer tables alone.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tables.hpp"

namespace dicompress {

inline constexpr int probability_bits = 24;
inline constexpr std::int64_t probability_total = std::int64_t{1} << probability_bits;
inline constexpr int max_components = 16;
inline constexpr std::int64_t scales = 640;
inline constexpr std::int64_t mean_limit = 1 << 26;  // four times the largest value, in 1/256

// What is the same for a whole tensor.
struct MixtureSpec {
    int components;             // K
    std::int64_t scale;         // 1/256 values per unit of the mean
    std::int64_t low, high;     // smallest and largest value
    bool logistic = false;      // components are logistic, not Gaussian, distributions
    bool adaptive = true;       // the errors just made shift and widen the mixtures
    std::int64_t near = 0;      // largest error of a decoded value
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

// sigma in 1/256 of a value, for every entry of inverse_scale.
inline constexpr auto scale_256 = [] {
    std::array<std::int64_t, scales> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = (std::int64_t{1} << 35) / inverse_scale[i];
    return table;
}();

// log2(pi / sqrt(3)) in 2^-12: from the scale of a logistic distribution to its standard deviation.
inline constexpr std::int64_t log_logistic_deviation = 3519;

// CDF(t) * 2^30 for t = position / 2^15 standard deviations, by linear interpolation in the table of t >= 0.
inline std::int64_t interpolate(const std::uint32_t* table, std::int64_t position) {
    const std::int64_t distance = std::min<std::int64_t>(position < 0 ? -position : position, (1 << 18) - 1);
    const std::int64_t index = distance >> 8, fraction = distance & 255;
    const std::int64_t left = table[index], right = table[index + 1];
    const std::int64_t value = left + (((right - left) * fraction) >> 8);
    return position < 0 ? (std::int64_t{1} << 30) - value : value;
}

// The mixture of one position. Parameters: K logits (log2 of the weight), K means, K log2 of the standard deviation (of
// logistic components: of their scale), all integers in multiples of 2^-12, means and deviations in units of the spec's scale; a mean of 0 lies at the base.
class Mixture {
public:
    // rounded: the unit of `error` and `adapt` counts the variance that rounding to whole values adds; where an error is
    // allowed it always counts that of the bins.
    explicit Mixture(const MixtureSpec& spec, bool rounded = false)
        : spec_(spec),
          table_(spec.logistic ? logistic_cdf : gaussian_cdf),
          log_scale_(log2_fixed<12>(static_cast<std::uint64_t>(spec.scale)) - (8 << 12) +
                     (spec.logistic ? log_logistic_deviation : 0)),
          rounding_(rounded || spec.near ? (256 * 256 / 12 * spec.width() * spec.width()) << 14 : 0) {}

    // `parameters` lies `stride` floats apart from entry to entry; the floats hold integers below 2^24. `base` is in
    // 1/256 of a value.
    void load(const float* parameters, std::int64_t stride, std::int64_t base) {
        const int k = spec_.components;
        std::int64_t logits[max_components];
        best_ = 0;
        for (int i = 0; i < k; ++i) {
            logits[i] = static_cast<std::int64_t>(parameters[i * stride]);
            const std::int64_t mean = (static_cast<std::int64_t>(parameters[(k + i) * stride]) * spec_.scale) >> 12;
            mean_[i] = std::clamp<std::int64_t>(base + mean, -mean_limit, mean_limit);
            const std::int64_t log_sigma = static_cast<std::int64_t>(parameters[(2 * k + i) * stride]) + log_scale_;
            index_[i] = std::clamp<std::int64_t>((log_sigma >> 7) + 128, 0, scales - 1);
            inverse_[i] = inverse_scale[index_[i]];
            if (logits[i] > logits[best_]) best_ = i;
        }
        std::int64_t sum = 0;
        for (int i = 0; i < k; ++i) {
            const std::int64_t below = logits[best_] - logits[i];
            weight_[i] = below >= (16 << 12) ? 0 : negative_power[(below >> 4) & 255] >> (below >> 12);
            sum += weight_[i];
        }
        const std::int64_t share = (std::int64_t{1} << 40) / sum;
        std::int64_t rest = std::int64_t{1} << 16;
        for (int i = 0; i < k; ++i) {
            weight_[i] = (weight_[i] * share) >> 24;
            rest -= weight_[i];
        }
        weight_[best_] += rest;
        spike_ = 0;
        moments();
        expected_ = centre_;
    }

    // Give `value` so many parts of 2^-24 beforehand; at most probability_total - count - 1.
    void spike(std::int64_t value, std::int64_t parts) { spike_at_ = value, spike_ = parts; }

    // Move all means by `shift` sixteenths of the standard deviation and widen all deviations by 2^(widen / 32).
    void adapt(std::int64_t shift, std::int64_t widen) {
        const std::int64_t move = (shift * scale_256[deviation_]) >> 4;
        for (int i = 0; i < spec_.components; ++i) {
            mean_[i] += move;
            inverse_[i] = inverse_scale[std::clamp<std::int64_t>(index_[i] + widen, 0, scales - 1)];
        }
        expected_ = centre_ + move;
    }

    // The mean after `adapt`, rounded to a value.
    std::int64_t expected() const { return (expected_ + 128) >> 8; }

    // Half of `count` values, in sixteenths of the standard deviation.
    std::int64_t half(std::int64_t count) const { return count * 128 * 16 / scale_256[deviation_]; }

    // Distance of `value` from the mean before `adapt`, in sixteenths of the standard deviation.
    std::int64_t error(std::int64_t value) const { return ((value * 256 - centre_) * inverse_scale[deviation_]) >> 31; }

    // Probability of a value below `value`, in 2^-24; every value of the range keeps at least one part.
    std::int64_t cdf(std::int64_t value) const {
        if (value <= spec_.low) return 0;
        if (value > spec_.high) return probability_total;
        const std::int64_t edge = value * 256 - 128;
        std::int64_t sum = 0;
        for (int i = 0; i < spec_.components; ++i) sum += weight_[i] * interpolate(table_, ((edge - mean_[i]) * inverse_[i]) >> 20);
        const std::int64_t below = (((sum >> 14) * (probability_total - spec_.count() - spike_)) >> 32) + (value - spec_.low);
        return value > spike_at_ ? below + spike_ : below;
    }

    // The value whose interval holds `target`, and that interval.
    std::int64_t find(std::int64_t target, std::int64_t& begin, std::int64_t& end) const {
        std::int64_t left = spec_.low, right = spec_.high + 1;  // cdf(left) <= target < cdf(right)
        std::int64_t left_cdf = 0, right_cdf = probability_total;
        std::int64_t probe = std::clamp(mean_[best_] >> 8, spec_.low, spec_.high);
        std::int64_t step = std::max<std::int64_t>(1, scale_256[index_[best_]] >> 8);
        while (right - left > 1) {
            if (probe <= left || probe >= right) probe = left + (right - left) / 2;
            const std::int64_t at = cdf(probe);
            if (at <= target) {
                left = probe, left_cdf = at;
                probe += step;
            } else {
                right = probe, right_cdf = at;
                probe -= step;
            }
            if (left != spec_.low && right != spec_.high + 1) probe = left + (right - left) / 2;
            step *= 2;
        }
        begin = left_cdf, end = right_cdf;
        return left;
    }

private:
    const MixtureSpec& spec_;
    const std::uint32_t* table_;
    std::int64_t log_scale_;
    std::uint64_t rounding_;
    std::int64_t mean_[max_components], index_[max_components], inverse_[max_components], weight_[max_components];
    std::int64_t best_ = 0, centre_ = 0, deviation_ = 0, expected_ = 0, spike_at_ = 0, spike_ = 0;

    // Mean and standard deviation (as an index of the scale table) of the whole mixture.
    void moments() {
        std::int64_t sum = 0;
        for (int i = 0; i < spec_.components; ++i) sum += weight_[i] * mean_[i];
        centre_ = sum >> 16;
        std::uint64_t variance = 1 + rounding_;
        for (int i = 0; i < spec_.components; ++i) {
            const std::int64_t away = std::min<std::int64_t>(std::abs(mean_[i] - centre_), 1 << 22);
            const std::int64_t sigma = std::min<std::int64_t>(scale_256[index_[i]], 1 << 22);
            variance += static_cast<std::uint64_t>((sigma * sigma + away * away) >> 2) * static_cast<std::uint64_t>(weight_[i]);
        }
        deviation_ = std::clamp<std::int64_t>(log2_fixed<4>(variance) - 14 * 16 - 16 * 16 + 128, 0, scales - 1);
    }
};

}  // namespace dicompress
