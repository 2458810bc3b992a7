// dicompress.native.pyramid: the model, and of its parts what training and tests take.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <memory>
#include <stdexcept>

#include "bind.hpp"
#include "pyramid/fit.hpp"
#include "pyramid/inputs.hpp"
#include "pyramid/model.hpp"
#include "pyramid/sample.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;
using namespace dicompress::pyramid;

namespace {

// (rows, columns), C order.
using Image = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using MaybeImage = std::optional<Image>;

std::pmr::memory_resource* memory() { return std::pmr::new_delete_resource(); }

ByteSpan span_of(nb::bytes data) { return {reinterpret_cast<const std::uint8_t*>(data.c_str()), data.size()}; }

template <class Container>
nb::bytes bytes_of(const Container& bytes) {
    return nb::bytes(bytes.data(), bytes.size());
}

View<const std::int32_t> view_of(const Image& image) {
    return {image.data(), {static_cast<std::int32_t>(image.shape(0)), static_cast<std::int32_t>(image.shape(1))}};
}

template <class T, class... Sizes>
nb::object array_of(T*& data, Sizes... sizes) {
    data = new T[(std::size_t{1} * ... * static_cast<std::size_t>(sizes))]();
    const auto free = [](void* p) noexcept { delete[] static_cast<T*>(p); };
    return nb::cast(nb::ndarray<nb::numpy, T>(data, {static_cast<std::size_t>(sizes)...}, nb::capsule(data, free)));
}

// dicompress.models.Values.
Values values_of(nb::handle values) {
    const auto listed =
        nb::cast<std::optional<nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig>>>(values.attr("listed"));
    Runs exact;
    for (nb::handle run : values.attr("exact"))
        exact.emplace_back(nb::cast<std::int32_t>(run[0]), nb::cast<std::int32_t>(run[1]));
    return {nb::cast<std::int32_t>(values.attr("low")), nb::cast<std::int32_t>(values.attr("high")),
            nb::cast<std::int32_t>(values.attr("near")), std::move(exact),
            listed ? std::vector<std::int32_t>(listed->data(), listed->data() + listed->size())
                   : std::vector<std::int32_t>()};
}

class Pixels final : public Source {
public:
    explicit Pixels(const Image& image) : Source(view_of(image).shape), view_(view_of(image)) {}

    void gather(std::span<const std::int32_t> rows, std::span<const std::int32_t> columns,
                View<std::int32_t> to) const override {
        for (std::size_t r = 0; r < rows.size(); ++r)
            for (std::size_t c = 0; c < columns.size(); ++c)
                to.at(static_cast<std::ptrdiff_t>(r), static_cast<std::ptrdiff_t>(c)) = view_.at(rows[r], columns[c]);
    }

private:
    View<const std::int32_t> view_;
};

// Of a Python list; arrays stay alive with it.
struct Sources {
    explicit Sources(const std::vector<Image>& images) {
        for (const Image& image : images) owned.push_back(std::make_unique<Pixels>(image));
        for (const auto& source : owned) all.push_back(source.get());
    }

    std::vector<std::unique_ptr<Pixels>> owned;
    std::vector<const Source*> all;
};

void check_shape(const Image& image, Shape shape) {
    if (view_of(image).shape != shape) throw std::invalid_argument("arrays differ in shape");
}

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
        bytes = model.header(Pixels(image), found, sources.all, context);
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
    return model.estimate(Pixels(image), found, all, context);
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

    nb::list tensors() const {
        nb::list found;
        for (const Tile::Tensor& t : tile_->tensors())
            found.append(nb::make_tuple(t.channels, t.rows, t.columns, t.level));
        return found;
    }

    void analyse(Image pixels) { tile_->analyse(view_of(pixels)); }

    // As many runs of rows, the last one first, each by whichever thread. (parameters, base or None, known or None,
    // spec)
    nb::tuple predict(std::size_t k, std::int32_t runs) {
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
    nb::object symbols() {
        const Band band = prediction_->band(0, rows_);
        std::int32_t* numbers;
        nb::object array = array_of(numbers, band.rows, band.columns);
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

    nb::object synthesise(int level, std::pair<std::int32_t, std::int32_t> shape) {
        std::int32_t* numbers;
        nb::object array = array_of(numbers, shape.first, shape.second);
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

Planes planes_of(const Image& pixels) {
    Planes planes(view_of(pixels).shape, memory());
    planes.split(view_of(pixels));
    return planes;
}

// The sample of an image.
Planes sample_of(const Image& pixels) {
    const Grid<std::int32_t> found = sample(Pixels(pixels), 0, memory());
    Planes planes(found.shape(), memory());
    planes.split(found.view());
    return planes;
}

std::vector<Filter> fit_level_of(Image pixels, MaybeImage reference, std::size_t fewest) {
    if (reference) check_shape(*reference, view_of(pixels).shape);
    nb::gil_scoped_release release;
    Planes its;
    if (reference) its = sample_of(*reference);
    const Filters filters = fit_level(sample_of(pixels), reference ? &its : nullptr, memory(), fewest);
    return {filters.begin(), filters.end()};
}

// (base, known, inputs) of D, H and V.
nb::list describe(Image pixels, std::int32_t low, std::int32_t high, const std::vector<Filter>& filters, int number,
                  std::int32_t coarser_scale, bool blocks, std::pair<std::int32_t, std::int32_t> origin,
                  MaybeImage reference, bool references) {
    if (filters.size() != pyramid::phases) throw std::invalid_argument("a filter a phase");
    if (high <= low) throw std::invalid_argument("an empty range");
    if (reference) check_shape(*reference, view_of(pixels).shape);
    LevelHeader header{{filters[0], filters[1], filters[2]}, number, coarser_scale, blocks};
    Planes planes = planes_of(pixels);
    planes.complete(0);
    std::optional<Reference> its;
    if (reference) its.emplace(planes_of(*reference), header.filters, nullptr, memory());
    const Shape grid = planes.grid();
    Grid<std::int32_t> bases[2] = {{grid, memory()}, {grid, memory()}}, copied(grid, memory());
    nb::list found;
    for (int phase = 1; phase <= pyramid::phases; ++phase) {
        const Phase of{.planes = planes,
                       .number = phase,
                       .header = header,
                       .low = low,
                       .high = high,
                       .reference = its ? &*its : nullptr,
                       .references = references,
                       .base = bases[phase % 2],
                       .copied = copied,
                       .before = phase > 1 ? &bases[(phase + 1) % 2] : nullptr,
                       .origin = {origin.first, origin.second}};
        std::int32_t *base, *known;
        std::uint8_t* inputs;
        found.append(nb::make_tuple(array_of(base, grid.rows, grid.columns),
                                    array_of(known, neighbours, grid.rows, grid.columns),
                                    array_of(inputs, grid.rows, grid.columns, of.inputs())));
        const Inputs rows(of, 0, grid.rows, memory());
        const auto columns = static_cast<std::size_t>(grid.columns);
        for (std::int32_t r = 0; r < grid.rows; ++r) {
            rows.row(r, inputs + static_cast<std::size_t>(r) * columns * static_cast<std::size_t>(of.inputs()));
            for (int k = 0; k < neighbours; ++k)
                std::copy_n(k == 1 && its ? copied.row(r) : planes.at(neighbour(phase, k), r), columns,
                            known + static_cast<std::size_t>(k) * grid.size() + static_cast<std::size_t>(r) * columns);
        }
        std::copy_n(bases[phase % 2].data(), grid.size(), base);
        planes.complete(phase);
    }
    return found;
}

// ([gains], offset)
nb::tuple fit_blend_of(Image image, const std::vector<Image>& references, nb::handle values) {
    if (references.empty() || references.size() > pyramid::most_blended)
        throw std::invalid_argument("one or two references");
    std::vector<Grid<std::int32_t>> samples;
    std::vector<const Grid<std::int32_t>*> pointers;
    samples.push_back(sample(Pixels(image), 0, memory()));
    for (const Image& reference : references) {
        check_shape(reference, view_of(image).shape);
        samples.push_back(sample(Pixels(reference), 0, memory()));
    }
    for (std::size_t k = 1; k < samples.size(); ++k) pointers.push_back(&samples[k]);
    const Values of = values_of(values);
    std::vector<Blend> found;
    for (const auto* reference : pointers) found.push_back(comparable(samples[0], *reference, of, memory()));
    const Filters filters = fit_level(sample_of(image), nullptr, memory());
    const Blend blend = fit_blend(samples[0], pointers, found, filters, of, memory());
    nb::list gains;
    for (std::size_t k = 0; k < references.size(); ++k) gains.append(blend.gains[k]);
    return nb::make_tuple(nb::tuple(gains), blend.offset);
}

nb::object blend_of(const std::vector<Image>& references, const std::vector<std::int64_t>& gains, std::int64_t offset,
                    nb::handle values) {
    if (references.empty() || references.size() > pyramid::most_blended || references.size() != gains.size())
        throw std::invalid_argument("one or two references, and a gain each");
    std::vector<View<const std::int32_t>> views;
    for (const Image& reference : references) {
        check_shape(reference, view_of(references[0]).shape);
        views.push_back(view_of(reference));
    }
    Blend blend{{gains.front(), gains.back()}, offset};
    Planes planes(views[0].shape, memory());
    blend.of(views, values_of(values), nullptr, planes);
    std::int32_t* pixels;
    nb::object array = array_of(pixels, views[0].shape.rows, views[0].shape.columns);
    planes.join({pixels, views[0].shape});
    return array;
}

template <std::size_t N>
void set(std::array<std::int32_t, N>& to, const std::vector<std::int32_t>& from) {
    if (from.size() > N) throw std::invalid_argument("too many coefficients");
    to = {};
    std::copy(from.begin(), from.end(), to.begin());
}

}  // namespace

void bind_pyramid(nb::module_& m) {
    m.doc() = "The model `pyramid`; its filters and inputs, for training.";
    nb::class_<Filter>(
        m, "Filter",
        "coefficients: one a pair of neighbours, of_reference: of a reference's deviations; zeros behind them.")
        .def(
            "__init__",
            [](Filter* self, const std::vector<std::int32_t>& coefficients, std::int32_t scale,
               const std::vector<std::int32_t>& of_reference) {
                new (self) Filter{};
                set(self->coefficients, coefficients), set(self->of_reference, of_reference);
                self->scale = std::clamp(scale, least_scale, most_scale);
            },
            "coefficients"_a, "scale"_a, "of_reference"_a = std::vector<std::int32_t>())
        .def_prop_ro("coefficients",
                     [](const Filter& f) { return std::vector(f.coefficients.begin(), f.coefficients.end()); })
        .def_prop_ro("of_reference",
                     [](const Filter& f) { return std::vector(f.of_reference.begin(), f.of_reference.end()); })
        .def_ro("scale", &Filter::scale)
        .def("__eq__", [](const Filter& a, const Filter& b) { return a == b; });
    m.def("fit_level", &fit_level_of, "pixels"_a, "reference"_a.none() = nb::none(), "fewest"_a = fewest_fitted,
          "Filters of D, H and V; phases of fewer pixels keep the mean of four neighbours.");
    m.def(
        "has_blocks", [](Image pixels) { return has_blocks(sample(Pixels(pixels), 0, memory()).view()); }, "pixels"_a);
    m.def("fit_blend", &fit_blend_of, "image"_a, "references"_a, "values"_a, "(gains, offset)");
    m.def("blend", &blend_of, "references"_a, "gains"_a, "offset"_a, "values"_a);
    m.def("describe", &describe, "pixels"_a, "low"_a, "high"_a, "filters"_a, "number"_a, "coarser_scale"_a, "blocks"_a,
          "origin"_a = std::pair<std::int32_t, std::int32_t>(0, 0), "reference"_a.none() = nb::none(),
          "references"_a = false, "(base, known, inputs) of D, H and V of one level, of the grid's shape.");
    m.def("channels", &pyramid::channels, "phase"_a, "references"_a, "Of a network's input.");
    m.def("used", &references_at, "phase"_a, "Of these, what is not of a reference.");

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
            "hash"_a, "None if the library does not carry these weights.")
        .def_static("all_installed", [] {
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
}
