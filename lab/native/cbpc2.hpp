// The loops of CBPC2; codecs/cbpc2.py tells what they do.
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>

#include "streams.hpp"

namespace dicompress::bench {

// ---- Adaptive Golomb-Rice codes

inline constexpr int longest_unary = 24, escape_bits = 32;

// The parameter of a Golomb-Rice code: log2 of the mean magnitude of late, rounded up. Symbols are zig-zag numbers, so half
// a symbol is a magnitude; for lengths of runs, half the mean is near the best parameter as well.
struct Rice {
    std::uint64_t count = 1, sum = 4;

    int parameter() const {
        int k = 0;
        while (count << k < sum) ++k;
        return k;
    }
    void learn(std::uint32_t symbol) {
        sum += (std::uint64_t{symbol} + 1) / 2;
        if (++count >= 128) count /= 8, sum /= 8;
    }
};

class Writer {
public:
    static constexpr bool reads = false;
    Bytes data;

    std::uint32_t code(Rice& rice, std::uint32_t symbol) {
        const int k = rice.parameter();
        const std::uint32_t quotient = symbol >> k;
        const bool escapes = quotient >= longest_unary;
        for (std::uint32_t i = 0; i < (escapes ? longest_unary : quotient); ++i) bit(1);
        if (!escapes) bit(0);
        for (int i = (escapes ? escape_bits : k) - 1; i >= 0; --i) bit(symbol >> i & 1);
        rice.learn(symbol);
        return symbol;
    }
    void finish() {
        while (filled_) bit(0);
    }

private:
    void bit(std::uint32_t value) {
        byte_ = byte_ << 1 | value;
        if (++filled_ == 8) data.push_back(static_cast<std::uint8_t>(byte_)), byte_ = 0, filled_ = 0;
    }

    std::uint32_t byte_ = 0;
    int filled_ = 0;
};

class Reader {
public:
    static constexpr bool reads = true;

    explicit Reader(Input input) : input_(input) {}

    std::uint32_t code(Rice& rice, std::uint32_t) {
        const int k = rice.parameter();
        std::uint32_t symbol = 0;
        while (symbol < longest_unary && bit()) ++symbol;
        const bool escapes = symbol == longest_unary;
        for (int i = escapes ? escape_bits : k; i > 0; --i) symbol = symbol << 1 | bit();  // 32 of them push the prefix out
        rice.learn(symbol);
        return symbol;
    }
    void finish() const {
        if (input_.at != input_.end) throw std::invalid_argument("data behind the last pixel");
    }

private:
    std::uint32_t bit() {
        if (!left_) byte_ = input_.byte(), left_ = 8;
        return byte_ >> --left_ & 1;
    }

    Input input_;
    std::uint32_t byte_ = 0;
    int left_ = 0;
};

// ---- Prediction by classification and blending

inline constexpr int radius = 5, cell = 6, predictors = 7;
inline constexpr int span = 2 * radius + 1, candidates = radius + radius * span;
inline constexpr int above = radius + 2, beside = radius + 2;  // what candidates and their neighbours need around a pixel

inline int med(int west, int north, int north_west) {
    if (north_west >= std::max(west, north)) return std::min(west, north);
    if (north_west <= std::min(west, north)) return std::max(west, north);
    return west + north - north_west;
}

// Adds the squared differences of a run of pixels from one.
template <int count>
inline void add_squares(const Pixel* pixels, int here, std::uint64_t* sums) {
    for (int i = 0; i < count; ++i) {
        const auto difference = static_cast<std::uint32_t>(std::abs(pixels[i] - here));
        sums[i] += difference * difference;
    }
}

class Blend {
public:
    Blend(const Pixel* image, std::ptrdiff_t columns, int highest)
        : image_(image),
          columns_(columns),
          highest_(highest),
          neighbours_{-1, -columns, -columns - 1, -columns + 1, -2, -2 * columns} {}

    // The prediction of a pixel from those before it in the raster.
    int operator()(std::ptrdiff_t y, std::ptrdiff_t x) {
        const Pixel* p = image_ + y * columns_ + x;
        if (y == 0) return x ? p[-1] : 0;
        if (x == 0) return p[-columns_];
        if (y < above || x < beside || x + beside > columns_) return med(p[-1], p[-columns_], p[-columns_ - 1]);
        choose(p);
        return std::clamp(blend(p), 0, highest_);
    }

private:
    using Predictions = std::array<std::int64_t, predictors>;

    // Where candidate i lies: those of the row come first, then those of the rows above, nearest first.
    std::ptrdiff_t offset(int i) const {
        if (i < radius) return i - radius;
        return (i - radius) % span - radius - ((i - radius) / span + 1) * columns_;
    }

    // The `cell` pixels of the window whose neighbours are most like those of p; the nearer line wins a tie.
    void choose(const Pixel* p) {
        std::array<std::uint64_t, candidates> distance{};
        for (const std::ptrdiff_t neighbour : neighbours_) {
            const int here = p[neighbour];
            const Pixel* first = p + neighbour - radius;
            add_squares<radius>(first, here, distance.data());
            for (int y = 1; y <= radius; ++y)
                add_squares<span>(first - y * columns_, here, &distance[radius + (y - 1) * span]);
        }
        std::array<std::uint64_t, cell> nearest;
        nearest.fill(std::numeric_limits<std::uint64_t>::max());
        for (int i = 0; i < candidates; ++i) {
            const std::uint64_t key = distance[i] * 64 + static_cast<std::uint64_t>(i);
            if (key >= nearest[cell - 1]) continue;
            int place = cell - 1;
            for (; place > 0 && nearest[place - 1] > key; --place) nearest[place] = nearest[place - 1];
            nearest[place] = key;
        }
        for (int i = 0; i < cell; ++i) chosen_[i] = p + offset(static_cast<int>(nearest[i] % 64));
    }

    Predictions simple(const Pixel* p) const {
        const std::int64_t w = p[-1], n = p[-columns_], nw = p[-columns_ - 1], ne = p[-columns_ + 1];
        return {w, n, nw, ne, w + n - nw, 2 * w - p[-2], 2 * n - p[-2 * columns_]};
    }

    // Predictions weighted by one over their penalty; a penalty of zero wins outright.
    int blend(const Pixel* p) const {
        std::array<std::int64_t, predictors> penalty{};
        for (const Pixel* q : chosen_) {
            const Predictions guess = simple(q);
            for (int i = 0; i < predictors; ++i) penalty[i] += (guess[i] - *q) * (guess[i] - *q);
        }
        const Predictions guess = simple(p);
        const auto least = std::min_element(penalty.begin(), penalty.end());
        if (*least == 0) return static_cast<int>(guess[least - penalty.begin()]);
        std::int64_t weights = 0, sum = 0;
        for (int i = 0; i < predictors; ++i) {
            const std::int64_t weight = (*least << 16) / penalty[i];
            weights += weight, sum += weight * guess[i];
        }
        return static_cast<int>((sum + (sum < 0 ? -weights : weights) / 2) / weights);
    }

    const Pixel* image_;
    std::ptrdiff_t columns_;
    int highest_;
    std::array<std::ptrdiff_t, 6> neighbours_;
    std::array<const Pixel*, cell> chosen_;
};

// The number of a residual: 0, -1, 1, -2, 2 ...; residuals are taken modulo the number of pixel values.
std::uint32_t zigzag(int residual, int highest) {
    residual &= highest;
    const int half_range = (highest + 1) / 2;
    return static_cast<std::uint32_t>(residual < half_range ? 2 * residual : 2 * (highest + 1 - residual) - 1);
}

inline int unzigzag(std::uint32_t number, int highest) {
    if (number > static_cast<std::uint32_t>(highest)) throw std::invalid_argument("no such residual");
    return number % 2 ? -static_cast<int>(number / 2) - 1 : static_cast<int>(number / 2);
}

// Whether the four known neighbours are equal: W, NW, N and NE.
inline bool flat(const Pixel* p, std::ptrdiff_t columns) {
    return p[-1] == p[-columns - 1] && p[-1] == p[-columns] && p[-1] == p[-columns + 1];
}

std::ptrdiff_t equal_to_west(const Pixel* p, std::ptrdiff_t left) {
    std::ptrdiff_t length = 0;
    while (length < left && p[length] == p[-1]) ++length;
    return length;
}

// One walk for both directions: a Writer reads `image`, a Reader fills it.
template <class Coder>
inline void walk(Coder& coder, Pixel* image, std::ptrdiff_t rows, std::ptrdiff_t columns, int highest) {
    Blend predict(image, columns, highest);
    Rice residuals, runs;
    for (std::ptrdiff_t y = 0; y < rows; ++y) {
        Pixel* const line = image + y * columns;
        for (std::ptrdiff_t x = 0; x < columns; ++x) {
            if (y && x && x + 1 < columns && flat(line + x, columns)) {
                const std::ptrdiff_t left = columns - x;
                const std::ptrdiff_t known = Coder::reads ? 0 : equal_to_west(line + x, left);
                const std::ptrdiff_t length = coder.code(runs, static_cast<std::uint32_t>(known));
                if (length > left) throw std::invalid_argument("a run leaves its row");
                if (Coder::reads) std::fill_n(line + x, length, line[x - 1]);
                x += length;
                if (x == columns) break;
            }
            const int prediction = predict(y, x);
            const std::uint32_t known = Coder::reads ? 0 : zigzag(line[x] - prediction, highest);
            const int residual = unzigzag(coder.code(residuals, known), highest);
            if (Coder::reads) line[x] = static_cast<Pixel>((prediction + residual) & highest);
        }
    }
    coder.finish();
}

inline int highest_value(int bits) {
    if (bits != 8 && bits != 16) throw std::invalid_argument("8 or 16 bits a pixel");
    return (1 << bits) - 1;
}

inline nb::bytes cbpc2_encode(Image image, int bits) {
    const int highest = highest_value(bits);
    const auto rows = static_cast<std::ptrdiff_t>(image.shape(0)), columns = static_cast<std::ptrdiff_t>(image.shape(1));
    Writer writer;
    {
        nb::gil_scoped_release release;
        std::vector<Pixel> copy(image.data(), image.data() + image.size());
        if (std::any_of(copy.begin(), copy.end(), [&](Pixel p) { return p > highest; }))
            throw std::invalid_argument("a pixel leaves its range");
        walk(writer, copy.data(), rows, columns, highest);
    }
    return to_python(writer.data);
}

inline void cbpc2_decode(nb::bytes data, int bits, OutImage image) {
    const int highest = highest_value(bits);
    const auto rows = static_cast<std::ptrdiff_t>(image.shape(0)), columns = static_cast<std::ptrdiff_t>(image.shape(1));
    Reader reader{Input(data)};
    nb::gil_scoped_release release;
    walk(reader, image.data(), rows, columns, highest);
}

}  // namespace dicompress::bench
