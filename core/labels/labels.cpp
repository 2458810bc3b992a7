#include "labels/labels.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/crc32.hpp"
#include "coder/range_coder.hpp"
#include "labels/mixer.hpp"
#include "labels/neighbours.hpp"

namespace dicompress::labels {

namespace {

constexpr std::int32_t tile = 16;  // rows and columns
constexpr int most_choices = 6, farthest = 63;
constexpr int sides = 3;  // of choices: the first, the second, later ones

// Bits go out, or come in: `code` is given a bit that only an encoder looks at, and returns the coded one.
class Out {
public:
    static constexpr bool writes = true;
    bool code(bool bit, std::uint32_t ones) {
        const auto parts = static_cast<std::int64_t>(ones);
        bit ? coder_.encode(0, parts) : coder_.encode(parts, probability_total);
        return bit;
    }
    Bytes finish() { return coder_.finish(); }

private:
    RangeEncoder coder_;
};

class In {
public:
    static constexpr bool writes = false;
    explicit In(ByteSpan data) : coder_(data) {}
    bool code(bool, std::uint32_t ones) { return coder_.decide(static_cast<std::int64_t>(ones)); }
    void finish() const { coder_.finish(); }

private:
    RangeDecoder coder_;
};

constexpr std::uint32_t hashed(std::uint64_t context, int bits) {
    return static_cast<std::uint32_t>(context * 0x9E3779B97F4A7C15u >> (64 - bits));
}

template <int count>
constexpr std::array<int, count> first_of(const int* numbers) {
    std::array<int, count> found{};
    std::copy(numbers, numbers + count, found.begin());
    return found;
}

// A bit by itself, without a mixture.
struct Plain {
    Counter counter = counter_of(1u << (probability_bits - 1));

    template <class Io>
    bool code(Io& io, bool bit) {
        const std::uint32_t ones = std::clamp((counter >> 10) * 4, 1u << 8, (1u << 24) - (1u << 8));
        bit = io.code(bit, ones);
        count(counter, bit, 60);
        return bit;
    }
};

template <class Io>
std::uint32_t code_bits(Io& io, std::uint32_t value, int bits) {
    std::uint32_t found = 0;
    for (int k = bits; k-- > 0;) found = found << 1 | io.code(value >> k & 1, 1u << 23);
    return found;
}

// What coder and decoder know, and learn, in a run of bits or of more values.
template <class Io, bool bits>
class Run {
    static constexpr int contexts = bits ? 7 : 10, name_contexts = 6;

public:
    Run(Io& io, const Shape& shape)
        : io_(io), shape_(shape), nothing_(shape.rows, shape.columns), across_((shape.columns + tile - 1) / tile),
          pixels_(first_of<contexts>(widths), sides << 5, sides << 8), uniform_({8, 12, 16}, 16, 1), names_({8, 16, 16, 18, 18, 18}, 8, 256), states_(2) {
        for (auto& row : states_) row.assign(static_cast<std::size_t>(across_) + 2, uniform);
    }

    // `pixels` go in, or out.
    void frame(std::uint8_t* pixels, std::int64_t number) {
        Plane plane(shape_.rows, shape_.columns);
        if (Io::writes) fill(plane, pixels);
        const auto [first, second] = choose(plane, number);
        known_ = first ? &before_[static_cast<std::size_t>(number - first)] : &nothing_;
        other_ = second ? &before_[static_cast<std::size_t>(number - second)] : known_;
        has_known_ = first != 0;
        const bool same = has_known_ && same_.code(io_, Io::writes && equal(plane, *known_));
        if (same) {
            plane = *known_;
        } else {
            for (auto& row : states_) std::fill(row.begin(), row.end(), uniform);
            for (std::int32_t y = 0; y < shape_.rows; y += tile) strip(plane, y);
        }
        const std::size_t size = static_cast<std::size_t>(shape_.rows) * static_cast<std::size_t>(shape_.columns);
        if (!Io::writes) take(plane, pixels);
        if (!same) {
            const std::uint32_t sum = crc32({pixels, size}) & 0xFFFF;
            if (code_bits(io_, sum, 16) != sum) throw StreamError("damaged pixel data: a frame does not have its checksum");
        }
        before_.push_back(std::move(plane));
    }

private:
    enum State : std::uint8_t { uniform, repeated, coded };

    // Frames that are leaned on, as distances; 0 for none.
    std::pair<std::int64_t, std::int64_t> choose(const Plane& plane, std::int64_t number) {
        if (!number) return {0, 0};
        std::int64_t found[2] = {1, std::min<std::int64_t>(number, 2)};
        if (Io::writes) nearest(plane, number, found);
        for (int k = 0; k < 2; ++k) {
            const bool usual = found[k] == usual_[k];
            if (!usual_choice_[k].code(io_, usual)) usual_[k] = code_bits(io_, static_cast<std::uint32_t>(found[k]), 6);
            found[k] = usual_[k];
            if (found[k] > number) throw StreamError("damaged pixel data: a frame leans on one that is not there");
        }
        return {found[0], found[1]};
    }

    // The two that are the most like it, in every fourth row.
    void nearest(const Plane& plane, std::int64_t number, std::int64_t (&found)[2]) const {
        std::int64_t least[2] = {INT64_MAX, INT64_MAX};
        for (std::int64_t distance = 1; distance <= std::min<std::int64_t>(number, farthest); ++distance) {
            std::int64_t differ = 0;
            for (std::int32_t y = shape_.rows > 8 ? 2 : 0; y < shape_.rows; y += shape_.rows > 8 ? 4 : 1) {
                const std::uint8_t *a = plane.row(y), *b = before_[static_cast<std::size_t>(number - distance)].row(y);
                std::int64_t row = 0;
                for (std::int32_t x = 0; x < shape_.columns; ++x) row += a[x] != b[x];
                differ += row;
            }
            if (differ < least[0]) {
                least[1] = least[0], found[1] = found[0];
                least[0] = differ, found[0] = distance;
            } else if (differ < least[1]) {
                least[1] = differ, found[1] = distance;
            }
        }
        if (number == 1) found[1] = 1;
    }

    // Rows from y on, a tile high: first which tiles are worth looking at, then those row by row.
    void strip(Plane& plane, std::int32_t y) {
        std::swap(states_[0], states_[1]);
        const std::int32_t end = std::min(y + tile, shape_.rows);
        for (std::int32_t t = 0; t < across_; ++t) states_[1][static_cast<std::size_t>(t) + 1] = state_of(plane, t, y, end);
        for (std::int32_t row = y; row < end; ++row)
            for (std::int32_t t = 0; t < across_; ++t)
                if (states_[1][static_cast<std::size_t>(t) + 1] == coded) line(plane, row, t);
    }

    State state_of(Plane& plane, std::int32_t t, std::int32_t y, std::int32_t end) {
        const std::int32_t x = t * tile, width = std::min(tile, shape_.columns - x);
        const std::uint8_t* above = plane.row(y - 1) + x;
        const std::uint8_t value = above[0];
        const auto is = [&](const Plane& where, std::int32_t from, std::int32_t to, std::int32_t left, std::int32_t right) {
            for (std::int32_t row = from; row < to; ++row)
                for (std::int32_t column = left; column < right; ++column)
                    if (where.row(row)[x + column] != value) return false;
            return true;
        };
        const bool plain_above = is(plane, y - 1, y, 0, width), wide_above = is(plane, std::max(y - 2, -1), y, -1, width + 1);
        const bool known = has_known_ && is(*known_, y, end, 0, width);
        const bool known_around = known && is(*known_, y - 1, std::min(end + 1, shape_.rows), x ? -1 : 0, x + width < shape_.columns ? width + 1 : width);
        const bool known_far = known_around && is(*known_, std::max(y - 3, 0), std::min(end + 3, shape_.rows), x > 2 ? -3 : 0, x + width + 3 < shape_.columns ? width + 3 : width);
        const bool other = known && is(*other_, y, end, 0, width);
        const bool left = x == 0 || is(plane, y - 1, y, -1, 0);
        const State west = states_[1][static_cast<std::size_t>(t)], north = states_[0][static_cast<std::size_t>(t) + 1];
        const State north_west = states_[0][static_cast<std::size_t>(t)], north_east = states_[0][static_cast<std::size_t>(t) + 2];
        const auto bit = [](bool one) { return std::uint32_t{one}; };
        const std::uint32_t small = bit(has_known_) | bit(known) << 1 | bit(known_around) << 2 | bit(known_far) << 3;
        const std::uint32_t middle = small | bit(plain_above) << 4 | bit(wide_above) << 5 | bit(west == uniform) << 6 | bit(north == uniform) << 7;
        const std::uint32_t large = middle | bit(other) << 8 | bit(north_west == uniform) << 9 | bit(north_east == uniform) << 10 | bit(left) << 11;
        const std::uint32_t largest = large << 4 | bit(value != 0) << 3 | west << 1 | bit(north == coded);
        const std::uint32_t ones = uniform_.predict({middle, large, largest}, static_cast<int>(small), 0);
        bool yes = Io::writes && is(plane, y, end, 0, width);
        yes = io_.code(yes, ones);
        uniform_.learn(yes, 12, 255);
        if (yes) {
            if (!Io::writes)
                for (std::int32_t row = y; row < end; ++row) std::memset(plane.row(row) + x, value, static_cast<std::size_t>(width));
            return uniform;
        }
        if (!has_known_ || known) return coded;
        bool again = Io::writes;
        for (std::int32_t row = y; again && row < end; ++row)
            again = !std::memcmp(plane.row(row) + x, known_->row(row) + x, static_cast<std::size_t>(width));
        again = repeated_[west * 3 + north].code(io_, again);
        if (!again) return coded;
        if (!Io::writes)
            for (std::int32_t row = y; row < end; ++row) std::memcpy(plane.row(row) + x, known_->row(row) + x, static_cast<std::size_t>(width));
        return repeated;
    }

    void line(Plane& plane, std::int32_t y, std::int32_t t) {
        const std::int32_t x = t * tile, end = std::min(x + tile, shape_.columns);
        std::uint8_t *at = plane.row(y) + x, *last = plane.row(y) + end;
        const std::uint8_t *known = known_->row(y) + x, *other = other_->row(y) + x;
        for (; at < last; ++at, ++known, ++other) {
            if constexpr (bits)
                *at = is(plane.stride(), at, known, other, 1, 0);
            else
                *at = name(plane.stride(), at, known, other);
        }
    }

    // Whether a pixel is of a value. side: which choice this is.
    bool is(std::ptrdiff_t stride, const std::uint8_t* at, const std::uint8_t* known, const std::uint8_t* other, std::uint8_t value, std::uint32_t side) {
        const Around a = around(at, stride, known, other, value);
        const std::uint32_t near = a.left >> 6;  // two to the left
        const std::uint32_t north = columns(a.above[0], -1, 1), centre = columns(a.known[2], -1, 1);
        const std::uint32_t square = columns(a.known[1], -1, 1) << 6 | centre << 3 | columns(a.known[3], -1, 1);
        std::array<std::uint32_t, contexts> index;
        index[0] = near | north << 2 | columns(a.above[1], 0, 0) << 5 | centre << 6 | columns(a.known[1], 0, 0) << 9 | columns(a.known[3], 0, 0) << 10;
        index[1] = a.left >> 4 | columns(a.above[0], -3, 3) << 4 | columns(a.above[1], -2, 2) << 11;
        index[2] = square | near << 9 | north << 11 | columns(a.above[1], 0, 0) << 14;
        const std::uint32_t wide = columns(a.known[0], -1, 1) | columns(a.known[1], -2, 2) << 3 | columns(a.known[2], -2, 2) << 8 |
                                   columns(a.known[3], -2, 2) << 13 | columns(a.known[4], -1, 1) << 18;
        index[3] = hashed(wide | std::uint64_t{a.left >> 7} << 21 | std::uint64_t{columns(a.above[0], 0, 1)} << 22 | std::uint64_t{side} << 40, 18);
        index[4] = hashed(a.left >> 2 | a.above[0] << 6 | columns(a.above[1], -3, 3) << 14 | std::uint64_t{columns(a.above[2], -1, 1)} << 21 | std::uint64_t{side} << 40, 20);
        const std::uint32_t other_square = columns(a.other[0], -1, 1) | columns(a.other[1], -1, 1) << 3 | columns(a.other[2], -1, 1) << 6;
        index[5] = hashed(square | other_square << 9 | std::uint64_t{a.left >> 7} << 18 | std::uint64_t{columns(a.above[0], 0, 0)} << 19 | std::uint64_t{side} << 40, 20);
        const std::uint32_t differs = (near ^ columns(a.known[2], -2, -1)) | (columns(a.above[0], -2, 2) ^ columns(a.known[1], -2, 2)) << 2 |
                                      (columns(a.above[1], -1, 1) ^ columns(a.known[0], -1, 1)) << 7;
        index[6] = differs | columns(a.known[2], -1, 2) << 10 | columns(a.known[1], 0, 0) << 14 | columns(a.known[3], 0, 0) << 15;
        if constexpr (!bits) {
            const std::uint64_t west = at[-1], north_value = at[-stride], north_west = at[-stride - 1], north_east = at[1 - stride];
            const std::uint64_t slope = (west + north_value - north_west) & 255, this_one = value | std::uint64_t{side} << 8;
            index[7] = hashed(this_one | west << 16 | north_value << 24 | std::uint64_t{*known} << 32 | std::uint64_t{known[stride]} << 40 | std::uint64_t{known[1]} << 48, 18);
            index[8] = hashed(this_one | west << 16 | north_value << 24 | north_west << 32 | north_east << 40, 18);
            index[9] = hashed(this_one | slope << 16 | std::uint64_t{*known} << 24, 18);
        }
        if (side) for (int k : {0, 1, 2, 6}) index[static_cast<std::size_t>(k)] = hashed(index[static_cast<std::size_t>(k)] | side << 20, widths[k]);
        const std::uint32_t first = (has_known_ ? 1u : 0u) | (near >> 1) << 1 | (north >> 1 & 1) << 2 | columns(a.known[2], 0, 0) << 3 | columns(a.known[3], 0, 0) << 4;
        const std::uint32_t second = differs & 255;
        const std::uint32_t ones = pixels_.predict(index, static_cast<int>(side << 5 | first), static_cast<int>(side << 8 | second));
        const bool found = io_.code(*at == value, ones);
        pixels_.learn(found, 10, 255);
        return found;
    }

    // One of many values: those of its neighbours first.
    std::uint8_t name(std::ptrdiff_t stride, const std::uint8_t* at, const std::uint8_t* known, const std::uint8_t* other) {
        std::uint8_t choices[most_choices];
        int count = 0;
        const auto add = [&](std::uint8_t value) {
            if (count < most_choices && std::find(choices, choices + count, value) == choices + count) choices[count++] = value;
        };
        if (has_known_ && (*known == at[-1] || *known == at[-stride])) add(*known);
        add(at[-1]), add(at[-stride]);
        if (has_known_) add(*known);
        add(at[1 - stride]), add(at[-1 - stride]);
        if (has_known_) add(known[1]), add(known[stride]), add(*other);
        for (int k = 0; k < count; ++k)
            if (is(stride, at, known, other, choices[k], static_cast<std::uint32_t>(std::min(k, sides - 1)))) return choices[k];
        const auto found = other_value(stride, at, known);
        if (found >= shape_.values) throw StreamError("damaged pixel data: a value that is not there");
        return found;
    }

    // A value that is not a neighbour's, from its highest bit on.
    std::uint8_t other_value(std::ptrdiff_t stride, const std::uint8_t* at, const std::uint8_t* known) {
        const std::uint64_t west = at[-1], north = at[-stride], north_west = at[-stride - 1], slope = (west + north - north_west) & 255;
        std::uint32_t node = 1;
        for (int k = 8; k-- > 0;) {
            const std::uint64_t so_far = node;
            const std::array<std::uint32_t, name_contexts> index = {
                node, static_cast<std::uint32_t>(so_far | west << 8), static_cast<std::uint32_t>(so_far | slope << 8),
                hashed(so_far | west << 8 | north << 16, 18), hashed(so_far | std::uint64_t{*known} << 8 | west << 16 | std::uint64_t{1} << 32, 18),
                hashed(so_far | slope << 8 | std::uint64_t{*known} << 16 | std::uint64_t{known[1]} << 24 | std::uint64_t{1} << 33, 18)};
            const std::uint32_t ones = names_.predict(index, k, static_cast<int>(node));
            const bool bit = io_.code(*at >> k & 1, ones);
            names_.learn(bit, 10, 255);
            node = node << 1 | bit;
        }
        return static_cast<std::uint8_t>(node);
    }

    void fill(Plane& plane, const std::uint8_t* pixels) const {
        for (std::int32_t y = 0; y < shape_.rows; ++y, pixels += shape_.columns) std::memcpy(plane.row(y), pixels, static_cast<std::size_t>(shape_.columns));
    }
    void take(const Plane& plane, std::uint8_t* pixels) const {
        for (std::int32_t y = 0; y < shape_.rows; ++y, pixels += shape_.columns) std::memcpy(pixels, plane.row(y), static_cast<std::size_t>(shape_.columns));
    }
    bool equal(const Plane& a, const Plane& b) const {
        for (std::int32_t y = 0; y < shape_.rows; ++y)
            if (std::memcmp(a.row(y), b.row(y), static_cast<std::size_t>(shape_.columns))) return false;
        return true;
    }

    static constexpr int widths[] = {11, 16, 15, 18, 20, 20, 16, 18, 18, 18};  // of contexts, in bits

    Io& io_;
    const Shape shape_;
    const Plane nothing_;
    const std::int32_t across_;  // tiles
    Mixer<contexts> pixels_;
    Mixer<3> uniform_;
    Mixer<name_contexts> names_;
    std::vector<std::vector<State>> states_;  // of the tiles above and of these, with one on either side
    std::array<Plain, 9> repeated_;
    Plain same_;
    std::array<Plain, 2> usual_choice_;
    std::int64_t usual_[2] = {1, 2};
    std::vector<Plane> before_;
    const Plane *known_ = nullptr, *other_ = nullptr;
    bool has_known_ = false;
};

template <bool bits, class Io>
void each_frame_of(Io& io, std::uint8_t* pixels, const Shape& shape, std::int64_t count) {
    const auto run = std::make_unique<Run<Io, bits>>(io, shape);
    const std::int64_t size = std::int64_t{shape.rows} * shape.columns;
    for (std::int64_t k = 0; k < count; ++k) run->frame(pixels + k * size, k);
}

template <class Io>
void each_frame(Io& io, std::uint8_t* pixels, const Shape& shape, std::int64_t count) {
    shape.values == 2 ? each_frame_of<true>(io, pixels, shape, count) : each_frame_of<false>(io, pixels, shape, count);
}

}  // namespace

Bytes encode_run(const std::uint8_t* pixels, const Shape& shape) {
    Out out;
    each_frame(out, const_cast<std::uint8_t*>(pixels), shape, shape.frames);  // which are only read
    return out.finish();
}

void decode_run(ByteSpan data, const Shape& shape, std::int64_t count, std::uint8_t* pixels) {
    In in(data);
    each_frame(in, pixels, shape, count);
    if (count == shape.frames) in.finish();
}

}  // namespace dicompress::labels
