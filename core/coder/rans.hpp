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
#include <span>
#include <vector>

#include "coder/lanes.hpp"
#include "coder/mixture.hpp"
#include "coder/range_coder.hpp"

namespace dicompress {

inline constexpr std::uint64_t least_state = std::uint64_t{1} << 32;
inline constexpr int state_bytes = 5;
inline constexpr std::size_t carried_bytes = 4 * lanes;  // by all states

// Takes a band's symbols in their order, then writes them.
class Writer {
public:
    explicit Writer(std::size_t symbols) { symbols_.reserve(symbols); }

    void start_step() { steps_.push_back(symbols_.size()); }
    void add(int lane, std::int32_t begin, std::int32_t end) {
        symbols_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin), lane});
    }

    // lanes_used: whether the stream has states, or is one of the range coder alone, as those of few bytes are.
    std::vector<std::uint8_t> finish(bool& lanes_used) const {
        std::size_t cut = 0;
        std::size_t bits = 0;
        for (const Symbol& symbol : symbols_) bits += cost(symbol);
        if (bits >= fewest_for_states) cut = last_steps(carried_bytes + carried_bytes / 8);
        std::vector<std::uint8_t> tail = tail_of(cut);
        while (cut && tail.size() < carried_bytes) tail = tail_of(--cut);
        lanes_used = cut > 0;
        if (!cut) return tail;

        std::uint64_t states[lanes]{};
        for (std::size_t i = 0; i < carried_bytes; ++i) states[i / 4] |= std::uint64_t{tail[i]} << (8 * (i % 4));
        std::vector<std::uint8_t> written(3 * steps_[cut]);  // from the end; a symbol of 24 bits takes three at most
        std::size_t first = written.size();
        for (int i = 0; i < lanes; ++i) states[i] += least_state;
        for (std::size_t s = steps_[cut]; s-- > 0;) {
            const Symbol& symbol = symbols_[s];
            std::uint64_t& state = states[symbol.lane];
            for (; state >> (8 * state_bytes - probability_bits) >= symbol.parts; state >>= 8)
                written[--first] = static_cast<std::uint8_t>(state);
            state = (state / symbol.parts << probability_bits) + symbol.begin + state % symbol.parts;
        }

        std::vector<std::uint8_t> bytes;
        std::size_t last = steps_.size() - cut;
        for (; last > 127; last >>= 7) bytes.push_back(static_cast<std::uint8_t>(last | 128));
        bytes.push_back(static_cast<std::uint8_t>(last));
        for (std::uint64_t state : states) put(bytes, state, state_bytes);
        bytes.insert(bytes.end(), written.begin() + static_cast<std::ptrdiff_t>(first), written.end());
        bytes.insert(bytes.end(), tail.begin() + carried_bytes, tail.end());
        return bytes;
    }

private:
    struct Symbol {
        std::uint32_t begin, parts;
        std::int32_t lane;
    };
    static constexpr std::size_t fewest_for_states = 3000 * 8;  // bits

    static void put(std::vector<std::uint8_t>& bytes, std::uint64_t value, int count) {
        for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }

    // About the bits of a symbol.
    static unsigned cost(const Symbol& symbol) {
        return static_cast<unsigned>(probability_bits + 1 - std::bit_width(symbol.parts));
    }

    // The last step from which on the symbols take about so many bytes.
    std::size_t last_steps(std::size_t bytes) const {
        std::size_t bits = 0, step = steps_.size();
        for (std::size_t end = symbols_.size(); step > 0 && bits < bytes * 8; end = steps_[step])
            for (std::size_t s = steps_[--step]; s < end; ++s) bits += cost(symbols_[s]);
        return step;
    }

    std::vector<std::uint8_t> tail_of(std::size_t step) const {
        RangeEncoder encoder;
        for (std::size_t s = steps_.empty() ? 0 : steps_[step]; s < symbols_.size(); ++s)
            encoder.encode(symbols_[s].begin, symbols_[s].begin + std::int64_t{symbols_[s].parts});
        return encoder.finish();
    }

    std::vector<Symbol> symbols_;
    std::vector<std::size_t> steps_;  // number of the first symbol of every step
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
