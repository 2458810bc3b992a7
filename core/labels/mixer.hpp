// The probability of a bit from several contexts, mixed; each learns from every bit.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "labels/logistic.hpp"

namespace dicompress::labels {

// `count` contexts, the smaller ones first: one that is met for the first time begins where the one before it is.
template <int count_of_contexts>
class Mixer {
public:
    static constexpr int contexts = count_of_contexts, inputs = contexts + 1;

    Mixer(const std::array<int, contexts>& bits, int first_selectors, int second_selectors)
        : first_(static_cast<std::size_t>(first_selectors) * inputs, initial_weight / 2),
          second_(static_cast<std::size_t>(second_selectors) * inputs, initial_weight / 2),
          refined_(static_cast<std::size_t>(first_selectors) * buckets) {
        for (int i = 0; i < contexts; ++i) tables_[at(i)].resize(std::size_t{1} << bits[at(i)]);
        for (std::size_t i = 0; i < refined_.size(); ++i)
            refined_[i] = counter_of(static_cast<std::uint32_t>(squash((static_cast<int>(i % buckets) - buckets / 2) * bucket_width)), 6);
    }

    // Of a one, below 2^24. index: of each context, within its table.
    std::uint32_t predict(const std::array<std::uint32_t, contexts>& index, int first, int second) {
        first_weights_ = &first_[static_cast<std::size_t>(first) * inputs];
        second_weights_ = &second_[static_cast<std::size_t>(second) * inputs];
        std::uint32_t before = 1u << (probability_bits - 1);
        std::int64_t sum = 0;
        for (int i = 0; i < contexts; ++i) {
            Counter& counter = tables_[at(i)][index[at(i)]];
            if (!counter) counter = counter_of(std::clamp(before, 1u << 4, (1u << probability_bits) - (1u << 4)), 1);
            used_[at(i)] = &counter;
            before = counter >> 10;
            odds_[at(i)] = stretch(before);
            sum += std::int64_t{odds_[at(i)]} * (first_weights_[i] + second_weights_[i]);
        }
        odds_[contexts] = 256;
        sum += std::int64_t{256} * (first_weights_[contexts] + second_weights_[contexts]);
        const auto mixed = static_cast<std::int32_t>(std::clamp<std::int64_t>(sum >> 16, -most_odds, most_odds));
        mixed_ = squash(mixed);
        const int place = mixed + most_odds;
        const int bucket = std::min(place / bucket_width, buckets - 2), beyond = place - bucket * bucket_width;
        refined_at_ = &refined_[static_cast<std::size_t>(first) * buckets + static_cast<std::size_t>(bucket)];
        nearer_ = beyond * 2 >= bucket_width;
        const std::int64_t low = refined_at_[0] >> 10, high = refined_at_[1] >> 10;
        const std::int64_t refined = low + (high - low) * beyond / bucket_width;
        const std::int64_t whole = (mixed_ + refined) * 2;  // of 2^24
        return static_cast<std::uint32_t>(std::clamp<std::int64_t>(whole, least, (1 << 24) - least));
    }

    void learn(bool bit, int rate, std::uint32_t limit) {
        const std::int64_t error = ((bit ? (1 << probability_bits) : 0) - mixed_) * std::int64_t{rate};
        for (int i = 0; i < inputs; ++i) {
            const auto step = static_cast<std::int32_t>((odds_[at(i)] * error + (1 << 25)) >> 26);
            first_weights_[i] = std::clamp(first_weights_[i] + step, -most_weight, most_weight);
            second_weights_[i] = std::clamp(second_weights_[i] + step, -most_weight, most_weight);
        }
        for (Counter* counter : used_) count(*counter, bit, limit);
        count(refined_at_[nearer_], bit, 255);
    }

private:
    static constexpr int buckets = 25, bucket_width = 256;
    static constexpr std::int32_t initial_weight = (1 << 16) * 3 / 16, most_weight = 1 << 22;
    static constexpr std::int64_t least = 48;  // of 2^24

    static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }

    std::array<std::vector<Counter>, contexts> tables_;
    std::vector<std::int32_t> first_, second_;
    std::vector<Counter> refined_;
    std::array<Counter*, contexts> used_{};
    std::array<std::int32_t, inputs> odds_{};
    std::int32_t *first_weights_ = nullptr, *second_weights_ = nullptr;
    Counter* refined_at_ = nullptr;
    std::int32_t mixed_ = 0;
    bool nearer_ = false;
};

}  // namespace dicompress::labels
