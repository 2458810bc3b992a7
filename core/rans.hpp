// What a band's symbols are written with: a state a lane (rANS), all in one stream, and the range coder for the last of them.
//
// J. Duda, "Asymmetric numeral systems" (2013); F. Giesen, "Interleaved entropy coders" (2014). A state is a number of 2^32 to
// 2^64 - 1. Decoding a symbol takes its interval out of the state; what falls below 2^32 takes in 32 bits of the stream. The
// encoder works backwards. Its states start with something to carry: the first bytes of the range coder, which writes the
// symbols of the last steps, so that sixteen states cost a few bits each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lanes.hpp"
#include "mixture.hpp"
#include "range_coder.hpp"

namespace dicompress {

inline constexpr std::uint64_t least_state = std::uint64_t{1} << 32;
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
        if (cost(0, symbols_.size()) >= fewest_for_states) cut = last_steps(carried_bytes + 4);
        std::vector<std::uint8_t> tail = tail_of(cut);
        while (cut && tail.size() < carried_bytes) tail = tail_of(--cut);
        lanes_used = cut > 0;
        if (!cut) return tail;

        std::uint64_t states[lanes]{};
        for (std::size_t i = 0; i < carried_bytes; ++i)
            states[i / 4] |= std::uint64_t{tail[i]} << (8 * (i % 4));
        std::vector<std::uint32_t> words;
        for (int i = 0; i < lanes; ++i) states[i] += least_state;
        for (std::size_t s = steps_[cut]; s-- > 0;) {
            const Symbol& symbol = symbols_[s];
            std::uint64_t& state = states[symbol.lane];
            if (state >> (64 - probability_bits) >= symbol.parts) {
                words.push_back(static_cast<std::uint32_t>(state));
                state >>= 32;
            }
            state = (state / symbol.parts << probability_bits) + symbol.begin + state % symbol.parts;
        }

        std::vector<std::uint8_t> bytes;
        for (std::size_t rest = cut; ; rest >>= 7) {
            bytes.push_back(static_cast<std::uint8_t>((rest & 127) | (rest > 127 ? 128 : 0)));
            if (rest <= 127) break;
        }
        std::uint32_t lengths = 0;
        for (int i = 0; i < lanes; ++i)
            lengths |= static_cast<std::uint32_t>((states[i] >> 40 != 0) + (states[i] >> 48 != 0) + (states[i] >> 56 != 0)) << (2 * i);
        put(bytes, lengths, 4);
        for (int i = 0; i < lanes; ++i) put(bytes, states[i], 5 + static_cast<int>(lengths >> (2 * i) & 3));
        for (auto word = words.rbegin(); word != words.rend(); ++word) put(bytes, *word, 4);
        bytes.insert(bytes.end(), tail.begin() + carried_bytes, tail.end());
        return bytes;
    }

private:
    struct Symbol {
        std::uint32_t begin, parts;
        std::int32_t lane;
    };
    static constexpr std::uint64_t fewest_for_states = 3000 * 8 * 256;  // 1/256 bits

    static void put(std::vector<std::uint8_t>& bytes, std::uint64_t value, int count) {
        for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }

    // In 1/256 bits.
    std::uint64_t cost(std::size_t first, std::size_t last) const {
        std::uint64_t sum = 0;
        for (std::size_t s = first; s < last; ++s)
            sum += static_cast<std::uint64_t>(probability_bits * 256 - log2_fixed<8>(symbols_[s].parts));
        return sum;
    }

    // The last step from which on the symbols take so many bytes.
    std::size_t last_steps(std::size_t bytes) const {
        std::uint64_t sum = 0;
        std::size_t step = steps_.size(), end = symbols_.size();
        while (step > 0 && sum < bytes * 8 * 256) sum += cost(steps_[--step], end), end = steps_[step];
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
    StreamReader(std::span<const std::uint8_t> bytes, bool lanes_used) : bytes_(bytes) {
        if (!lanes_used) {
            tail_.emplace(bytes);
            return;
        }
        for (int shift = 0;; shift += 7) {
            const std::uint64_t byte = take(1);
            steps_left_ |= (byte & 127) << shift;
            if (byte < 128) break;
            if (shift > 28) throw DamagedStream("impossible number of steps");
        }
        if (!steps_left_) throw DamagedStream("impossible number of steps");
        const std::uint64_t lengths = take(4);
        for (int i = 0; i < lanes; ++i) {
            const int length = 5 + static_cast<int>(lengths >> (2 * i) & 3);
            states_[i] = take(length);
            if (states_[i] >> (8 * (length - 1)) == 0) throw DamagedStream("impossible state");
        }
    }

    // Whether this step's symbols are read with states; else with `tail`.
    bool start_step() {
        if (tail_) return false;
        if (steps_left_--) return true;
        std::vector<std::uint8_t> rest(carried_bytes);
        for (int i = 0; i < lanes; ++i) {
            if (states_[i] >> 32 != 1) throw DamagedStream("a state does not end where it began");
            for (int k = 0; k < 4; ++k) rest[static_cast<std::size_t>(4 * i + k)] = static_cast<std::uint8_t>(states_[i] >> (8 * k));
        }
        rest.insert(rest.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(position_), bytes_.end());
        rest_ = std::move(rest);
        tail_.emplace(rest_);
        return false;
    }

    template <int W>
    DICOMPRESS_INLINE void targets(Ints<W>& target) const {
        for (int i = 0; i < lanes; ++i) target[i] = static_cast<std::int32_t>(states_[i] & (probability_total - 1));
    }

    template <int W>
    DICOMPRESS_INLINE void skip(const Ints<W>& begin, const Ints<W>& end, const Ints<W>& active) {
        for (int i = 0; i < lanes; ++i) {
            if (!active[i]) continue;
            std::uint64_t& state = states_[i];
            const std::uint64_t target = state & (probability_total - 1);
            state = (state >> probability_bits) * static_cast<std::uint64_t>(end[i] - begin[i]) + target - static_cast<std::uint64_t>(begin[i]);
            if (state < least_state) state = state << 32 | take(4);
        }
    }

    RangeDecoder& tail() { return *tail_; }

    // Every byte must have been needed.
    void finish() {
        start_step();
        if (!tail_) throw DamagedStream("impossible number of steps");
        tail_->finish();
    }

private:
    std::uint64_t take(int count) {
        if (bytes_.size() - position_ < static_cast<std::size_t>(count)) throw DamagedStream("the data ends too early");
        std::uint64_t value = 0;
        for (int i = 0; i < count; ++i) value |= std::uint64_t{bytes_[position_++]} << (8 * i);
        return value;
    }

    std::span<const std::uint8_t> bytes_;
    std::size_t position_ = 0;
    std::uint64_t steps_left_ = 0;
    std::uint64_t states_[lanes];
    std::vector<std::uint8_t> rest_;
    std::optional<RangeDecoder> tail_;
};

}  // namespace dicompress
