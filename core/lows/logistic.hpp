// Chances of decisions, and their mixture in the logistic domain (Mahoney, "Adaptive weighing of context models", 2005);
// integers alone.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace dicompress::lows {

inline constexpr int chance_bits = 16;                 // a chance is in 1/65536
inline constexpr std::int32_t whole = 1 << chance_bits;
inline constexpr std::int32_t farthest = 2815;         // a logit is in 1/256, at most 11 in size
inline constexpr int stretch_bits = 12;                // of a chance that its logit knows

// 1 / (1 + e^-x) of all logits, at least 1/65536.
inline const auto& squashed() {
    static const auto table = [] {
        std::array<std::uint16_t, 2 * farthest + 1> found{};
        constexpr std::uint64_t one = std::uint64_t{1} << 31, step = 2139111412;  // e^(-1/256)
        std::uint64_t power = one;                                                // e^-x, rounded down at each step
        for (std::size_t x = 0; x <= farthest; ++x, power = power * step >> 31) {
            const std::uint64_t chance = std::min<std::uint64_t>((one << chance_bits) / (one + power), whole - 1);
            found[farthest - x] = static_cast<std::uint16_t>(whole - chance);
            found[farthest + x] = static_cast<std::uint16_t>(chance);
        }
        return found;
    }();
    return table;
}

inline std::int32_t squash(std::int64_t logit) {
    return squashed()[static_cast<std::size_t>(std::clamp<std::int64_t>(logit, -farthest, farthest) + farthest)];
}

// The smallest logit that gives the middle of the chances with the same upper bits, or more.
inline std::int32_t stretch(std::int32_t chance) {
    constexpr int below = chance_bits - stretch_bits;
    static const auto table = [] {
        std::array<std::int16_t, 1 << stretch_bits> found{};
        std::int32_t logit = -farthest;
        for (std::size_t k = 0; k < found.size(); ++k) {
            const auto middle = static_cast<std::int32_t>(k << below | 1 << (below - 1));
            while (logit < farthest && squash(logit) < middle) ++logit;
            found[k] = static_cast<std::int16_t>(logit);
        }
        return found;
    }();
    return table[static_cast<std::size_t>(chance >> below)];
}

// -log2 of a chance, in 1/256 bits: what a decision costs that it had.
inline std::int32_t cost(std::int32_t chance) {
    constexpr int below = chance_bits - stretch_bits;
    static const auto table = [] {
        std::array<std::int16_t, 1 << stretch_bits> found{};
        for (std::size_t k = 0; k < found.size(); ++k) {
            std::uint64_t power = k << below | 1 << (below - 1);
            std::int32_t bits = 0;
            for (; power < whole / 2; power *= 2) ++bits;
            for (int step = 0; step < 8; ++step) {  // a bit behind the point for each squaring
                power = power * power >> chance_bits, bits *= 2;
                if (power < whole / 2) power *= 2, ++bits;
            }
            found[k] = static_cast<std::int16_t>(bits);
        }
        return found;
    }();
    return table[static_cast<std::size_t>(chance >> below)];
}

// The chance of a decision to be true, evenly from its first outcomes and then from the last ones.
class Chance {
public:
    std::int32_t now() const { return static_cast<std::int32_t>(state_ >> 16); }
    std::uint32_t count() const { return state_ & 1023; }

    // slowest: outcomes, below 1024, from which on each counts as much as the one before.
    void learn(bool outcome, std::uint32_t slowest) {
        const auto seen = static_cast<std::int32_t>(count());
        const auto fine = static_cast<std::int32_t>(state_ >> 10);
        const std::int32_t away = (outcome ? (1 << 22) - 1 : 0) - fine;
        const std::int32_t next = fine + away / (2 * seen + 3) * 2;
        state_ = static_cast<std::uint32_t>(next) << 10 | (count() + (count() < slowest));
    }

private:
    std::uint32_t state_ = 1u << 31;  // 22 bits of the chance, 10 of the count
};

}  // namespace dicompress::lows
