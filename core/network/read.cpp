// The file of a network, little-endian:
//
//   inputs, features, narrow, components      one byte each; channels are multiples of 4, at most 64
//   flags                                     1: adds the features of the phase before, 2: gives its own, 4: attention
//   slope, slope after the narrow 1x1         in quarters, 0 to 4
//   blocks                                    0 to 4; for each its dilation, 1 to 4, and slope
//   then the layers, in the order of network.hpp: head, first and second of each block, narrow, attention, depthwise:
//     weights                                 int8 in [-63, 63], [out][rows][columns][in]; of the depthwise `in` is 1
//     biases                                  int32 [out], in units of the sum
//     shifts                                  bytes [out], 0 to 25: the result is the sum / 2^shift
//   and the last, 1x1 with wide weights:      weights int32 [3 * components][narrow], biases int32 [3 * components]
//
// Of every output the sum of |weight| * 128, and |bias|, stay below 2^24.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "network/parts.hpp"

namespace dicompress {

using namespace network;

namespace {

constexpr std::int64_t bound = 1 << 24;
constexpr int most_shift = 25, most_components = most_parameters / 3, most_dilation = 4, largest_weight = 63;

class Parser {
public:
    Parser(Reader& from, Network::Parts& parts) : from_(from), parts_(parts) {}

    int number(int low, int high, const char* what) {
        const int found = from_.byte();
        if (found < low || found > high) fail(std::string(what) + " of " + std::to_string(found));
        return found;
    }

    int channels(const char* what) {
        const int found = number(4, most_channels, what);
        if (found % 4) fail(std::string(what) + " of " + std::to_string(found));
        return found;
    }

    Convolution convolution(int size, int dilation, int in, int out) {
        Convolution layer{.size = size, .dilation = dilation, .in = in, .out = out};
        const std::size_t each = count(size) * count(size) * count(in), padded = padded_to_block(out);
        const ByteSpan found = read_weights(count(out) * each);
        Sums sums = read_sums(out);
        std::int16_t* weights = words(found.size());
        std::uint8_t* blocked = bytes(each * padded);
        for (std::size_t o = 0; o < count(out); ++o)
            for (std::size_t k = 0; k < each; ++k) {
                const int weight = static_cast<std::int8_t>(found[o * each + k]);
                weights[o * each + k] = static_cast<std::int16_t>(weight);
                blocked[(k / 4 * padded + o) * 4 + k % 4] = static_cast<std::uint8_t>(weight);
                sums.take(o, weight);
            }
        sums.check();
        layer.weights = weights, layer.blocked = reinterpret_cast<const std::int8_t*>(blocked);
        layer.bias = sums.bias, layer.start = sums.start, layer.scale = sums.scale, layer.shift = sums.shift;
        return layer;
    }

    Depthwise depthwise(int channels) {
        Depthwise layer{.channels = channels};
        const ByteSpan found = read_weights(9 * count(channels));
        Sums sums = read_sums(channels);
        std::int16_t* weights = words(found.size());
        std::uint8_t* columns = bytes(3 * count(channels) * 4);
        for (std::size_t c = 0; c < count(channels); ++c)
            for (std::size_t tap = 0; tap < 9; ++tap) {
                const int weight = static_cast<std::int8_t>(found[9 * c + tap]);
                weights[tap * count(channels) + c] = static_cast<std::int16_t>(weight);
                columns[(tap % 3 * count(channels) + c) * 4 + tap / 3] = static_cast<std::uint8_t>(weight);
                sums.take(c, weight);
            }
        sums.check();
        layer.weights = weights, layer.columns = reinterpret_cast<const std::int8_t*>(columns);
        layer.bias = sums.bias, layer.start = sums.start, layer.scale = sums.scale, layer.shift = sums.shift;
        return layer;
    }

    Wide wide(int in, int out) {
        Wide layer{.in = in, .out = out};
        const std::size_t each = count(in), size = each * count(out);
        const std::int32_t *found = read_integers(size), *bias = read_integers(count(out));
        float *weights = floats(size), *float_bias = floats(count(out));
        std::int32_t* start = integers(count(out));
        std::uint8_t *low = bytes(size), *high = bytes(size);
        bool fits = true;
        for (std::size_t o = 0; o < count(out); ++o) {
            std::int64_t most = std::abs(std::int64_t{bias[o]}), sum = 0;
            for (std::size_t c = 0; c < each; ++c) {
                const std::int64_t weight = found[o * each + c], below = ((weight + 64) & 127) - 64, above = (weight - below) / 128;
                most += std::abs(weight) * zero, sum += weight;
                fits = fits && std::abs(above) <= 64;
                weights[c * count(out) + o] = static_cast<float>(weight);
                low[o * each + c] = static_cast<std::uint8_t>(below), high[o * each + c] = static_cast<std::uint8_t>(above);
            }
            if (most >= bound) fail_of_sum(most);
            start[o] = static_cast<std::int32_t>(bias[o] - zero * sum);
            float_bias[o] = static_cast<float>(bias[o]);
        }
        layer.weights = weights, layer.bias = float_bias, layer.start = start;
        layer.low = fits ? reinterpret_cast<const std::int8_t*>(low) : nullptr;
        layer.high = fits ? reinterpret_cast<const std::int8_t*>(high) : nullptr;
        return layer;
    }

private:
    // Of each output; most: how large a sum can become.
    struct Sums {
        std::size_t size;
        const std::int32_t* bias;
        std::int32_t* start;
        float* scale;
        std::uint8_t* shift;
        std::array<std::int32_t, most_channels> most{};

        // Sums of 9 * 64 weights: no overflow before `check`.
        void take(std::size_t o, int weight) {
            start[o] -= zero * weight;
            most[o] += zero * std::abs(weight);
        }
        void check() const {
            for (std::size_t o = 0; o < size; ++o) {
                const std::int64_t total = most[o] + std::abs(std::int64_t{bias[o]});
                if (total >= bound) fail_of_sum(total);
                start[o] += bias[o];
            }
        }
    };

    static std::size_t count(int n) { return static_cast<std::size_t>(n); }
    static std::size_t padded_to_block(int out) { return (count(out) + block - 1) / block * block; }

    [[noreturn]] static void fail(const std::string& what) { throw StreamError("no network has " + what); }
    [[noreturn]] static void fail_of_sum(std::int64_t total) {
        fail("sums of up to " + std::to_string(total) + "; the bound is " + std::to_string(bound));
    }

    std::uint8_t* bytes(std::size_t size) { return parts_.bytes.emplace_back(size).data(); }
    std::int16_t* words(std::size_t size) { return parts_.words.emplace_back(size).data(); }
    float* floats(std::size_t size) { return parts_.floats.emplace_back(size, 1.f).data(); }
    std::int32_t* integers(std::size_t size) { return parts_.integers.emplace_back(size).data(); }

    ByteSpan read_weights(std::size_t size) {
        const ByteSpan found = from_.take(size);
        for (std::uint8_t byte : found)
            if (std::abs(static_cast<std::int8_t>(byte)) > largest_weight)
                fail("a weight of " + std::to_string(static_cast<std::int8_t>(byte)));
        return found;
    }

    // In room for more, which are 0.
    std::int32_t* read_integers(std::size_t size, std::size_t room = 0) {
        Reader found(from_.take(4 * std::uint64_t{size}));
        std::int32_t* to = integers(std::max(size, room));
        for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<std::int32_t>(found.little_endian<std::uint32_t>());
        return to;
    }

    Sums read_sums(int out) {
        const std::size_t padded = padded_to_block(out);
        const std::int32_t* bias = read_integers(count(out), padded);
        Sums sums{count(out), bias, integers(padded), floats(padded), bytes(padded)};
        for (std::size_t o = 0; o < count(out); ++o) {
            sums.shift[o] = static_cast<std::uint8_t>(number(0, most_shift, "a shift"));
            sums.scale[o] = std::ldexp(1.f, -sums.shift[o]);
        }
        return sums;
    }

    Reader& from_;
    Network::Parts& parts_;
};

}  // namespace

Network Network::read(Reader& from, std::pmr::memory_resource* memory) {
    auto parts = std::make_unique<Parts>(memory);
    Parts& n = *parts;
    Parser parser(from, n);
    n.inputs = parser.channels("inputs"), n.features = parser.channels("features"), n.narrow = parser.channels("narrow channels");
    n.components = parser.number(1, most_components, "components");
    const int flags = parser.number(0, 7, "flags");
    n.takes_features = flags & 1, n.gives_features = flags & 2, n.attends = flags & 4;
    n.slope = parser.number(0, 4, "a slope"), n.narrow_slope = parser.number(0, 4, "a slope");
    n.count = parser.number(0, Parts::most_blocks, "blocks");
    std::array<int, Parts::most_blocks> dilations{};
    for (int b = 0; b < n.count; ++b) {
        dilations[b] = parser.number(1, most_dilation, "a dilation");
        n.blocks[b].slope = parser.number(0, 4, "a slope");
    }
    n.head = parser.convolution(3, 1, n.inputs, n.features);
    for (int b = 0; b < n.count; ++b)
        for (Convolution* layer : {&n.blocks[b].first, &n.blocks[b].second})
            *layer = parser.convolution(3, dilations[b], n.features, n.features);
    n.pointwise = parser.convolution(1, 1, n.features, n.narrow);
    if (n.attends) {
        n.attention = parser.convolution(1, 1, n.narrow, n.narrow);
        n.attention.unsigned_result = true;
    }
    n.depthwise = parser.depthwise(n.narrow);
    n.wide = parser.wide(n.narrow, 3 * n.components);
    return Network(std::move(parts));
}

Network::Network(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;
Network::~Network() = default;

int Network::inputs() const { return parts_->inputs; }
int Network::features_in() const { return parts_->takes_features ? parts_->features : 0; }
int Network::features_out() const { return parts_->gives_features ? parts_->features : 0; }
int Network::components() const { return parts_->components; }

}  // namespace dicompress
