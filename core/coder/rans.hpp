// What a band's symbols are written with: a state a lane (rANS), all in one stream, and the range coder for the last of
// them.
//
// J. Duda, "Asymmetric numeral systems" (2013); F. Giesen, "Interleaved entropy coders" (2014). A state is a number of
// 2^32 to 2^40 - 1. Decoding a symbol takes its interval out of the state; what falls below 2^32 takes in bytes of the
// stream. The encoder works backwards. Its states start with something to carry: the first bytes of the range coder,
// which writes the symbols of the last steps, so that sixteen states cost four bits each.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "coder/lanes.hpp"
#include "coder/mixture.hpp"
#include "coder/range_coder.hpp"

namespace dicompress {

inline constexpr std::uint64_t least_state = std::uint64_t{1} << 32;
inline constexpr int state_bytes = 5;
inline constexpr std::size_t carried_bytes = 4 * lanes;  // by all states

// Takes a band's symbols step by step, then writes them.
class Writer {
public:
    Writer(std::size_t symbols, std::size_t steps, std::pmr::memory_resource* memory)
        : symbols_(symbols + lanes, memory), masks_(memory), memory_(memory) {
        masks_.reserve(steps);
    }

    // A step's symbols: the intervals from begin to end of the active lanes.
    template <int W>
    DICOMPRESS_INLINE void add(const Ints<W>& begin, const Ints<W>& end, const Ints<W>& active) {
        alignas(64) std::int32_t first[lanes], parts[lanes];
        begin.to(first);
        (end - begin).to(parts);
        std::uint64_t* to = symbols_.data() + count_;  // there is room for a whole step
        unsigned mask = every_lane;
        if (!any(active == 0)) {
            for (int i = 0; i < lanes; ++i) to[i] = symbol(first[i], parts[i]);
            count_ += lanes;
        } else {
            mask = 0;
            for (int i = 0; i < lanes; ++i) {
                if (!active[i]) continue;
                mask |= 1u << i;
                symbols_[count_++] = symbol(first[i], parts[i]);
            }
        }
        masks_.push_back(static_cast<std::uint16_t>(mask));
    }

    // lanes_used: whether the stream has states, or is one of the range coder alone, as those of few bytes are.
    std::vector<std::uint8_t> finish(bool& lanes_used) const {
        std::size_t bits = 0;
        for (std::size_t s = 0; s < count_; ++s) bits += cost(symbols_[s]);
        Place cut;
        if (bits >= fewest_for_states) cut = last_steps(carried_bytes + carried_bytes / 8);
        std::vector<std::uint8_t> tail = tail_of(cut);
        while (cut.step && tail.size() < carried_bytes) tail = tail_of(cut = before(cut));
        lanes_used = cut.step > 0;
        if (!lanes_used) return tail;

        alignas(64) std::uint64_t states[lanes]{};
        for (std::size_t i = 0; i < carried_bytes; ++i) states[i / 4] |= std::uint64_t{tail[i]} << (8 * (i % 4));
        for (std::uint64_t& state : states) state += least_state;
        // Written from the end. A symbol adds its bits to a state and 0.0057 at most, as that is 2^8 times its parts.
        std::pmr::vector<std::uint8_t> written(bits / 8 + cut.symbol / 1024 + 16, memory_);
        std::uint8_t *const end = written.data() + written.size(), *first = end;
        for (Place at = cut; at.step > 0;) {
            at = before(at);
            first = put(symbols_.data() + at.symbol, masks_[at.step], states, first);
        }

        std::vector<std::uint8_t> bytes;
        bytes.reserve(10 + lanes * state_bytes + static_cast<std::size_t>(end - first) + tail.size());
        put_varint(bytes, masks_.size() - cut.step);
        for (std::uint64_t state : states)
            for (int i = 0; i < state_bytes; ++i) bytes.push_back(static_cast<std::uint8_t>(state >> (8 * i)));
        bytes.insert(bytes.end(), first, end);
        bytes.insert(bytes.end(), tail.begin() + carried_bytes, tail.end());
        return bytes;
    }

private:
    struct Place {
        std::size_t step = 0, symbol = 0;  // the step's first
    };
    static constexpr unsigned every_lane = (1u << lanes) - 1;
    static constexpr std::size_t fewest_for_states = 3000 * 8;  // bits

    static std::uint64_t symbol(std::int32_t begin, std::int32_t parts) {
        return std::uint64_t{static_cast<std::uint32_t>(parts)} << 32 | static_cast<std::uint32_t>(begin);
    }
    static std::uint64_t begin_of(std::uint64_t symbol) { return symbol & 0xffffffff; }
    static std::uint64_t parts_of(std::uint64_t symbol) { return symbol >> 32; }

    // About the bits of a symbol, rounded up.
    static unsigned cost(std::uint64_t symbol) {
        return static_cast<unsigned>(probability_bits + 1 - std::bit_width(parts_of(symbol)));
    }

    Place before(Place place) const {
        const std::size_t step = place.step - 1;
        return {step, place.symbol - static_cast<std::size_t>(std::popcount(masks_[step]))};
    }

    // The last step from which on the symbols take about so many bytes.
    Place last_steps(std::size_t bytes) const {
        std::size_t bits = 0;
        Place place{masks_.size(), count_};
        while (place.step > 0 && bits < bytes * 8) {
            const std::size_t end = place.symbol;
            place = before(place);
            for (std::size_t s = place.symbol; s < end; ++s) bits += cost(symbols_[s]);
        }
        return place;
    }

    std::vector<std::uint8_t> tail_of(Place place) const {
        RangeEncoder encoder;
        for (std::size_t s = place.symbol; s < count_; ++s) {
            const auto begin = static_cast<std::int64_t>(begin_of(symbols_[s]));
            encoder.encode(begin, begin + static_cast<std::int64_t>(parts_of(symbols_[s])));
        }
        return encoder.finish();
    }

    // Puts a step's symbols into the states, and what these have too much before `first`, the last lane's first.
    // Returns where that begins; up to four bytes before it change, too.
    static std::uint8_t* put(const std::uint64_t* symbols, unsigned mask, std::uint64_t* states, std::uint8_t* first) {
        std::uint64_t step[lanes];
        if (mask == every_lane) {
            std::memcpy(step, symbols, sizeof step);
        } else {
            for (int i = 0; i < lanes; ++i) step[i] = mask >> i & 1 ? *symbols++ : symbol(0, probability_total);
        }
        constexpr int spare = 8 * state_bytes - probability_bits;
        std::uint64_t extra[lanes];  // bytes that the lane's state must lose
        for (int i = 0; i < lanes; ++i) {
            const std::uint64_t high = states[i] >> spare, parts = parts_of(step[i]);
            extra[i] = std::uint64_t{high >= parts} + (high >> 8 >= parts) + (high >> 16 >= parts);
        }
        for (int i = lanes; i-- > 0;) {
            const auto word = static_cast<std::uint32_t>(states[i]);
            const std::uint8_t bytes[4] = {static_cast<std::uint8_t>(word >> 24), static_cast<std::uint8_t>(word >> 16),
                                           static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word)};
            std::memcpy(first - 4, bytes, 4);
            first -= extra[i];
        }
        for (int i = 0; i < lanes; ++i) {
            const std::uint64_t state = states[i] >> (8 * extra[i]), parts = parts_of(step[i]);
            // The quotient, rounded to a whole; of numbers below 2^40 and 2^24 it can only be one too large.
            const double near = exact(state) / exact(parts) + 0x1p52;
            auto quotient = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(near) & 0xffffffff);
            auto rest = static_cast<std::int64_t>(state) -
                        static_cast<std::int64_t>(std::uint64_t{static_cast<std::uint32_t>(quotient)} *
                                                  std::uint64_t{static_cast<std::uint32_t>(parts)});
            const std::int64_t under = rest >> 63;
            quotient += under;
            rest += under & static_cast<std::int64_t>(parts);
            states[i] = (static_cast<std::uint64_t>(quotient) << probability_bits) + begin_of(step[i]) +
                        static_cast<std::uint64_t>(rest);
        }
        return first;
    }

    // An integer below 2^52.
    static double exact(std::uint64_t number) {
        return std::bit_cast<double>(number | std::uint64_t{0x433} << 52) - 0x1p52;
    }

    std::pmr::vector<std::uint64_t> symbols_;  // parts and begin
    std::size_t count_ = 0;                    // symbols
    std::pmr::vector<std::uint16_t> masks_;    // a step's active lanes
    std::pmr::memory_resource* memory_;
};

// Reads what `Writer` wrote: the targets of all lanes at a step at once, in the last steps one by one.
class StreamReader {
public:
    // steps: of the band, of all channels together.
    StreamReader(std::span<const std::uint8_t> bytes, bool lanes_used, std::int64_t steps) : bytes_(bytes) {
        if (!lanes_used) {
            tail_ = RangeDecoder(bytes);
            return;
        }
        std::int64_t last = 0;
        for (int shift = 0, byte = 128; byte > 127; shift += 7) {
            if (shift > 49) throw DamagedStream("impossible number of steps");
            byte = take();
            last |= std::int64_t{byte & 127} << shift;
        }
        if (!last || last >= steps) throw DamagedStream("impossible number of steps");
        steps_left_ = steps - last;
        for (std::uint64_t& state : states_) {
            for (int i = 0; i < state_bytes; ++i) state |= std::uint64_t{take()} << (8 * i);
            if (state < least_state) throw DamagedStream("impossible state");
        }
    }

    // Whether this step's symbols are read with states; else with `tail`.
    bool in_states() const { return steps_left_ > 0; }

    template <int W>
    DICOMPRESS_INLINE Ints<W> targets() const {
        std::int32_t target[lanes];
        for (int i = 0; i < lanes; ++i) target[i] = static_cast<std::int32_t>(states_[i] & (probability_total - 1));
        return Ints<W>::from(target);
    }

    // Go on behind the symbols of a step, whose intervals are begin to end.
    template <int W>
    DICOMPRESS_INLINE void skip(const Ints<W>& begin, const Ints<W>& end, const Ints<W>& active) {
        alignas(64) std::int32_t first[lanes], parts[lanes];
        (begin & active).to(first);  // of no symbol everything: the state stays
        choose(active, end - begin, Ints<W>(probability_total)).to(parts);
        alignas(64) std::int32_t missing[lanes];  // bytes
        for (int i = 0; i < lanes; ++i) {
            const std::uint64_t state = states_[i];
            const std::uint64_t rest = (state & (probability_total - 1)) - static_cast<std::uint64_t>(first[i]);
            const std::uint64_t now = (state >> probability_bits) * static_cast<std::uint64_t>(parts[i]) + rest;
            states_[i] = now;
            missing[i] = (now < least_state) + (now < least_state >> 8) + (now < least_state >> 16);
        }
        if (bytes_.size() - position_ < 4 * lanes) {
            for (std::uint64_t& state : states_) while (state < least_state) state = state << 8 | take();
        } else {
            const std::uint8_t* next = bytes_.data() + position_;
            for (int i = 0; i < lanes; ++i) {
                std::uint32_t word;
                std::memcpy(&word, next, 4);
                word = __builtin_bswap32(word);
                states_[i] = states_[i] << (8 * missing[i]) | std::uint64_t{word} >> (32 - 8 * missing[i]);
                next += missing[i];
            }
            position_ = static_cast<std::size_t>(next - bytes_.data());
        }
        if (--steps_left_ == 0) start_tail();
    }

    RangeDecoder& tail() { return tail_; }

    // Every byte must have been needed.
    void finish() const { tail_.finish(); }

private:
    std::uint8_t take() {
        if (position_ == bytes_.size()) throw DamagedStream("the data ends too early");
        return bytes_[position_++];
    }

    void start_tail() {
        for (std::uint64_t state : states_) {
            if (state >> 32 != 1) throw DamagedStream("a state does not end where it began");
            for (int i = 0; i < 4; ++i) rest_.push_back(static_cast<std::uint8_t>(state >> (8 * i)));
        }
        rest_.insert(rest_.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(position_), bytes_.end());
        tail_ = RangeDecoder(rest_);
    }

    std::span<const std::uint8_t> bytes_;
    std::size_t position_ = 0;
    std::int64_t steps_left_ = 0;
    alignas(64) std::uint64_t states_[lanes]{};
    std::vector<std::uint8_t> rest_;
    RangeDecoder tail_;
};

}  // namespace dicompress
