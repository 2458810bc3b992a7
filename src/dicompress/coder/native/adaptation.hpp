// What the network could not see: the errors just made around a symbol shift and widen its mixture.
//
// Errors are in sixteenths of the predicted standard deviation. The mean moves by a linear combination of the errors
// around, whose weights follow them by normalised least mean squares. All of it is integer arithmetic: encoder and
// decoder agree on every machine. For tensors of several channels; where known pixels lie around, see regression.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "bins.hpp"
#include "mixture.hpp"
#include "width.hpp"

namespace dicompress {

class Adaptation {
public:
    Adaptation(const MixtureSpec& spec, std::size_t channels, std::size_t lines, std::size_t columns)
        : spec_(spec),
          channels_(channels),
          stride_(columns + 2 * margin),
          errors_((lines + margin * channels) * stride_),
          rests_(errors_.size()),
          filters_(channels),
          widths_(channels, Width(width_limits, width_rate)) {
        for (auto& filter : filters_) filter = {start, start};
    }

    // Shift and widen the mixture of the symbol at `column` of the band's line `line`; lines go channel by channel.
    void before(std::size_t line, std::size_t column, Mixture& mixture) {
        at_ = (line + margin * channels_) * stride_ + margin + column;
        channel_ = line % channels_;
        const std::int16_t* here = errors_.data() + at_;
        const std::int16_t* north = here - channels_ * stride_;
        const std::int16_t* north2 = north - channels_ * stride_;
        const std::int16_t* north3 = north2 - channels_ * stride_;
        near_ = {here[-1], north[0], north[-1], north[1], here[-2], north2[0], north2[1], north2[-1],
                 north[-2], north[2], here[-3], north3[0], north[-3], north[3], north2[-2], north2[2]};
        for (std::size_t i = 0; i < other_channels; ++i)
            near_[same_channel + i] = i < channel_ ? here[-static_cast<std::int64_t>((i + 1) * stride_)] : 0;
        const auto& filter = filters_[channel_];
        std::int32_t sum = 0;  // at most 20 * 2^19 * 127 < 2^31
        for (std::size_t i = 0; i < near_.size(); ++i) sum += filter[i] * near_[i];
        shift_ = std::clamp<std::int64_t>(sum >> filter_bits, -error_limit, error_limit);

        const std::int16_t* rest = rests_.data() + at_;
        const std::int16_t* above = rest - channels_ * stride_;
        const std::int16_t* above2 = above - channels_ * stride_;
        widths_[channel_].choose(rest, above, above2);
        mixture.adapt(shift_, widths_[channel_].widen());
    }

    // Learn from the symbol that was coded.
    void after(std::int64_t value, const Bin& bin, const Mixture& mixture) {
        const std::int64_t error = std::clamp<std::int64_t>(mixture.error(value), -error_limit, error_limit);
        const std::int64_t rest = error - shift_;
        std::int32_t energy = 512;  // two standard deviations keep the first steps small
        for (int e : near_) energy += e * e;
        const std::int64_t gain = rest * (filter_rate << 12) / energy;
        auto& filter = filters_[channel_];
        for (std::size_t i = 0; i < near_.size(); ++i) {
            const auto step = static_cast<std::int32_t>((gain * near_[i]) >> 12);
            filter[i] = std::clamp(filter[i] + step, -filter_limit, filter_limit);
        }
        widths_[channel_].learn(rest, spec_.near ? mixture.half(bin.count()) : 0);
        errors_[at_] = static_cast<std::int16_t>(error);
        rests_[at_] = static_cast<std::int16_t>(std::abs(rest));
    }

private:
    static constexpr std::size_t margin = 3, same_channel = 16, other_channels = 4, taps = same_channel + other_channels;
    static constexpr int filter_bits = 16, filter_limit = 1 << 19, start = 1 << 14;  // a quarter of the western and of the northern error
    static constexpr int filter_rate = 2000, width_rate = 8;
    static constexpr std::int64_t error_limit = 127;
    static constexpr std::array<int, 9> width_limits = {36, 72, 120, 168, 228, 300, 396, 540, 780};

    const MixtureSpec& spec_;
    std::size_t channels_, stride_;
    std::vector<std::int16_t> errors_, rests_;
    std::vector<std::array<std::int32_t, taps>> filters_;
    std::vector<Width> widths_;
    std::array<int, taps> near_{};
    std::size_t at_ = 0, channel_ = 0;
    std::int64_t shift_ = 0;
};

}  // namespace dicompress
