// Tensors of Python's under mixtures, as a coder.MixtureTensor has them, as bands.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <optional>
#include <stdexcept>

#include "coder/band.hpp"

// (channels * 3K, rows, columns), C order; floats that hold integers.
using Parameters = nanobind::ndarray<const float, nanobind::ndim<3>, nanobind::c_contig, nanobind::device::cpu>;
// (channels, rows, columns) with rows and columns at most those of the parameters.
using Symbols = nanobind::ndarray<std::int32_t, nanobind::ndim<3>, nanobind::c_contig, nanobind::device::cpu>;
// (rows, columns) like the parameters; in 1/256 of a value.
using Base = std::optional<nanobind::ndarray<const std::int32_t, nanobind::ndim<2>, nanobind::c_contig, nanobind::device::cpu>>;
// (4, rows, columns) like the parameters: values of known pixels around every symbol.
using Known = std::optional<nanobind::ndarray<const std::int32_t, nanobind::ndim<3>, nanobind::c_contig, nanobind::device::cpu>>;

struct MixtureArrays {
    Symbols symbols;
    Parameters parameters;
    Base base;
    Known known;

    void check(const dicompress::MixtureSpec& spec) const {
        const std::size_t channels = symbols.shape(0), rows = symbols.shape(1), columns = symbols.shape(2);
        spec.check();
        if (parameters.shape(0) != channels * 3 * static_cast<std::size_t>(spec.components) || parameters.shape(1) < rows ||
            parameters.shape(2) < columns)
            throw std::invalid_argument("parameters and symbols differ in shape");
        if (base && (base->shape(0) != parameters.shape(1) || base->shape(1) != parameters.shape(2)))
            throw std::invalid_argument("parameters and base differ in shape");
        if (known && (channels != 1 || known->shape(0) != dicompress::known_pixels || known->shape(1) != parameters.shape(1) ||
                      known->shape(2) != parameters.shape(2)))
            throw std::invalid_argument("known pixels need one channel and the parameters' shape");
        if (rows > dicompress::most_side || columns > dicompress::most_side) throw std::invalid_argument("a side is too long");
    }

    // Rows first to last, without last. Needs no interpreter's lock.
    dicompress::Band band(const dicompress::MixtureSpec& spec, std::size_t first, std::size_t last) const {
        const std::size_t rows = symbols.shape(1), columns = symbols.shape(2), stride = parameters.shape(2), plane = parameters.shape(1) * stride;
        if (first > last || last > rows) throw std::invalid_argument("rows out of range");
        const auto at = [&](const std::int32_t* numbers) { return dicompress::Integers{numbers + first * stride, stride}; };
        dicompress::Band band{spec, symbols.shape(0), last - first, columns, symbols.data() + first * columns, rows * columns, columns,
                              parameters.data() + first * stride, plane, stride};
        if (base) band.base = at(base->data());
        for (std::size_t k = 0; known && k < dicompress::known_pixels; ++k) band.known[k] = at(known->data() + k * plane);
        return band;
    }
};
