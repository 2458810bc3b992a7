// Which values occur: a strictly ascending list, whose first and last value the reader knows, in few bytes.
//
// Gaps from value to value, by binary decisions of the range coder. A gap is predicted to be what followed the last
// time that the gaps before were these, else that before it; where it is another, an Elias-gamma code of it follows,
// whose decisions know the prediction, so that they learn what they need not name.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/bytes.hpp"
#include "coder/range_coder.hpp"

namespace dicompress {

inline constexpr std::size_t most_listed = 65536;     // values
inline constexpr std::int64_t widest_table = 131071;  // from the first value to the last

namespace table {

// The chance of a decision to be true, learned from its outcomes, evenly at first and then from the last thousands.
class Chance {
public:
    std::int64_t parts() const { return parts_; }

    void learn(bool outcome) {
        const std::int32_t away = (outcome ? probability_total : 0) - parts_;
        parts_ = std::clamp(parts_ + 2 * away / (2 * count_ + 3), least, probability_total - least);
        if (count_ < slowest) ++count_;
    }

private:
    static constexpr std::int32_t slowest = 4000, least = 1 << 8;

    std::int32_t parts_ = probability_total / 2, count_ = 0;
};

// The gaps so far, and what they say of the next one.
class Gaps {
public:
    Gaps() {
        for (auto& places : places_) places.assign(std::size_t{1} << hash_bits, 0);
    }

    std::int32_t predicted() const { return gaps_.empty() ? 1 : match_ ? gaps_[match_] : gaps_.back(); }

    // A number below `kinds`: 0 where the gaps before were never these, else more the longer they agree.
    std::size_t trust() const { return std::min<std::size_t>(std::bit_width(length_), kinds - 1); }
    static constexpr int kinds = 10;

    void push(std::int32_t gap) {
        const bool right = match_ && gap == gaps_[match_];
        gaps_.push_back(gap);
        ++match_, ++length_;
        if (!right) match_ = length_ = 0;
        for (std::size_t k = 0; k < orders.size(); ++k) look(orders[k], places_[k]);
    }

private:
    static constexpr std::array<std::uint32_t, 2> orders = {32, 6};  // gaps that are looked for
    static constexpr std::uint32_t hash_bits = 12;

    void look(std::uint32_t order, std::vector<std::uint32_t>& places) {
        if (gaps_.size() < order) return;
        std::uint32_t hash = 0;
        for (auto gap = gaps_.end() - order; gap != gaps_.end(); ++gap)
            hash = (hash + static_cast<std::uint32_t>(*gap)) * 0x9e3779b1u;
        std::uint32_t& place = places[hash >> (32 - hash_bits)];
        if (place && length_ < order) {
            std::uint32_t length = 0;
            while (length < order && gaps_[place - 1 - length] == gaps_[gaps_.size() - 1 - length]) ++length;
            if (length == order) match_ = place, length_ = order;
        }
        place = static_cast<std::uint32_t>(gaps_.size());
    }

    std::vector<std::int32_t> gaps_;
    std::array<std::vector<std::uint32_t>, orders.size()> places_;  // by hash: what followed such gaps last, or 0
    std::uint32_t match_ = 0;   // the gap that followed when the gaps before were these, or 0
    std::uint32_t length_ = 0;  // gaps before it that agree, as far as was looked
};

// Codes gaps. decide(chance, outcome) writes a decision, or reads it; both give it back.
class Model {
public:
    template <class Decide>
    std::int32_t code(std::int32_t gap, Decide&& decide) {
        const std::int32_t predicted = gaps_.predicted();
        const int unlike = std::min(predicted, exact) - 1;
        if (one(as_predicted_[unlike][gaps_.trust()], gap == predicted, decide))
            gap = predicted;
        else
            gap = other(gap, unlike, decide);
        gaps_.push(gap);
        return gap;
    }

private:
    static constexpr std::int32_t exact = 4;    // smaller predictions tell a gap from its neighbours
    static constexpr int most_bits = 17, tree_bits = 5;

    template <class Decide>
    static bool one(Chance& chance, bool outcome, Decide& decide) {
        outcome = decide(chance, outcome);
        chance.learn(outcome);
        return outcome;
    }

    template <class Decide>
    std::int32_t other(std::int32_t gap, int unlike, Decide& decide) {
        const int wanted = std::bit_width(static_cast<std::uint32_t>(gap)) - 1;
        int bits = 0;
        while (bits < most_bits - 1 && one(longer_[unlike][bits], bits < wanted, decide)) ++bits;
        std::int32_t found = 1;
        for (int bit = bits; bit-- > 0;) {  // the first few in the context of all before, the others alone
            Chance& chance = bits == 1                   ? second_[unlike]
                             : found < (1 << tree_bits) ? tree_[bits][found]
                                                         : low_[bit];
            found = 2 * found + one(chance, gap >> bit & 1, decide);
        }
        return found;
    }

    Gaps gaps_;
    std::array<std::array<Chance, Gaps::kinds>, exact> as_predicted_;
    std::array<std::array<Chance, most_bits>, exact> longer_;
    std::array<Chance, exact> second_;
    std::array<std::array<Chance, 1 << tree_bits>, most_bits> tree_;
    std::array<Chance, most_bits> low_;
};

// Whether the list is a bit a value between the first and the last, as those without any order are.
inline constexpr std::int64_t as_bits = probability_total / 256, even = probability_total / 2;

inline bool write(RangeEncoder& encoder, std::int64_t parts, bool outcome) {
    encoder.encode(outcome ? 0 : parts, outcome ? parts : std::int64_t{probability_total});
    return outcome;
}

}  // namespace table

// 2 to 65536 values, strictly ascending, the last at most 131071 behind the first.
inline Bytes write_table(std::span<const std::int32_t> values) {
    if (values.size() < 2 || values.size() > most_listed ||
        std::int64_t{values.back()} - values.front() > widest_table)
        throw std::invalid_argument("a table lists 2 to 65536 values of a range of at most 131072");
    RangeEncoder gaps, bits;
    table::write(gaps, table::as_bits, false);
    table::write(bits, table::as_bits, true);
    table::Model model;
    for (std::size_t i = 1; i < values.size(); ++i) {
        const std::int32_t gap = values[i] - values[i - 1];
        if (gap < 1) throw std::invalid_argument("the values of a table must ascend");
        model.code(gap, [&](const table::Chance& chance, bool outcome) {
            return table::write(gaps, chance.parts(), outcome);
        });
        for (std::int32_t value = values[i - 1] + 1; value <= values[i] && value < values.back(); ++value)
            table::write(bits, table::even, value == values[i]);
    }
    Bytes bytes = gaps.finish(), plain = bits.finish();
    return bytes.size() <= plain.size() ? bytes : plain;
}

// The inverse; low and high: the first and the last value. Throws DamagedStream.
inline std::vector<std::int32_t> read_table(ByteSpan bytes, std::int32_t low, std::int32_t high) {
    if (high <= low || std::int64_t{high} - low > widest_table) throw DamagedStream("impossible range of a table");
    RangeDecoder decoder(bytes);
    std::vector<std::int32_t> values{low};
    if (decoder.decide(table::as_bits)) {
        for (std::int32_t value = low + 1; value < high; ++value)
            if (decoder.decide(table::even)) values.push_back(value);
        values.push_back(high);
    } else {
        table::Model model;
        const auto read = [&](const table::Chance& chance, bool) { return decoder.decide(chance.parts()); };
        while (values.back() < high) {
            const std::int32_t gap = model.code(0, read);
            if (gap > high - values.back()) throw DamagedStream("a table of values does not end with the last");
            values.push_back(values.back() + gap);
        }
    }
    if (values.size() > most_listed) throw DamagedStream("a table of too many values");
    decoder.finish();
    return values;
}

}  // namespace dicompress
