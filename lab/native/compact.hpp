// The loops of CompaCT; codecs/compact.py tells what they do.
#pragma once

#include <cstdlib>
#include <limits>

#include "streams.hpp"

namespace dicompress::bench {

// ---- The order of the pixels

struct Step {
    std::int64_t x, y;
    Step operator+(Step o) const { return {x + o.x, y + o.y}; }
    Step operator-(Step o) const { return {x - o.x, y - o.y}; }
    Step operator-() const { return {-x, -y}; }
    std::int64_t length() const { return std::abs(x + y); }
    Step unit() const { return {(x > 0) - (x < 0), (y > 0) - (y < 0)}; }
};

// Half of a side, even where that is possible: then the parts can be joined without a diagonal step.
inline Step half(Step side) {
    const Step middle{side.x / 2, side.y / 2};
    return middle.length() % 2 && side.length() > 2 ? middle + side.unit() : middle;
}

class Hilbert {
public:
    Hilbert(std::int32_t* out, std::int64_t columns) : out_(out), columns_(columns) {}

    // Fills the rectangle at `start` that `along` and `across` span; the curve ends at the far end of `along`.
    void fill(Step start, Step along, Step across) {
        if (across.length() == 1) return line(start, along);
        if (along.length() == 1) return line(start, across);
        const Step first = half(along), side = half(across);
        if (2 * along.length() > 3 * across.length()) {
            fill(start, first, across);
            fill(start + first, along - first, across);
        } else {
            fill(start, side, first);
            fill(start + side, along, across - side);
            fill(start + (along - along.unit()) + (side - across.unit()), -side, -(along - first));
        }
    }

private:
    void line(Step at, Step side) {
        for (std::int64_t i = side.length(); i > 0; --i, at = at + side.unit())
            *out_++ = static_cast<std::int32_t>(at.y * columns_ + at.x);
    }

    std::int32_t* out_;
    std::int64_t columns_;
};

inline void hilbert(std::int64_t rows, std::int64_t columns, Places places) {
    if (rows < 1 || columns < 1 || rows > std::numeric_limits<std::int32_t>::max() / columns)
        throw std::invalid_argument("no such rectangle");
    if (places.shape(0) != static_cast<std::size_t>(rows * columns)) throw std::invalid_argument("one place a pixel");
    nb::gil_scoped_release release;
    const Step right{columns, 0}, down{0, rows};
    Hilbert curve(places.data(), columns);
    columns >= rows ? curve.fill({0, 0}, right, down) : curve.fill({0, 0}, down, right);
}

// ---- Meshing blocks

inline constexpr std::size_t block = 16, look_ahead = 64;
inline constexpr int least_saving = 4;  // jumps; a distance costs about as many bytes as three of them

inline bool is_jump(int previous, int pixel) { return pixel - previous < -63 || pixel - previous > 64; }

// Jumps in a block, the step into it counted.
inline int jumps_alone(const Pixel* pixels, std::size_t start) {
    int count = is_jump(start ? pixels[start - 1] : 0, pixels[start]);
    for (std::size_t i = start + 1; i < start + block; ++i) count += is_jump(pixels[i - 1], pixels[i]);
    return count;
}

// Jumps in two blocks whose pixels take turns, the step into the first counted.
inline int jumps_meshed(const Pixel* pixels, std::size_t first, std::size_t second) {
    int count = 0, previous = first ? pixels[first - 1] : 0;
    for (std::size_t i = 0; i < block; ++i) {
        count += is_jump(previous, pixels[first + i]) + is_jump(pixels[first + i], pixels[second + i]);
        previous = pixels[second + i];
    }
    return count;
}

// How many blocks ahead the best partner of block `b` is; 0 if none is worth its distance.
inline std::size_t partner(const Pixel* pixels, std::size_t b, std::size_t blocks, const std::vector<bool>& used,
                    const std::vector<int>& jumps) {
    std::size_t best = 0;
    int saved = least_saving - 1;
    for (std::size_t d = 1; d <= look_ahead && b + d < blocks; ++d) {
        if (used[b + d]) continue;
        const int gain = jumps[b] + jumps[b + d] - jumps_meshed(pixels, b * block, (b + d) * block);
        if (gain > saved) saved = gain, best = d;
    }
    return best;
}

inline nb::bytes mesh(Pixels pixels) {
    Bytes distances;
    {
        nb::gil_scoped_release release;
        const std::size_t blocks = pixels.shape(0) / block;
        std::vector<int> jumps(blocks);
        for (std::size_t b = 0; b < blocks; ++b) jumps[b] = jumps_alone(pixels.data(), b * block);
        std::vector<bool> used(blocks, false);
        for (std::size_t b = 0; b < blocks; ++b) {
            if (used[b]) continue;
            const bool many = 2 * static_cast<std::size_t>(jumps[b]) >= block;
            const std::size_t d = many ? partner(pixels.data(), b, blocks, used, jumps) : 0;
            if (d) used[b + d] = true;
            distances.push_back(static_cast<std::uint8_t>(d));
        }
    }
    return to_python(distances);
}

// places: where on the curve each coded pixel lies. Returns how many bytes of `data` were distances.
inline std::size_t unmesh(nb::bytes data, Places places) {
    Input input(data);
    const std::uint8_t* begin = input.at;
    const std::size_t blocks = places.shape(0) / block;
    nb::gil_scoped_release release;
    std::vector<bool> used(blocks, false);
    std::int32_t* out = places.data();
    for (std::size_t b = 0; b < blocks; ++b) {
        if (used[b]) continue;
        const std::size_t d = input.byte();
        if (d > look_ahead || b + d >= blocks || used[b + d]) throw std::invalid_argument("no such partner");
        used[b + d] = true;
        for (std::size_t i = 0; i < block; ++i) {
            *out++ = static_cast<std::int32_t>(b * block + i);
            if (d) *out++ = static_cast<std::int32_t>((b + d) * block + i);
        }
    }
    for (std::size_t i = blocks * block; i < places.shape(0); ++i) *out++ = static_cast<std::int32_t>(i);
    return static_cast<std::size_t>(input.at - begin);
}

// ---- Codes of whole bytes

inline constexpr std::size_t shortest_run = 2, longest_run = 33;
inline constexpr int jump_bits = 13;  // and a sign
inline constexpr std::uint32_t jump_prefix = 0x80, run_prefix = 0xC0, full_prefix = 0xE0;

inline std::size_t run_length(const Pixel* pixels, std::size_t i, std::size_t count, int previous) {
    std::size_t length = 0;
    while (length < longest_run && i + length < count && pixels[i + length] == previous) ++length;
    return length;
}

inline void put(Bytes& out, std::uint32_t prefix, std::uint32_t word) {
    out.push_back(static_cast<std::uint8_t>(prefix | word >> 8)), out.push_back(static_cast<std::uint8_t>(word));
}

inline void put_difference(Bytes& out, int difference, Pixel pixel) {
    const int beyond = difference > 0 ? difference - 65 : -64 - difference;
    if (beyond < 0) {
        out.push_back(static_cast<std::uint8_t>(difference + 63));
    } else if (beyond < 1 << jump_bits) {
        put(out, jump_prefix, static_cast<std::uint32_t>(beyond | (difference < 0) << jump_bits));
    } else {
        out.push_back(full_prefix);
        put(out, 0, pixel);
    }
}

inline nb::bytes pack(Pixels pixels) {
    Bytes out;
    {
        nb::gil_scoped_release release;
        int previous = 0;
        for (std::size_t i = 0, count = pixels.shape(0); i < count;) {
            const std::size_t length = run_length(pixels.data(), i, count, previous);
            if (length >= shortest_run) {
                out.push_back(static_cast<std::uint8_t>(run_prefix | (length - shortest_run)));
                i += length;
            } else {
                put_difference(out, pixels(i) - previous, pixels(i));
                previous = pixels(i++);
            }
        }
    }
    return to_python(out);
}

inline int get_pixel(Input& input, std::uint32_t code, int previous) {
    if (code < jump_prefix) return previous + static_cast<int>(code) - 63;
    if (code < run_prefix) {
        const int word = static_cast<int>((code - jump_prefix) << 8 | input.byte());
        const int beyond = word & ((1 << jump_bits) - 1);
        return word >> jump_bits ? previous - 64 - beyond : previous + 65 + beyond;
    }
    if (code != full_prefix) throw std::invalid_argument("no such code");
    const std::uint32_t high = input.byte();
    return static_cast<int>(high << 8 | input.byte());
}

inline void unpack(nb::bytes data, OutPixels pixels) {
    Input input(data);
    nb::gil_scoped_release release;
    int previous = 0;
    for (std::size_t i = 0, count = pixels.shape(0); i < count;) {
        const std::uint32_t code = input.byte();
        if (code >= run_prefix && code < full_prefix) {
            const std::size_t length = code - run_prefix + shortest_run;
            if (length > count - i) throw std::invalid_argument("a run leaves the image");
            std::fill_n(pixels.data() + i, length, static_cast<Pixel>(previous));
            i += length;
        } else {
            previous = get_pixel(input, code, previous);
            if (previous < 0 || previous > 65535) throw std::invalid_argument("a pixel leaves its range");
            pixels(i++) = static_cast<Pixel>(previous);
        }
    }
    if (input.at != input.end) throw std::invalid_argument("data behind the last pixel");
}

}  // namespace dicompress::bench
