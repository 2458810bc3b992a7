// dicompress.native.lows: low bits of values whose high bits are known.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "arrays.hpp"
#include "bind.hpp"
#include "lows/lows.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;

namespace {

template <class T>
using Rows = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class T>
std::span<const T> all_of(const Rows<T>& rows) {
    return {rows.data(), rows.size()};
}

nb::bytes encode(Rows<std::uint16_t> high, Rows<std::uint64_t> low, int bits) {
    Bytes bytes;
    {
        nb::gil_scoped_release release;
        bytes = encode_lows(all_of(high), all_of(low), high.shape(1), bits);
    }
    return bytes_of(bytes);
}

ArrayOf<std::uint64_t, 2> decode(nb::bytes data, Rows<std::uint16_t> high, int bits) {
    const ByteSpan bytes = span_of(data);
    std::vector<std::uint64_t> low;
    {
        nb::gil_scoped_release release;
        low = decode_lows(bytes, all_of(high), high.shape(1), bits);
    }
    std::uint64_t* to;
    auto found = array_of<std::uint64_t>(to, high.shape(0), high.shape(1));
    std::copy(low.begin(), low.end(), to);
    return found;
}

}  // namespace

void bind_lows(nb::module_& m) {
    m.doc() = "Low bits of values whose high bits are known.";
    m.def("encode", &encode, "high"_a, "low"_a, "bits"_a, "(rows, columns) uint16 and uint64, of which 1 to 48 bits are coded.");
    m.def("decode", &decode, "data"_a, "high"_a, "bits"_a, "The inverse: (rows, columns) uint64.");
}
