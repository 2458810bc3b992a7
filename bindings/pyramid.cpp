// dicompress.native.pyramid: the model; what training takes of it is in training.cpp.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <cstring>

#include "bind.hpp"
#include "images.hpp"
#include "pyramid/model.hpp"
#include "pyramid/reference.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;
using namespace dicompress::pyramid;

namespace {

nb::bytes header_of(const Pyramid& model, Image image, nb::handle values, const std::vector<Image>& references,
                    int threads) {
    for (const Image& reference : references) check_shape(reference, view_of(image).shape);
    const Sources sources(references);
    const Values found = values_of(values);
    Bytes bytes;
    {
        nb::gil_scoped_release release;
        Workers workers(threads);
        Context context{workers, memory()};
        bytes = model.header(ImageSource(image), found, sources.all, context);
    }
    return bytes_of(bytes);
}

std::vector<double> estimate(const Pyramid& model, Image image, nb::handle values,
                             const std::vector<std::vector<Image>>& choices, int threads) {
    std::vector<Sources> sources;
    std::vector<std::vector<const Source*>> all;
    for (const auto& choice : choices) all.push_back(sources.emplace_back(choice).all);
    const Values found = values_of(values);
    nb::gil_scoped_release release;
    Workers workers(threads);
    Context context{workers, memory()};
    return model.estimate(ImageSource(image), found, all, context);
}

// A tile, with all that it must not outlive.
class TileForTests {
public:
    TileForTests(const Pyramid& model, nb::bytes header, std::pair<std::int32_t, std::int32_t> shape, nb::handle values,
                 int levels, std::vector<Image> references, int level, int threads)
        : references_(std::move(references)), workers_(threads), context_{workers_, memory()} {
        const Shape of{shape.first, shape.second};
        std::vector<View<const std::int32_t>> views;
        for (const Image& reference : references_) {
            if (views.size() < pyramid::most_blended) check_shape(reference, reduced(of, level));
            views.push_back(view_of(reference));
        }
        tile_ = model.tile(span_of(header), of, values_of(values), levels, views, level, context_);
    }

    using Sizes = nb::typed<nb::tuple, std::size_t, std::int32_t, std::int32_t, int>;
    nb::typed<nb::list, Sizes> tensors() const {
        nb::list found;
        for (const Tile::Tensor& t : tile_->tensors())
            found.append(nb::make_tuple(t.channels, t.rows, t.columns, t.level));
        return found;
    }

    void analyse(Image pixels) { tile_->analyse(view_of(pixels)); }

    // As many runs of rows, the last one first, each by whichever thread. (parameters, base or None, known or None,
    // spec)
    using Predicted = nb::typed<nb::tuple, ArrayOf<float, 3>, std::optional<ArrayOf<std::int32_t, 2>>,
                                std::optional<ArrayOf<std::int32_t, 3>>, MixtureSpec>;
    Predicted predict(std::size_t k, std::int32_t runs) {
        const Tile::Tensor& tensor = tile_->tensors().at(k);
        {
            nb::gil_scoped_release release;
            prediction_ = tile_->predict(k);
            rows_ = tensor.rows;
            workers_.each(static_cast<std::size_t>(runs), [&](std::size_t i) {
                const auto left = runs - static_cast<std::int32_t>(i);
                if (tensor.size()) prediction_->prepare(rows_ * (left - 1) / runs, rows_ * left / runs);
            });
        }
        const Band band = prediction_->band(0, rows_);
        const std::size_t rows = band.rows, columns = band.columns;
        float* parameters;
        std::int32_t *base = nullptr, *known = nullptr;
        const auto planes = static_cast<std::size_t>(3 * prediction_->spec.components);
        nb::object results[] = {array_of(parameters, planes, rows, columns), nb::none(), nb::none()};
        for (std::size_t p = 0; p < planes; ++p)
            for (std::size_t r = 0; r < rows; ++r)
                std::copy_n(band.parameters + p * band.plane + r * band.stride, columns,
                            parameters + (p * rows + r) * columns);
        const auto copy = [&](const Integers& from, std::int32_t* to) {
            for (std::size_t r = 0; r < rows; ++r) std::copy_n(from.data + r * from.stride, columns, to + r * columns);
        };
        if (band.base) results[1] = array_of(base, rows, columns), copy(band.base, base);
        if (band.known[0]) {
            results[2] = array_of(known, band.known.size(), rows, columns);
            for (std::size_t p = 0; p < band.known.size(); ++p)
                if (band.known[p]) copy(band.known[p], known + p * rows * columns);
        }
        return nb::make_tuple(results[0], results[1], results[2], prediction_->spec);
    }

    // What the coder does with the symbols of the tensor that was predicted.
    ArrayOf<std::int32_t, 2> symbols() {
        const Band band = prediction_->band(0, rows_);
        std::int32_t* numbers;
        const auto array = array_of(numbers, band.rows, band.columns);
        for (std::size_t r = 0; r < band.rows; ++r)
            std::copy_n(band.symbols + r * band.symbol_stride, band.columns, numbers + r * band.columns);
        return array;
    }
    void put(Image symbols) {
        const Band band = prediction_->band(0, rows_);
        check_shape(symbols, {static_cast<std::int32_t>(band.rows), static_cast<std::int32_t>(band.columns)});
        for (std::size_t r = 0; r < band.rows; ++r)
            std::copy_n(symbols.data() + r * band.columns, band.columns, band.symbols + r * band.symbol_stride);
    }

    ArrayOf<std::int32_t, 2> synthesise(int level, std::pair<std::int32_t, std::int32_t> shape) {
        std::int32_t* numbers;
        const auto array = array_of(numbers, shape.first, shape.second);
        tile_->synthesise(level, {numbers, {shape.first, shape.second}});
        return array;
    }

private:
    std::vector<Image> references_;
    Workers workers_;
    Context context_;
    std::unique_ptr<Tile> tile_;
    std::unique_ptr<Prediction> prediction_;
    std::int32_t rows_ = 0;
};

}  // namespace

void bind_pyramid(nb::module_& m) {
    m.doc() = "The model `pyramid`; its filters and inputs, for training.";
    nb::class_<Pyramid, Model>(m, "Pyramid")
        .def(
            "__init__", [](Pyramid* self, nb::bytes weights) { new (self) Pyramid(span_of(weights), memory()); },
            "weights"_a)
        .def_static(
            "installed",
            [](nb::bytes hash) -> std::unique_ptr<Pyramid> {
                Hash found{};
                if (hash.size() != found.size()) return nullptr;
                std::memcpy(found.data(), hash.c_str(), found.size());
                return Pyramid::installed(found, memory());
            },
            nb::sig("def installed(hash: bytes) -> Pyramid | None"), "hash"_a,
            "None if the library does not carry these weights.")
        .def_static("all_installed", []() -> ListOfBytes {
            nb::list found;
            for (const Hash& hash : Pyramid::installed()) found.append(bytes_of(hash));
            return found;
        })
        .def_static("current", [] { return bytes_of(Pyramid::current()); }, "The hash with which streams are written.")
        .def("header", &header_of, "image"_a, "values"_a, "references"_a = std::vector<Image>(), "threads"_a = 1)
        .def("estimate", &estimate, "image"_a, "values"_a, "choices"_a, "threads"_a = 1);
    nb::class_<TileForTests>(m, "Tile")
        .def(nb::init<const Pyramid&, nb::bytes, std::pair<std::int32_t, std::int32_t>, nb::handle, int,
                      std::vector<Image>, int, int>(),
             nb::keep_alive<1, 2>(), "model"_a, "header"_a, "shape"_a, "values"_a, "levels"_a,
             "references"_a = std::vector<Image>(), "level"_a = 0, "threads"_a = 1)
        .def_prop_ro("tensors", &TileForTests::tensors)
        .def("analyse", &TileForTests::analyse, "pixels"_a)
        .def("predict", &TileForTests::predict, "k"_a, "runs"_a = 1)
        .def_prop_ro("symbols", &TileForTests::symbols)
        .def("put", &TileForTests::put, "symbols"_a)
        .def("synthesise", &TileForTests::synthesise, "level"_a, "shape"_a);
    bind_training(m);
}
