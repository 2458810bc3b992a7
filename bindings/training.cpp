// dicompress.native.pyramid: filters, references and inputs, as training and tests take them.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "bind.hpp"
#include "images.hpp"
#include "pyramid/fit.hpp"
#include "pyramid/inputs.hpp"
#include "pyramid/sample.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;
using namespace dicompress::pyramid;

namespace {

using MaybeImage = std::optional<Image>;

Planes planes_of(const Image& pixels) {
    Planes planes(view_of(pixels).shape, memory());
    planes.split(view_of(pixels));
    return planes;
}

// The sample of an image.
Planes sample_of(const Image& pixels) {
    const Grid<std::int32_t> found = sample(ImageSource(pixels), 0, memory());
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
using Described = nb::typed<nb::tuple, ArrayOf<std::int32_t, 2>, ArrayOf<std::int32_t, 3>, ArrayOf<std::uint8_t, 3>>;
nb::typed<nb::list, Described> describe(Image pixels, std::int32_t low, std::int32_t high,
                                        const std::vector<Filter>& filters, int number, std::int32_t coarser_scale,
                                        bool blocks, std::pair<std::int32_t, std::int32_t> origin,
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
using Fitted = nb::typed<nb::tuple, nb::typed<nb::tuple, std::int64_t, nb::ellipsis>, std::int64_t>;
Fitted fit_blend_of(Image image, const std::vector<Image>& references, nb::handle values) {
    if (references.empty() || references.size() > pyramid::most_blended)
        throw std::invalid_argument("one or two references");
    std::vector<Grid<std::int32_t>> samples;
    std::vector<const Grid<std::int32_t>*> pointers;
    samples.push_back(sample(ImageSource(image), 0, memory()));
    for (const Image& reference : references) {
        check_shape(reference, view_of(image).shape);
        samples.push_back(sample(ImageSource(reference), 0, memory()));
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

ArrayOf<std::int32_t, 2> blend_of(const std::vector<Image>& references, const std::vector<std::int64_t>& gains,
                                 std::int64_t offset, nb::handle values) {
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
    const auto array = array_of(pixels, views[0].shape.rows, views[0].shape.columns);
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

void bind_training(nb::module_& m) {
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
        "has_blocks", [](Image pixels) { return has_blocks(sample(ImageSource(pixels), 0, memory()).view()); }, "pixels"_a);
    m.def("fit_blend", &fit_blend_of, "image"_a, "references"_a, "values"_a, "(gains, offset)");
    m.def("blend", &blend_of, "references"_a, "gains"_a, "offset"_a, "values"_a);
    m.def("describe", &describe, "pixels"_a, "low"_a, "high"_a, "filters"_a, "number"_a, "coarser_scale"_a, "blocks"_a,
          "origin"_a = std::pair<std::int32_t, std::int32_t>(0, 0), "reference"_a.none() = nb::none(),
          "references"_a = false, "(base, known, inputs) of D, H and V of one level, of the grid's shape.");
    m.def("channels", &pyramid::channels, "phase"_a, "references"_a, "Of a network's input.");
    m.def("used", &references_at, "phase"_a, "Of these, what is not of a reference.");
}
