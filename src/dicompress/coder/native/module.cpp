// Python bindings: dicompress.coder.native.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <stdexcept>

#include "adaptation.hpp"
#include "arithmetic.hpp"
#include "bins.hpp"
#include "range_coder.hpp"
#include "regression.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;

namespace {

// (symbols * 3K, rows, columns), C order; floats that hold integers.
using Parameters = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
// (symbols, rows, columns) with rows and columns at most those of the parameters.
using Symbols = nb::ndarray<std::int32_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using ConstSymbols = nb::ndarray<const std::int32_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

// (rows, columns) like the parameters; in 1/256 of a value.
using Base = std::optional<nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>>;

// (4, rows, columns) like the parameters: values of known pixels around every symbol.
using Known = std::optional<nb::ndarray<const std::int32_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>>;

// What the network says of a tensor of `channels` planes.
struct Prediction {
    Parameters parameters;
    Base base;
    Known known;
    const MixtureSpec& spec;
    Parts parts = {};

    std::size_t stride() const { return parameters.shape(2); }
    std::size_t plane() const { return parameters.shape(1) * stride(); }

    void check(std::size_t channels, std::size_t rows, std::size_t columns) const {
        spec.check();
        if (parameters.shape(0) != channels * 3 * spec.components || parameters.shape(1) < rows || stride() < columns)
            throw std::invalid_argument("parameters and symbols differ in shape");
        if (base && (base->shape(0) != parameters.shape(1) || base->shape(1) != stride()))
            throw std::invalid_argument("parameters and base differ in shape");
        if (known && (channels != 1 || known->shape(0) != Regression::known_pixels ||
                      known->shape(1) != parameters.shape(1) || known->shape(2) != stride()))
            throw std::invalid_argument("known pixels need one channel and the parameters' shape");
    }
};

// Calls code(mixture, symbol), which returns the bin coded, for the lines [first, last) of a tensor, row after row, in each
// channel after channel. before(line, column, place, mixture) and after(symbol, bin, mixture) adapt.
template <class Array, class Code, class Before, class After>
void walk_lines(const Array& symbols, const Prediction& p, std::size_t first, std::size_t last, Code code, Before before,
                After after) {
    const std::size_t channels = symbols.shape(0), rows = symbols.shape(1), columns = symbols.shape(2);
    const std::size_t stride = p.stride(), plane = p.plane();
    Mixture mixture(p.spec, p.known.has_value());
    for (std::size_t line = first; line < last; ++line) {
        const std::size_t channel = line % channels, row = line / channels;
        const float* parameter = p.parameters.data() + channel * 3 * p.spec.components * plane + row * stride;
        const std::int32_t* zero = p.base ? p.base->data() + row * stride : nullptr;
        auto* symbol = symbols.data() + (channel * rows + row) * columns;
        for (std::size_t column = 0; column < columns; ++column) {
            mixture.load(parameter + column, static_cast<std::int64_t>(plane), zero ? zero[column] : 0);
            before(line - first, column, row * stride + column, mixture);
            const Bin bin = code(mixture, symbol[column]);
            after(symbol[column], bin, mixture);
        }
    }
}

// `walk_lines` with the regression where known pixels are given, else with the filter, or with neither.
template <class Array, class Code>
void walk(const Array& symbols, const Prediction& p, std::size_t first, std::size_t last, Code code) {
    const std::size_t channels = symbols.shape(0), rows = symbols.shape(1), columns = symbols.shape(2);
    p.check(channels, rows, columns);
    if (first > last || last > channels * rows || first % channels) throw std::invalid_argument("lines out of range");
    if (!p.spec.adaptive) {
        walk_lines(symbols, p, first, last, code, [](auto&&...) {}, [](auto&&...) {});
    } else if (p.known) {
        Regression regression(p.spec, last - first, columns, p.parts);
        const std::int32_t* known = p.known->data();
        const std::size_t plane = p.plane();
        walk_lines(
            symbols, p, first, last, code,
            [&](std::size_t line, std::size_t column, std::size_t place, Mixture& mixture) {
                const std::int32_t* k = known + place;
                regression.before(line, column, {k[0], k[plane], k[2 * plane], k[3 * plane]}, mixture);
            },
            [&](std::int32_t symbol, const Bin& bin, const Mixture& mixture) { regression.after(symbol, bin, mixture); });
    } else {
        Adaptation adaptation(p.spec, channels, last - first, columns);
        walk_lines(
            symbols, p, first, last, code,
            [&](std::size_t line, std::size_t column, std::size_t, Mixture& mixture) {
                adaptation.before(line, column, mixture);
            },
            [&](std::int32_t symbol, const Bin& bin, const Mixture& mixture) { adaptation.after(symbol, bin, mixture); });
    }
}

void check_symbol(const MixtureSpec& spec, std::int32_t symbol) {
    if (symbol < spec.low || symbol > spec.high) throw std::invalid_argument("a symbol lies outside low to high");
}

// Codes symbols; with an error allowed they become what the decoder will give.
nb::bytes encode(Symbols symbols, Parameters parameters, Base base, Known known, const MixtureSpec& spec,
                 std::size_t first, std::size_t last) {
    std::vector<std::uint8_t> bytes;
    {
        nb::gil_scoped_release release;
        RangeEncoder encoder;
        const Bins bins(spec);
        walk(symbols, {parameters, base, known, spec}, first, last, [&](const Mixture& mixture, std::int32_t& symbol) {
            check_symbol(spec, symbol);
            const Bin bin = bins.find(symbol, mixture);
            encoder.encode(mixture.cdf(bin.first), mixture.cdf(bin.last + 1));
            if (spec.near) symbol = static_cast<std::int32_t>(bins.representative(bin, mixture));
            return bin;
        });
        bytes = encoder.finish();
    }
    return nb::bytes(bytes.data(), bytes.size());
}

void decode(nb::bytes data, Symbols symbols, Parameters parameters, Base base, Known known, const MixtureSpec& spec,
            std::size_t first, std::size_t last) {
    const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(data.c_str()), data.size());
    nb::gil_scoped_release release;
    RangeDecoder decoder(bytes);
    const Bins bins(spec);
    walk(symbols, {parameters, base, known, spec}, first, last, [&](const Mixture& mixture, std::int32_t& symbol) {
        std::int64_t begin, end;
        const std::int64_t value = mixture.find(decoder.target(), begin, end);
        const Bin bin = bins.find(value, mixture);
        if (spec.near) begin = mixture.cdf(bin.first), end = mixture.cdf(bin.last + 1);
        decoder.skip(begin, end);
        symbol = static_cast<std::int32_t>(bins.representative(bin, mixture));
        return bin;
    });
    decoder.finish();
}

double code_length(ConstSymbols symbols, Parameters parameters, Base base, Known known, const MixtureSpec& spec, bool shift,
                   bool width, bool flat) {
    double bits = 0;
    nb::gil_scoped_release release;
    walk(symbols, {parameters, base, known, spec, {shift, width, flat}}, 0, symbols.shape(0) * symbols.shape(1),
         [&](const Mixture& mixture, std::int32_t symbol) {
             check_symbol(spec, symbol);
             const auto parts = mixture.cdf(std::int64_t{symbol} + 1) - mixture.cdf(symbol);
             bits += probability_bits - std::log2(static_cast<double>(parts));
             return Bin{symbol, symbol};
         });
    return bits;
}

}  // namespace

NB_MODULE(native, m) {
    m.doc() = "Mixture CDFs from integer tables and the range coder.";
    if (!rounds_every_operation()) throw std::runtime_error("compiled with fused arithmetic: streams would not be portable");
    nb::exception<DamagedStream>(m, "DamagedStream", PyExc_ValueError);
    nb::class_<MixtureSpec>(m, "MixtureSpec")
        .def(
            "__init__",
            [](MixtureSpec* self, int components, std::int64_t scale, std::int64_t low, std::int64_t high, bool logistic,
               bool adaptive, std::int64_t near, std::vector<std::pair<std::int64_t, std::int64_t>> exact) {
                new (self) MixtureSpec{components, scale, low, high, logistic, adaptive, near, std::move(exact)};
                self->check();
            },
            "components"_a, "scale"_a, "low"_a, "high"_a, "logistic"_a, "adaptive"_a, "near"_a, "exact"_a)
        .def_ro("components", &MixtureSpec::components)
        .def_ro("low", &MixtureSpec::low)
        .def_ro("high", &MixtureSpec::high);
    m.def("encode", &encode, "symbols"_a, "parameters"_a, "base"_a.none(), "known"_a.none(), "spec"_a, "first"_a, "last"_a);
    m.def("decode", &decode, "data"_a, "symbols"_a, "parameters"_a, "base"_a.none(), "known"_a.none(), "spec"_a, "first"_a, "last"_a);
    m.def("code_length", &code_length, "symbols"_a, "parameters"_a, "base"_a.none(), "known"_a.none(), "spec"_a, "shift"_a,
          "width"_a, "flat"_a, "Sum of -log2 p in bits: what no coder with these probabilities can go below.");
}
