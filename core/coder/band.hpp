// A band of a tensor: its channels one after another, each by sixteen lanes, every symbol under its adapted mixture.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <stdexcept>
#include <vector>

#include "coder/bins.hpp"
#include "coder/flat.hpp"
#include "coder/lanes.hpp"
#include "coder/mixture.hpp"
#include "coder/rans.hpp"
#include "coder/ridge.hpp"
#include "coder/search.hpp"
#include "coder/stage.hpp"
#include "coder/step.hpp"
#include "coder/wavefront.hpp"
#include "coder/width.hpp"

namespace dicompress {

inline constexpr int known_pixels = 4;

// The parts of the adaptive stage; the format has all of them, measurements may leave some out.
struct Parts {
    bool shift = true, width = true, flat = true;
};

// Rows of integers, the next one `stride` further; or none.
struct Integers {
    const std::int32_t* data = nullptr;
    std::size_t stride = 0;

    explicit operator bool() const { return data != nullptr; }
};

// Rows of a tensor (channels, rows, columns) and what is said of them, by pointers to the first of these rows.
struct Band {
    const MixtureSpec& spec;
    std::size_t channels, rows, columns;
    std::int32_t* symbols;  // the next channel's are `symbol_plane` further, the next row's `symbol_stride`
    std::size_t symbol_plane, symbol_stride;
    const float* parameters;  // channels * 3 K planes, `plane` apart, their rows `stride`
    std::size_t plane, stride;
    Integers base = {};                             // in 1/256 of a value, or none
    std::array<Integers, known_pixels> known = {};  // values around every symbol of the one channel, or none
    Parts parts = {};
};

template <int W>
class Walk {
    using F = Floats<W>;
    using I = Ints<W>;

public:
    // memory: of what grows with the band.
    Walk(const Band& band, std::pmr::memory_resource* memory) : band_(band), memory_(memory) {}

    // code(step) codes the values of the step's active lanes; with_values: they are read before.
    template <class Code>
    void run(Code& code, bool with_values) {
        std::pmr::vector<std::pmr::vector<float>> errors(memory_);  // of the channels before, the last one first
        for (std::size_t channel = 0; channel < band_.channels; ++channel) {
            if (errors.size() == other_channels) errors.pop_back();
            std::pmr::vector<float> own(band_.channels > 1 ? band_.rows * band_.columns : 0, memory_);
            walk(channel, errors, own, code, with_values);
            errors.insert(errors.begin(), std::move(own));
        }
    }

private:
    static constexpr std::size_t other_channels = 4;

    template <class Code>
    void walk(std::size_t channel, const std::pmr::vector<std::pmr::vector<float>>& errors,
              std::pmr::vector<float>& own, Code& code, bool with_values) {
        const MixtureSpec& spec = band_.spec;
        const auto rows = static_cast<std::int64_t>(band_.rows), columns = static_cast<std::int64_t>(band_.columns);
        const auto components = static_cast<std::size_t>(spec.components);
        const bool known = band_.known[0] && spec.adaptive, flats = known && band_.parts.flat;
        std::int32_t* symbols = band_.symbols + channel * band_.symbol_plane;
        Stage<float, W> floats(rows, columns);
        Stage<std::int32_t, W> integers(rows, columns);
        for (std::size_t p = 0; p < 3 * components; ++p)
            floats.add(band_.parameters + (channel * 3 * components + p) * band_.plane, band_.stride);
        for (const auto& other : errors) floats.add(other.data(), band_.columns);
        if (with_values) integers.add(symbols, band_.symbol_stride);
        if (band_.base) integers.add(band_.base.data, band_.base.stride);
        for (std::size_t k = 0; known && k < known_pixels; ++k)
            integers.add(band_.known[k].data, band_.known[k].stride);

        Wavefront<W> front(rows, columns);
        Mixtures<W> mixtures(spec);
        Ridge<W> ridge(columns, memory_);
        Width<W> width;
        Flat<W> flat(columns, memory_);
        History<W> past_errors(columns, 0.0f, memory_), past_rests(columns, 0.0f, memory_);
        Step<W> step{front, mixtures, Bins(spec), spec, I(0), I(0), I(0), I(0), I(0)};
        for (std::int64_t left = Wavefront<W>::steps(band_.rows, band_.columns); left > 0; --left, front.advance()) {
            const F* numbers = floats.at(front);
            const I* values = integers.at(front);
            if (with_values) step.value = *values++;
            mixtures.load(numbers, band_.base ? *values++ : I(0));
            if (!spec.adaptive) {
                code(step);
                put(front, step.value, symbols, band_.symbol_stride);
                continue;
            }
            F x[Ridge<W>::features];
            find_features(past_errors, known ? values : nullptr, numbers + 3 * components, errors.size(), mixtures, x);
            for (F& feature : x) feature = choose(front.active, feature, F(0));
            F shift = ridge.predict(x, front);
            if (!band_.parts.shift) shift = F(0);
            width.choose(past_rests, x);
            if (!band_.parts.width) width.narrow = F(1);
            mixtures.adapt(shift, width.narrow);
            if (flats) flat.before(values, spec, front.active, mixtures);
            code(step);
            put(front, step.value, symbols, band_.symbol_stride);
            const F error = choose(front.active, mixtures.error(to_floats(step.value - mixtures.origin)), F(0));
            const F rest = choose(front.active, absolute(error - shift), F(0));
            if (flats) flat.after(step.value, step.first, step.last, step.end - step.begin, front.active);
            width.learn(rest, spec.near ? hidden(step, width.narrow) : F(0), front.active);
            ridge.learn(x, error);
            past_errors.push(error);
            past_rests.push(rest);
            if (!own.empty()) put(front, error, own.data(), band_.columns);
        }
    }

    // known: the known pixels, or null; others: errors of `count` channels before this one.
    DICOMPRESS_INLINE static void find_features(const History<W>& past, const I* known, const F* others,
                                                std::size_t count, const Mixtures<W>& mixtures, F* x) {
        if (known) {
            for (int k = 0; k < 4; ++k) x[k] = mixtures.error(to_floats(known[k] - mixtures.origin));
        } else {
            x[0] = past.at(2);     // (r, c-2)
            x[1] = past.at(4, 2);  // (r-2, c)
            x[2] = past.at(4, 1);  // (r-1, c-2)
            x[3] = past.at(3, 2);  // (r-2, c+1)
            for (std::size_t k = 0; k < count; ++k) x[k] = others[k];
        }
        x[4] = past.at(1);     // (r, c-1)
        x[5] = past.at(2, 1);  // (r-1, c)
        x[6] = past.at(3, 1);  // (r-1, c-1)
        x[7] = past.at(1, 1);  // (r-1, c+1)
        x[8] = mixtures.error(mixtures.fraction);  // how far the network moves away from the base
    }

    // What a bin hides of the square of an error, relative to its expectation: 1 - exp(-h^2 / 3) for half a bin of h
    // deviations, about the variance of a Gaussian between -h and h.
    DICOMPRESS_INLINE static F hidden(const Step<W>& step, const F& narrow) {
        const F half = to_floats(step.last - step.first + 1) * step.mixtures.unit * narrow * 0x1p-5f;
        return 1.0f - power_of_two(larger(half * half * -0.48089835f, F(-30)));  // log2(e) / 3
    }

    template <class T>
    DICOMPRESS_INLINE void put(const Wavefront<W>& front, const Lanes<T, W>& numbers, T* plane,
                                std::size_t stride) const {
        for (int i = 0; i < lanes; ++i)
            if (front.active[i])
                plane[static_cast<std::size_t>(front.row[i]) * stride +
                      static_cast<std::size_t>(front.column[i])] = numbers[i];
    }

    const Band& band_;
    std::pmr::memory_resource* memory_;
};

template <int W>
DICOMPRESS_INLINE void check_values(const Step<W>& step) {
    const Ints<W> low(static_cast<std::int32_t>(step.spec.low)), high(static_cast<std::int32_t>(step.spec.high));
    if (any(step.front.active & ((step.value < low) | (step.value > high))))
        throw std::invalid_argument("a symbol lies outside low to high");
}

template <int W>
std::vector<std::uint8_t> encode_band(const Band& band, bool& lanes_used, std::pmr::memory_resource* memory) {
    const auto steps = static_cast<std::size_t>(Wavefront<W>::steps(band.rows, band.columns));
    Writer writer(band.channels * band.rows * band.columns, band.channels * steps, memory);
    auto code = [&](Step<W>& step) {
        check_values(step);
        step.settle(step.front.active);
        writer.add(step.begin, step.end, step.front.active);
    };
    Walk<W>(band, memory).run(code, true);
    return writer.finish(lanes_used);
}

template <int W>
void decode_band(const Band& band, std::span<const std::uint8_t> bytes, bool lanes_used,
                 std::pmr::memory_resource* memory) {
    const auto channels = static_cast<std::int64_t>(band.channels);
    StreamReader reader(bytes, lanes_used, channels * Wavefront<W>::steps(band.rows, band.columns));
    auto code = [&](Step<W>& step) {
        const Ints<W>& active = step.front.active;
        if (reader.in_states()) {
            find(reader.template targets<W>(), step);
            if (step.spec.near) step.settle(active);
            reader.skip(step.begin, step.end, active);
            return;
        }
        for (int i = 0; i < lanes; ++i) {
            if (!active[i]) continue;
            find_one(i, static_cast<std::int32_t>(reader.tail().target()), step);
            if (step.spec.near) {
                Ints<W> only(0);
                only[i] = -1;
                step.settle(only);
            }
            reader.tail().skip(step.begin[i], step.end[i]);
        }
    };
    Walk<W>(band, memory).run(code, false);
    reader.finish();
}

template <int W>
double code_length_of(const Band& band, std::pmr::memory_resource* memory) {
    double bits = 0;
    auto code = [&](Step<W>& step) {
        check_values(step);
        step.settle(step.front.active);
        for (int i = 0; i < lanes; ++i)
            if (step.front.active[i])
                bits += probability_bits - std::log2(static_cast<double>(step.end[i] - step.begin[i]));
    };
    Walk<W>(band, memory).run(code, true);
    return bits;
}

}  // namespace dicompress
