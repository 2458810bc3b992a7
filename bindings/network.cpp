// dicompress.native.network: the integer networks, for tests and for the export of trained ones.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <stdexcept>

#include "arrays.hpp"
#include "base/digest.hpp"
#include "bind.hpp"
#include "network/weights.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;

namespace {

// (rows, columns, channels), C order.
using Activations = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

struct Rows final : Network::Input {
    Activations from;
    mutable std::vector<std::int32_t> asked;

    explicit Rows(Activations from) : from(std::move(from)) {}
    void row(std::int32_t row, std::uint8_t* to) const override {
        const std::size_t size = from.shape(1) * from.shape(2);
        std::memcpy(to, from.data() + static_cast<std::size_t>(row) * size, size);
        asked.push_back(row);
    }
};

// ((3K, rows, columns) float32, features or None, rows that were asked for); what was not computed is 0.
using Computed = nb::typed<nb::tuple, ArrayOf<float, 3>, std::optional<ArrayOf<std::uint8_t, 3>>, std::vector<std::int32_t>>;
Computed run(const Network& network, Activations x, std::optional<Activations> features, std::int32_t first,
             std::optional<std::int32_t> last, std::optional<Kernel> kernel) {
    const std::size_t rows = x.shape(0), columns = x.shape(1);
    const auto wanted = static_cast<std::size_t>(network.features_in());
    if (x.shape(2) != static_cast<std::size_t>(network.inputs())) throw std::invalid_argument("x has another number of channels");
    if (features.has_value() != (wanted > 0) ||
        (features && (features->shape(0) != rows || features->shape(1) != columns || features->shape(2) != wanted)))
        throw std::invalid_argument("the features are of another shape");
    float* parameters;
    std::uint8_t* after = nullptr;
    nb::object result = array_of(parameters, 3 * network.components(), rows, columns), next = nb::none();
    if (network.features_out()) next = array_of(after, rows, columns, network.features_out());
    const Rows input(std::move(x));
    {
        nb::gil_scoped_release release;
        network.run(input, features ? features->data() : nullptr,
                    {static_cast<std::int32_t>(rows), static_cast<std::int32_t>(columns)}, first,
                    last.value_or(static_cast<std::int32_t>(rows)), parameters, rows * columns, columns, after,
                    std::pmr::get_default_resource(), kernel.value_or(best_kernel()));
    }
    return nb::make_tuple(result, next, input.asked);
}

}  // namespace

void bind_network(nb::module_& m) {
    m.doc() = "Integer networks: of one phase, and those of a file of weights.";
    nb::enum_<Kernel>(m, "Kernel")
        .value("generic", Kernel::generic)
        .value("avx2", Kernel::avx2)
        .value("vnni", Kernel::vnni)
        .value("neon", Kernel::neon);
    m.def("kernels", &kernels, "Those that this processor can run.");
    m.def("best_kernel", &best_kernel);
    nb::class_<Network>(m, "Network")
        .def("__init__",
             [](Network* self, nb::bytes data) {
                 Reader reader(span_of(data));
                 Network network = Network::read(reader, std::pmr::get_default_resource());
                 reader.finish();
                 new (self) Network(std::move(network));
             })
        .def_prop_ro("inputs", &Network::inputs)
        .def_prop_ro("features_in", &Network::features_in)
        .def_prop_ro("features_out", &Network::features_out)
        .def_prop_ro("components", &Network::components)
        .def("run", &run, "x"_a, "features"_a.none() = nb::none(), "first"_a = 0, "last"_a.none() = nb::none(),
             "kernel"_a.none() = nb::none(),
             "x: uint8 (rows, columns, channels). ((3 * components, rows, columns) float32, features or None, rows of x that were "
             "asked for, in order); of rows first to last, the rest is 0.");
    nb::class_<Weights>(m, "Weights")
        .def("__init__",
             [](Weights* self, nb::bytes data) {
                 new (self) Weights(read_weights(span_of(data), std::pmr::get_default_resource()));
             })
        .def_ro("references", &Weights::references)
        .def_prop_ro("former_jpegs", &Weights::former_jpegs)
        .def_prop_ro(
            "networks",
            [](const Weights& self) {
                std::vector<const Network*> found;
                for (const Network& network : self.networks) found.push_back(&network);
                return found;
            },
            nb::rv_policy::reference_internal);
    m.def("hash", [](nb::bytes data) {
        Bytes hash;
        put_little_endian(hash, digest_of(span_of(data)));
        return bytes_of(hash);
    }, "XXH64 of a file of weights, 8 bytes, little-endian: what streams name a model by.");
    m.def("installed_weights", []() -> ListOfBytes {
        nb::list found;
        for (ByteSpan file : installed_weights()) found.append(bytes_of(file));
        return found;
    }, "The files of weights that the library carries.");
}
