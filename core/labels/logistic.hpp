// Probabilities of a bit and their logarithmic odds, in integers alone, so that they are the same on every machine.
//
// A probability has 22 bits; odds are ln(p / (1 - p)) in 256ths. They are mixed in this domain, as in Mahoney, "Adaptive weighing of
// context models for lossless data compression" (2005).
#pragma once

#include <array>
#include <cstdint>

namespace dicompress::labels {

inline constexpr int probability_bits = 22, most_odds = 3071, most_input = 2047;

// 2^22 / (1 + e^(-k / 256)), k from 0: the powers of e by multiplication, rounded down alike everywhere.
inline constexpr auto squash_table = [] {
    std::array<std::uint32_t, most_odds + 1> table{};
    constexpr std::uint64_t factor = 4278222811;  // e^(-1 / 256) * 2^32
    std::uint64_t power = std::uint64_t{1} << 32;
    for (std::uint32_t& found : table) {
        found = static_cast<std::uint32_t>((std::uint64_t{1} << (32 + probability_bits)) / ((std::uint64_t{1} << 32) + power));
        power = power * factor >> 32;
    }
    return table;
}();

// The probability of odds, clamped to `most_odds`.
constexpr std::int32_t squash(std::int32_t odds) {
    if (odds >= 0) return static_cast<std::int32_t>(squash_table[static_cast<std::size_t>(odds < most_odds ? odds : most_odds)]);
    return (1 << probability_bits) - static_cast<std::int32_t>(squash_table[static_cast<std::size_t>(-odds < most_odds ? -odds : most_odds)]);
}

// The odds of a probability's highest 12 bits, clamped to `most_input`.
inline constexpr auto stretch_table = [] {
    std::array<std::int16_t, 4096> table{};
    std::int32_t odds = -most_input;
    for (std::int32_t k = 0; k < 4096; ++k) {
        while (odds < most_input && squash(odds) < (k << 10 | 512)) ++odds;
        table[static_cast<std::size_t>(k)] = static_cast<std::int16_t>(odds);
    }
    return table;
}();

constexpr std::int32_t stretch(std::uint32_t probability) { return stretch_table[probability >> 10]; }

// 2^16 / (n + 1.5): by how much the n-th bit after the first moves a probability.
inline constexpr auto rates = [] {
    std::array<std::uint16_t, 1024> table{};
    for (std::uint32_t n = 0; n < table.size(); ++n) table[n] = static_cast<std::uint16_t>((2u << 16) / (2 * n + 3));
    return table;
}();

// A probability in the upper 22 bits, how many bits it has seen in the lower 10; 0 for one that is not yet set.
using Counter = std::uint32_t;

inline Counter counter_of(std::uint32_t probability, std::uint32_t count = 0) { return probability << 10 | count; }

inline void count(Counter& counter, bool bit, std::uint32_t limit) {
    const std::uint32_t n = counter & 1023;
    const auto probability = static_cast<std::int64_t>(counter >> 10);
    const std::int64_t moved = probability + (((bit ? (1 << 22) - 1 : 0) - probability) * rates[n] >> 16);
    counter = counter_of(static_cast<std::uint32_t>(moved), n < limit ? n + 1 : n);
}

}  // namespace dicompress::labels
