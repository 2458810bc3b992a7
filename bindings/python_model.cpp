#include "python_model.hpp"

#include "arrays.hpp"
#include "tensors.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <numeric>

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;

namespace {

using Array = nb::ndarray<std::int32_t, nb::c_contig, nb::device::cpu>;
using Integers2 = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

nb::object numpy(const char* name) { return nb::module_::import_("numpy").attr(name); }

// A new array, and its numbers.
std::pair<nb::object, std::int32_t*> empty(nb::tuple shape) {
    nb::object array = numpy("empty")(shape, "int32");
    return {array, nb::cast<Array>(array).data()};
}

nb::object array_of(View<const std::int32_t> view) {
    auto [array, numbers] = empty(nb::make_tuple(view.shape.rows, view.shape.columns));
    for (std::int32_t row = 0; row < view.shape.rows; ++row, numbers += view.shape.columns)
        std::copy_n(view.row(row), view.shape.columns, numbers);
    return array;
}

nb::object array_of(const Source& source) {
    auto [array, numbers] = empty(nb::make_tuple(source.shape.rows, source.shape.columns));
    std::vector<std::int32_t> rows(static_cast<std::size_t>(source.shape.rows)), columns(static_cast<std::size_t>(source.shape.columns));
    std::iota(rows.begin(), rows.end(), 0), std::iota(columns.begin(), columns.end(), 0);
    source.gather(rows, columns, {numbers, source.shape});
    return array;
}

nb::object values_of(const Values& values) {
    nb::list exact;
    for (const auto& [first, last] : values.exact) exact.append(nb::make_tuple(first, last));
    nb::object listed = nb::none();
    if (!values.listed().empty()) {
        auto [array, numbers] = empty(nb::make_tuple(values.listed().size()));
        std::ranges::copy(values.listed(), numbers);
        listed = array;
    }
    return nb::module_::import_("dicompress.models").attr("Values")(values.low, values.high, values.near, nb::tuple(exact), listed);
}

class PythonPrediction final : public Prediction {
public:
    // mixture: a coder.MixtureTensor; symbols: of its tensor.
    PythonPrediction(nb::object mixture, nb::object symbols) {
        spec = nb::cast<MixtureSpec&>(mixture.attr("spec"));
        streams = nb::cast<int>(mixture.attr("streams"));
        // Arrays of the model's, or copies where theirs have another type or layout.
        tensor_ = {nb::cast<Symbols>(symbols), nb::cast<Parameters>(mixture.attr("parameters")), nb::cast<Base>(mixture.attr("base")),
                   nb::cast<Known>(mixture.attr("known"))};
        tensor_.check(spec);
    }
    ~PythonPrediction() override {
        nb::gil_scoped_acquire acquire;
        tensor_ = {};
    }

    Band band(std::int32_t first, std::int32_t last) override {
        return tensor_.band(spec, static_cast<std::size_t>(first), static_cast<std::size_t>(last));
    }

private:
    MixtureArrays tensor_;
};

class PythonTile final : public Tile {
public:
    PythonTile(nb::object model, nb::object plan) : model_(model), plan_(plan) {
        nb::object levels = plan.attr("levels");
        std::size_t k = 0;
        for (nb::handle shape : plan.attr("shapes")) {
            const int level = nb::cast<int>(levels[k++]);
            tensors_.push_back({nb::cast<std::int32_t>(shape[0]), nb::cast<std::int32_t>(shape[1]), nb::cast<std::int32_t>(shape[2]), level});
        }
    }
    ~PythonTile() override {
        nb::gil_scoped_acquire acquire;
        known_.reset(), plan_.reset(), model_.reset();
    }

    void analyse(View<const std::int32_t> pixels) override {
        nb::gil_scoped_acquire acquire;
        for (nb::handle tensor : model_.attr("analyse")(plan_, array_of(pixels)))
            known_.append(numpy("array")(tensor, "int32", "order"_a = "C"));
        bool agree = known_.size() == tensors_.size();
        for (std::size_t k = 0; agree && k < tensors_.size(); ++k) agree = known_[k].attr("shape").equal(shape_of(tensors_[k]));
        if (!agree) throw nb::value_error("a model's tensors are not those of its plan");
        analysed_ = true;
    }

    std::unique_ptr<Prediction> predict(std::size_t k) override {
        nb::gil_scoped_acquire acquire;
        nb::list before;
        for (std::size_t i = 0; i < k; ++i) before.append(known_[i]);
        nb::object mixture = model_.attr("predict")(plan_, k, before);
        if (!analysed_) known_.append(empty(shape_of(tensors_[k])).first);
        return std::make_unique<PythonPrediction>(mixture, nb::borrow(known_[k]));
    }

    void synthesise(int level, View<std::int32_t> pixels) override {
        nb::gil_scoped_acquire acquire;
        nb::list known;
        for (std::size_t k = 0; k < tensors_.size(); ++k)
            if (tensors_[k].level >= level) known.append(known_[k]);
        const auto image = nb::cast<Integers2>(numpy("ascontiguousarray")(model_.attr("synthesise")(plan_, known), "int32"));
        if (image.shape(0) != static_cast<std::size_t>(pixels.shape.rows) || image.shape(1) != static_cast<std::size_t>(pixels.shape.columns))
            throw StreamError("the model gave an image of another size");
        for (std::int32_t row = 0; row < pixels.shape.rows; ++row)
            std::copy_n(image.data() + static_cast<std::size_t>(row) * image.shape(1), image.shape(1), pixels.row(row));
    }

private:
    static nb::tuple shape_of(const Tensor& tensor) { return nb::make_tuple(tensor.channels, tensor.rows, tensor.columns); }

    nb::object model_, plan_;
    nb::list known_;
    bool analysed_ = false;
};

nb::list arrays_of(std::span<const View<const std::int32_t>> views) {
    nb::list arrays;
    for (const auto& view : views) arrays.append(array_of(view));
    return arrays;
}

}  // namespace

PythonModel::PythonModel(nb::object model) : model_(model), name_(nb::cast<std::string>(model.attr("name"))) {
    const auto hash = nb::cast<nb::bytes>(model.attr("hash"));
    if (hash.size() != hash_.size()) throw nb::value_error("the hash of a model has 8 bytes");
    std::copy_n(reinterpret_cast<const std::uint8_t*>(hash.c_str()), hash_.size(), hash_.begin());
    most_references_ = nb::cast<int>(model.attr("most_references"));
}

PythonModel::~PythonModel() {
    nb::gil_scoped_acquire acquire;
    model_.reset();
}

int PythonModel::levels(Shape shape) const {
    nb::gil_scoped_acquire acquire;
    return nb::cast<int>(model_.attr("levels")(nb::make_tuple(shape.rows, shape.columns)));
}

Bytes PythonModel::header(const Source& image, const Values& values, std::span<const Source* const> references, Context&) const {
    nb::gil_scoped_acquire acquire;
    nb::list others;
    for (const Source* reference : references) others.append(array_of(*reference));
    nb::object method = model_.attr("header"), pixels = array_of(image), what = values_of(values);
    const auto header = nb::cast<nb::bytes>(references.empty() ? method(pixels, what) : method(pixels, what, others));
    const auto* first = reinterpret_cast<const std::uint8_t*>(header.c_str());
    return {first, first + header.size()};
}

std::vector<double> PythonModel::estimate(const Source& image, const Values& values,
                                          std::span<const std::vector<const Source*>> choices, Context&) const {
    nb::gil_scoped_acquire acquire;
    nb::list all;
    for (const auto& choice : choices) {
        nb::list arrays;
        for (const Source* source : choice) arrays.append(array_of(*source));
        all.append(arrays);
    }
    std::vector<double> bits;
    for (nb::handle found : model_.attr("estimate")(array_of(image), values_of(values), all)) bits.push_back(nb::cast<double>(found));
    return bits;
}

std::unique_ptr<Tile> PythonModel::tile(ByteSpan header, Shape shape, const Values& values, int levels,
                                        std::span<const View<const std::int32_t>> references, int level, Context&) const {
    nb::gil_scoped_acquire acquire;
    nb::object method = model_.attr("plan"), size = nb::make_tuple(shape.rows, shape.columns), what = values_of(values);
    nb::object plan = references.empty() ? method(bytes_of(header), size, what, levels)
                                         : method(bytes_of(header), size, what, levels, arrays_of(references), level);
    return std::make_unique<PythonTile>(model_, plan);
}
