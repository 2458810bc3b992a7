// Arrays and bytes that come from Python and go there.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace nb = nanobind;

namespace dicompress::bench {

using Bytes = std::vector<std::uint8_t>;
using Pixel = std::uint16_t;
using Pixels = nb::ndarray<const Pixel, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using OutPixels = nb::ndarray<Pixel, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Places = nb::ndarray<std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Image = nb::ndarray<const Pixel, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using OutImage = nb::ndarray<Pixel, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

inline nb::bytes to_python(const Bytes& data) { return nb::bytes(reinterpret_cast<const char*>(data.data()), data.size()); }

struct Input {
    const std::uint8_t* at;
    const std::uint8_t* end;

    explicit Input(const nb::bytes& data)
        : at(reinterpret_cast<const std::uint8_t*>(data.c_str())), end(at + data.size()) {}
    std::uint32_t byte() {
        if (at == end) throw std::invalid_argument("the data end too early");
        return *at++;
    }
};

}  // namespace dicompress::bench
