// dicompress.native.coder: tensors under given mixtures.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "coder/coder.hpp"
#include "coder/table.hpp"
#include "tensors.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;

namespace {

Band band_of(const MixtureArrays& tensor, const MixtureSpec& spec, std::size_t first, std::size_t last) {
    tensor.check(spec);
    return tensor.band(spec, first, last);
}

// Codes symbols; with an error allowed they become what the decoder will give.
std::pair<nb::bytes, bool> encode_rows(Symbols symbols, Parameters parameters, Base base, Known known,
                                       const MixtureSpec& spec, std::size_t first, std::size_t last, Vectors vectors) {
    const Band band = band_of({symbols, parameters, base, known}, spec, first, last);
    std::vector<std::uint8_t> bytes;
    bool lanes_used;
    {
        nb::gil_scoped_release release;
        bytes = encode(band, lanes_used, vectors, std::pmr::get_default_resource());
    }
    return {nb::bytes(bytes.data(), bytes.size()), lanes_used};
}

void decode_rows(nb::bytes data, bool lanes_used, Symbols symbols, Parameters parameters, Base base, Known known,
                 const MixtureSpec& spec, std::size_t first, std::size_t last, Vectors vectors) {
    const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(data.c_str()), data.size());
    const Band band = band_of({symbols, parameters, base, known}, spec, first, last);
    nb::gil_scoped_release release;
    decode(band, bytes, lanes_used, vectors, std::pmr::get_default_resource());
}

double code_length_of_tensor(Symbols symbols, Parameters parameters, Base base, Known known, const MixtureSpec& spec,
                             bool shift, bool width, bool flat) {
    Band band = band_of({symbols, parameters, base, known}, spec, 0, symbols.shape(1));
    band.parts = {shift, width, flat};
    nb::gil_scoped_release release;
    return code_length(band, std::pmr::get_default_resource());
}

using Values = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

nb::bytes table_of(Values values) {
    const Bytes bytes = write_table({values.data(), values.size()});
    return nb::bytes(bytes.data(), bytes.size());
}

nb::ndarray<nb::numpy, std::int32_t, nb::ndim<1>> values_of(nb::bytes data, std::int32_t low, std::int32_t high) {
    const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(data.c_str()), data.size());
    auto* values = new std::vector<std::int32_t>(read_table(bytes, low, high));
    nb::capsule owner(values, [](void* kept) noexcept { delete static_cast<std::vector<std::int32_t>*>(kept); });
    return {values->data(), {values->size()}, owner};
}

}  // namespace

void bind_coder(nb::module_& m) {
    m.doc() = "Mixtures of sixteen lanes, their adaptation, and the coder.";
    nb::class_<MixtureSpec>(m, "MixtureSpec")
        .def(
            "__init__",
            [](MixtureSpec* self, int components, std::int64_t scale, std::int64_t low, std::int64_t high,
               bool logistic, bool adaptive, std::int64_t near,
               std::vector<std::pair<std::int64_t, std::int64_t>> exact) {
                new (self) MixtureSpec{components, scale, low, high, logistic, adaptive, near, std::move(exact)};
                self->check();
            },
            "components"_a, "scale"_a, "low"_a, "high"_a, "logistic"_a, "adaptive"_a, "near"_a, "exact"_a)
        .def_ro("components", &MixtureSpec::components)
        .def_ro("low", &MixtureSpec::low)
        .def_ro("high", &MixtureSpec::high);
    nb::enum_<Vectors>(m, "Vectors").value("plain", Vectors::plain).value("avx2", Vectors::avx2)
        .value("avx512", Vectors::avx512);
    m.def("best_vectors", &best_vectors, "The widest that this processor has: what coding takes if it is not told.");
    m.def("encode", &encode_rows, "symbols"_a, "parameters"_a, "base"_a.none(), "known"_a.none(), "spec"_a, "first"_a,
          "last"_a, "vectors"_a = best_vectors(),
          "(bytes, whether they have states); symbols become what decoding gives.");
    m.def("decode", &decode_rows, "data"_a, "states"_a, "symbols"_a, "parameters"_a, "base"_a.none(), "known"_a.none(),
          "spec"_a, "first"_a, "last"_a, "vectors"_a = best_vectors());
    m.def("code_length", &code_length_of_tensor, "symbols"_a, "parameters"_a, "base"_a.none(), "known"_a.none(),
          "spec"_a, "shift"_a, "width"_a, "flat"_a,
          "Sum of -log2 p in bits: what no coder with these probabilities can go below.");
    m.def("write_table", &table_of, "values"_a, "Strictly ascending int32 values, 2 to 65536, in few bytes.");
    m.def("read_table", &values_of, "data"_a, "low"_a, "high"_a, "The inverse; low, high: the first and last value.");
}
