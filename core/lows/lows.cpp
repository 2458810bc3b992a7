#include "lows/lows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <stdexcept>

#include "coder/range_coder.hpp"
#include "lows/logistic.hpp"

namespace dicompress {

namespace {

using lows::Chance;

constexpr int most_modelled = 24;                  // bits; what is below them is noise, or too dear to learn
constexpr int most_hash_bits = 22, least_hash_bits = 12, tree_bits = 14;
constexpr std::size_t steps = 64, errors = 16;     // classes of distance, of the neighbours' errors
constexpr std::size_t hits = 32, trusts = 4;       // of repetitions, of what the first chance is worth
constexpr std::uint32_t soon = 250, late = 1000;   // outcomes from which on a chance follows the last ones
constexpr std::int32_t weight_one = 1 << 16, heaviest = 16 * weight_one, rate = 15;

// A decision with several chances, mixed; they and the weights learn from what it is.
template <std::size_t inputs>
struct Mixture {
    std::array<Chance*, inputs> chances;
    std::array<std::uint32_t, inputs> slowest;
    std::int32_t* weights;

    template <class Decide>
    bool code(Decide&& decide) {
        std::array<std::int32_t, inputs> logits;
        std::int64_t sum = 0;
        for (std::size_t k = 0; k < inputs; ++k) {
            logits[k] = lows::stretch(chances[k]->now());
            sum += std::int64_t{logits[k]} * weights[k];
        }
        const std::int32_t chance = lows::squash(sum >> 16);
        const bool one = decide(chance);
        const std::int32_t error = (one ? lows::whole : 0) - chance;
        for (std::size_t k = 0; k < inputs; ++k) {
            const std::int64_t step = (std::int64_t{logits[k]} * error + (1 << (rate - 1))) >> rate;
            weights[k] = static_cast<std::int32_t>(std::clamp<std::int64_t>(weights[k] + step, -heaviest, heaviest));
            chances[k]->learn(one, slowest[k]);
        }
        return one;
    }
};

// A number has the low bits of the last one with the same high bits, or not; then their bits are decisions from the highest on,
// and those below are as they come.
class Model {
public:
    Model(std::span<const std::uint16_t> high, std::size_t columns, int bits, int modelled)
        : high_(high), columns_(columns), bits_(bits), unit_(std::max(0, bits - 44)), modelled_(modelled),
          low_(high.size()), repeats_(high.size()), last_(1 << 16), by_high_(1 << 16), by_place_(hits * 4), by_region_(9 * 4) {
        int size = least_hash_bits;
        while (size < most_hash_bits && std::size_t{1} << size < 4 * high.size()) ++size;
        shift_ = 32 - size;
        for (auto* table : {&exact_, &beside_}) table->resize(std::size_t{1} << size);
        tree_.resize(std::size_t{1} << tree_bits);
        const auto places = static_cast<std::size_t>(modelled);
        for (auto* table : {&plane_, &mean_}) table->resize(places * steps * errors);
        copied_.resize(places * 9);
        weights_.assign(places * trusts * inputs, weight_one / 3);
        repeat_weights_.fill(weight_one / 3);
    }

    // repeats(chance, the value) -> whether it is that; bit(place from the top, chance, bits below it) -> the bit; rest() -> what is below.
    template <class Repeats, class Bit, class Rest>
    void code(std::size_t i, Repeats&& repeats, Bit&& bit, Rest&& rest) {
        const Around around = look(i);
        Last& last = last_[high_[i]];
        if (last.hits > 0) {
            if (repetition(around, last).code([&](std::int32_t chance) { return repeats(chance, last.value); })) {
                low_[i] = last.value;
                repeats_[i] = 2;
                last.hits = std::min<std::uint32_t>(last.hits + 1, hits - 1);
                return;
            }
            repeats_[i] = 1;
        }
        std::uint64_t value = 0;
        for (int place = 0; place < modelled_; ++place) {
            const int below = bits_ - 1 - place;
            value = value << 1 | mixture(around, value, place, below).code([&](std::int32_t chance) {
                return bit(place, chance, below);
            });
        }
        low_[i] = value << (bits_ - modelled_) | rest();
        last = {low_[i], 1};
    }

    std::vector<std::uint64_t>&& take() { return std::move(low_); }

private:
    static constexpr std::size_t inputs = 6;

    struct Last {
        std::uint64_t value = 0;
        std::uint32_t hits = 0;
    };

    // Of the numbers to the left and above: what they let expect, and whether they are alike but for their low bits.
    struct Around {
        std::size_t number;
        std::int64_t plane, mean;  // expected low bits: by the plane through three neighbours, by the mean of two
        int error;                 // bits of what these are off by
        std::uint32_t beside;      // high bits to the left, and 1
        bool like_left, like_above;
        std::uint64_t left, above;
        std::size_t region;  // whether these repeated: 0 not asked, 1 no, 2 yes; of the number above three times that
    };

    // In a unit of so many bits that sums of three stay below 2^63.
    std::int64_t whole(std::size_t i) const {
        return static_cast<std::int64_t>(std::uint64_t{high_[i]} << (bits_ - unit_) | low_[i] >> unit_);
    }

    Around look(std::size_t i) const {
        const std::int64_t cell = std::int64_t{1} << (bits_ - unit_), middle = std::int64_t{1} << (bits_ - 1);
        if (i == 0) return {i, middle, middle, bits_ + 1, 0, false, false, 0, 0, 0};
        const bool has_left = i % columns_ > 0, has_above = i >= columns_;
        const std::size_t up = has_above ? i - columns_ : i - 1, west = has_left ? i - 1 : up;
        const std::int64_t left = whole(west), above = whole(up), corner = whole(has_left && has_above ? up - 1 : up);
        const std::int64_t base = std::int64_t{high_[i]} << (bits_ - unit_);
        const auto inside = [&](std::int64_t value) { return std::clamp<std::int64_t>(value - base, 0, cell - 1) << unit_; };
        const std::int64_t error = std::min(std::abs(left - corner), std::abs(above - corner)) + 1;
        return {i, inside(left + above - corner), inside((left + above) / 2),
                static_cast<int>(std::bit_width(static_cast<std::uint64_t>(error))) + unit_,
                has_left ? high_[west] + 1u : 0u,
                has_left && high_[west] == high_[i], has_above && high_[up] == high_[i], low_[west], low_[up],
                repeats_[west] + std::size_t{3} * repeats_[up]};
    }

    Mixture<3> repetition(const Around& around, const Last& last) {
        const std::size_t sides = 2 * (around.like_left && around.left == last.value) + (around.like_above && around.above == last.value);
        return {{&by_high_[high_[around.number]], &by_place_[last.hits * 4 + sides], &by_region_[around.region * 4 + sides]},
                {soon, late, late}, repeat_weights_.data()};
    }

    Mixture<inputs> mixture(const Around& around, std::uint64_t value, int place, int below) {
        const auto at = static_cast<std::size_t>(place);
        const auto node = static_cast<std::uint32_t>(std::uint64_t{1} << place | value);
        std::uint32_t key = high_[around.number] * 0x9e3779b1u ^ node * 0x85ebca6bu;
        key = (key ^ key >> 15) * 0x2c1b3c6du;
        key = (key ^ key >> 13) * 0x9e3779b1u;
        std::uint32_t pair = key ^ around.beside * 0xc2b2ae35u;
        pair = (pair ^ pair >> 16) * 0x7feb352du;

        // How far an expected value is from where this bit turns, in quarters of what it stands for.
        const auto middle = static_cast<std::int64_t>(value << 1 | 1) << below;
        const auto step = [&](std::int64_t expected) {
            constexpr auto half = static_cast<std::int64_t>(steps / 2);
            const std::int64_t away = expected - middle;
            const std::int64_t quarters = below >= 2 ? away >> (below - 2) : away * (4 >> below);
            return static_cast<std::size_t>(std::clamp(quarters, -half, half - 1) + half);
        };
        const auto error = static_cast<std::size_t>(std::clamp(around.error - below + 6, 0, int{errors} - 1));

        // What another number with the same bits so far says of this one: 0 nothing, 1 a zero, 2 a one.
        const auto says = [&](bool alike, std::uint64_t other) {
            return alike && other >> below >> 1 == value ? std::size_t{1} + (other >> below & 1) : std::size_t{0};
        };
        const std::size_t copied = says(around.like_left, around.left) * 3 + says(around.like_above, around.above);
        Chance& exact = exact_[key >> shift_];
        const std::size_t trust = std::min<std::size_t>(trusts - 1, std::bit_width(exact.count()) / 2);
        return {{&exact, &tree_[std::min<std::size_t>(node, tree_.size() - 1)],
                 &plane_[(at * steps + step(around.plane)) * errors + error],
                 &mean_[(at * steps + step(around.mean)) * errors + error], &copied_[at * 9 + copied],
                 &beside_[pair >> shift_]},
                {soon, late, late, late, late, soon}, &weights_[(at * trusts + trust) * inputs]};
    }

    std::span<const std::uint16_t> high_;
    std::size_t columns_;
    int bits_, unit_, modelled_, shift_;
    std::vector<std::uint64_t> low_;
    std::vector<std::uint8_t> repeats_;
    std::vector<Last> last_;  // by high bits
    std::vector<Chance> by_high_, by_place_, by_region_;
    // By the bits so far and: the high bits; nothing; the plane; the mean; neighbours; the high bits to the left.
    std::vector<Chance> exact_, tree_, plane_, mean_, copied_, beside_;
    std::vector<std::int32_t> weights_;
    std::array<std::int32_t, 3> repeat_weights_;
};

// How many bits from the top are worth modelling: those up to the last that is not even, judged by the middle of the rows.
int worth(std::span<const std::uint16_t> high, std::span<const std::uint64_t> low, std::size_t columns, int bits) {
    constexpr std::size_t enough = 1 << 17;
    constexpr std::int64_t even = 255;  // of 256 parts of a bit, rounded up
    const std::size_t rows = high.size() / columns, taken = std::min(rows, std::max<std::size_t>(1, enough / columns));
    const std::size_t first = (rows - taken) / 2 * columns, count = taken * columns;
    const int most = std::min(bits, most_modelled);
    std::vector<std::int64_t> cost(static_cast<std::size_t>(most));
    std::int64_t asked = 0;
    Model model(high.subspan(first, count), columns, bits, most);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t value = low[first + i];
        const auto repeats = [&](std::int32_t, std::uint64_t last) { return last == value; };
        const auto bit = [&](int place, std::int32_t chance, int below) {
            const bool one = value >> below & 1;
            cost[static_cast<std::size_t>(place)] += lows::cost(one ? chance : lows::whole - chance);
            return one;
        };
        model.code(i, repeats, bit, [&] { return ++asked, value & ((std::uint64_t{1} << (bits - most)) - 1); });
    }
    int found = most;
    while (found > 0 && cost[static_cast<std::size_t>(found - 1)] > even * asked) --found;
    return found;
}

void check(std::span<const std::uint16_t> high, std::size_t columns, int bits) {
    if (bits < 1 || bits > most_low_bits || columns == 0 || high.empty() || high.size() % columns)
        throw std::invalid_argument("low bits are 1 to 48 of each number of some rows");
}

}  // namespace

Bytes encode_lows(std::span<const std::uint16_t> high, std::span<const std::uint64_t> low, std::size_t columns,
                  int bits) {
    check(high, columns, bits);
    if (low.size() != high.size()) throw std::invalid_argument("each number has high and low bits");
    const int modelled = worth(high, low, columns, bits), plain = bits - modelled;
    const std::uint64_t mask = (std::uint64_t{1} << plain) - 1;
    Bytes packed;
    std::uint64_t waiting = 0;
    int count = 0;
    RangeEncoder encoder;
    Model model(high, columns, bits, modelled);
    for (std::size_t i = 0; i < low.size(); ++i) {
        const auto decided = [&](bool one, std::int32_t chance) {
            const std::int64_t parts = std::int64_t{chance} << (probability_bits - lows::chance_bits);
            encoder.encode(one ? 0 : parts, one ? parts : std::int64_t{probability_total});
            return one;
        };
        const auto repeats = [&](std::int32_t chance, std::uint64_t last) { return decided(last == low[i], chance); };
        const auto bit = [&](int, std::int32_t chance, int below) { return decided(low[i] >> below & 1, chance); };
        model.code(i, repeats, bit, [&] {
            waiting |= (low[i] & mask) << count;
            for (count += plain; count >= 8; count -= 8, waiting >>= 8) packed.push_back(static_cast<std::uint8_t>(waiting));
            return low[i] & mask;
        });
    }
    if (count) packed.push_back(static_cast<std::uint8_t>(waiting));
    Bytes bytes{static_cast<std::uint8_t>(modelled)};
    put_varint(bytes, packed.size());
    put(bytes, packed);
    put(bytes, encoder.finish());
    return bytes;
}

std::vector<std::uint64_t> decode_lows(ByteSpan bytes, std::span<const std::uint16_t> high, std::size_t columns,
                                       int bits) {
    check(high, columns, bits);
    Reader reader(bytes);
    const int modelled = reader.byte(), plain = bits - modelled;
    if (modelled > std::min(bits, most_modelled)) throw DamagedStream("more low bits than there are");
    Reader packed(reader.take(reader.varint()));
    RangeDecoder decoder(reader.take(reader.left()));
    const std::uint64_t mask = (std::uint64_t{1} << plain) - 1;
    std::uint64_t waiting = 0;
    int count = 0;
    const auto rest = [&] {
        for (; count < plain; count += 8) waiting |= std::uint64_t{packed.byte()} << count;
        const std::uint64_t found = waiting & mask;
        waiting >>= plain, count -= plain;
        return found;
    };
    const auto decided = [&](std::int32_t chance) {
        return decoder.decide(std::int64_t{chance} << (probability_bits - lows::chance_bits));
    };
    Model model(high, columns, bits, modelled);
    for (std::size_t i = 0; i < high.size(); ++i)
        model.code(i, [&](std::int32_t chance, std::uint64_t) { return decided(chance); },
                   [&](int, std::int32_t chance, int) { return decided(chance); }, rest);
    decoder.finish();
    packed.finish();
    return model.take();
}

}  // namespace dicompress
