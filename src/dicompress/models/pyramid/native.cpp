// What every pixel of a phase needs before the network runs: dicompress.models.pyramid.native.
//
// Planes are int32 (4, rows + 4, columns + 4): A, D, H and V with a margin of two pixels. A tap is (plane, row, column):
// where a known pixel lies, counted from a pixel of the phase in the planes' own grid. All arithmetic is on integers.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

constexpr std::size_t margin = 2;
constexpr int inverse_bits = 24;

using Planes = nb::ndarray<const std::int32_t, nb::shape<4, -1, -1>, nb::c_contig, nb::device::cpu>;
using Taps = nb::ndarray<const std::int32_t, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;
using Coefficients = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Image = nb::ndarray<std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using ConstImage = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Known = nb::ndarray<std::int32_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Channels = nb::ndarray<std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

struct Grid {
    std::size_t rows, columns, stride;

    explicit Grid(const Planes& planes)
        : rows(planes.shape(1) - 2 * margin), columns(planes.shape(2) - 2 * margin), stride(planes.shape(2)) {
        if (planes.shape(1) <= 2 * margin || planes.shape(2) <= 2 * margin) throw std::invalid_argument("planes too small");
    }
    void check(std::size_t height, std::size_t width) const {
        if (height != rows || width != columns) throw std::invalid_argument("the shape is not that of the planes");
    }
};

// The first pixel of `row` that tap number `i` names.
const std::int32_t* line(const Planes& planes, const Grid& grid, const Taps& taps, std::size_t i, std::size_t row) {
    const std::int32_t plane = taps(i, 0), down = taps(i, 1), right = taps(i, 2);
    if (plane < 0 || plane > 3 || std::abs(down) > 2 || std::abs(right) > 2) throw std::invalid_argument("a tap lies outside");
    return &planes(static_cast<std::size_t>(plane), row + margin + down, margin + right);
}

// base = sum of coefficients * known pixels >> shift.
void interpolate(Planes planes, Taps taps, Coefficients coefficients, int shift, Image base) {
    const Grid grid(planes);
    grid.check(base.shape(0), base.shape(1));
    if (coefficients.shape(0) != taps.shape(0)) throw std::invalid_argument("one coefficient a tap");
    nb::gil_scoped_release release;
    for (std::size_t row = 0; row < grid.rows; ++row) {
        std::int32_t* sum = &base(row, 0);
        std::fill(sum, sum + grid.columns, 0);
        for (std::size_t i = 0; i < taps.shape(0); ++i) {
            const std::int32_t* pixel = line(planes, grid, taps, i, row);
            const std::int32_t k = coefficients(i);
            if (k == 0) continue;
            for (std::size_t c = 0; c < grid.columns; ++c) sum[c] += k * pixel[c];
        }
        for (std::size_t c = 0; c < grid.columns; ++c) sum[c] >>= shift;
    }
}

// A distance in deviations, in 2^-24, as an activation of 1/2^bits of a deviation.
inline std::uint8_t activation(std::int64_t distance, int bits) {
    const std::int64_t q = (distance + (std::int64_t{1} << (inverse_bits - 1 - bits))) >> (inverse_bits - bits);
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>(q, -128, 127) + 128);
}

// Two channels a distance, fine and coarse, for a row of pixels; channels lie side by side, `stride` a pixel.
void write_distances(const std::int32_t* pixel, const std::int32_t* base, std::size_t count, std::int64_t inverse,
                     std::uint8_t* channel, std::size_t stride) {
    for (std::size_t c = 0; c < count; ++c) {
        const std::int64_t distance = (std::int64_t{pixel[c]} * 256 - base[c]) * inverse;
        channel[c * stride] = activation(distance, 5);
        channel[c * stride + 1] = activation(distance, 1);
    }
}

// known: the taps' pixels; channels: their distances from the base, then the base's place between low and high.
void describe(Planes planes, Taps taps, ConstImage base, std::int64_t scale, std::int64_t low, std::int64_t high,
              Known known, Channels channels) {
    const Grid grid(planes);
    grid.check(base.shape(0), base.shape(1)), grid.check(known.shape(1), known.shape(2));
    grid.check(channels.shape(0), channels.shape(1));
    const std::size_t count = taps.shape(0);
    if (known.shape(0) != count || channels.shape(2) < 2 * count + 1) throw std::invalid_argument("too few channels");
    if (scale < 1 || high <= low) throw std::invalid_argument("an empty range");
    nb::gil_scoped_release release;
    const std::int64_t inverse = (std::int64_t{1} << inverse_bits) / scale;
    const std::int64_t inverse_range = (std::int64_t{255} << inverse_bits) / (high - low);
    for (std::size_t row = 0; row < grid.rows; ++row) {
        const std::int32_t* middle = &base(row, 0);
        for (std::size_t i = 0; i < count; ++i) {
            const std::int32_t* pixel = line(planes, grid, taps, i, row);
            std::copy(pixel, pixel + grid.columns, &known(i, row, 0));
            write_distances(pixel, middle, grid.columns, inverse, &channels(row, 0, 2 * i), channels.shape(2));
        }
        std::uint8_t* level = &channels(row, 0, 2 * count);
        for (std::size_t c = 0; c < grid.columns; ++c)
            level[c * channels.shape(2)] = static_cast<std::uint8_t>(
                std::clamp<std::int64_t>((((middle[c] >> 8) - low) * inverse_range) >> inverse_bits, 0, 255));
    }
}

// The distances of a phase just coded from its base: two channels of `channels`, from `first` on.
void errors(Planes planes, std::size_t plane, ConstImage base, std::int64_t scale, Channels channels, std::size_t first) {
    const Grid grid(planes);
    grid.check(base.shape(0), base.shape(1)), grid.check(channels.shape(0), channels.shape(1));
    if (plane > 3 || channels.shape(2) < first + 2 || scale < 1) throw std::invalid_argument("too few channels");
    nb::gil_scoped_release release;
    const std::int64_t inverse = (std::int64_t{1} << inverse_bits) / scale;
    for (std::size_t row = 0; row < grid.rows; ++row)
        write_distances(&planes(plane, row + margin, margin), &base(row, 0), grid.columns, inverse, &channels(row, 0, first),
                        channels.shape(2));
}

}  // namespace

NB_MODULE(native, m) {
    m.doc() = "Fitted filters and network inputs of the pyramid's phases.";
    m.def("interpolate", &interpolate, "planes"_a, "taps"_a, "coefficients"_a, "shift"_a, "base"_a);
    m.def("describe", &describe, "planes"_a, "taps"_a, "base"_a, "scale"_a, "low"_a, "high"_a, "known"_a, "channels"_a);
    m.def("errors", &errors, "planes"_a, "plane"_a, "base"_a, "scale"_a, "channels"_a, "first"_a);
}
