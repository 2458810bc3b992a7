// A model written in Python (dicompress.models.Model), for the codec.
#pragma once

#include <nanobind/nanobind.h>

#include "model/model.hpp"

class PythonModel final : public dicompress::Model {
public:
    // Model objects of the core itself are not wrapped: see `with_model`.
    explicit PythonModel(nanobind::object model);
    ~PythonModel() override;

    std::string_view name() const override { return name_; }
    dicompress::Hash hash() const override { return hash_; }
    int most_references() const override { return most_references_; }
    int levels(dicompress::Shape shape) const override;
    dicompress::Bytes header(const dicompress::Source& image, const dicompress::Values& values,
                             std::span<const dicompress::Source* const> references, dicompress::Context& context) const override;
    std::vector<double> estimate(const dicompress::Source& image, const dicompress::Values& values,
                                 std::span<const std::vector<const dicompress::Source*>> choices,
                                 dicompress::Context& context) const override;
    std::unique_ptr<dicompress::Tile> tile(dicompress::ByteSpan header, dicompress::Shape shape, const dicompress::Values& values,
                                           int levels, std::span<const dicompress::View<const std::int32_t>> references, int level,
                                           dicompress::Context& context) const override;

private:
    nanobind::object model_;
    std::string name_;
    dicompress::Hash hash_{};
    int most_references_ = 0;
};

// work(model) for a model of the core or of Python. To be called with the interpreter's lock, which is let go during the work.
template <class Work>
void with_model(nanobind::handle model, const Work& work) {
    if (nanobind::isinstance<dicompress::Model>(model)) {
        const auto& found = nanobind::cast<const dicompress::Model&>(model);
        nanobind::gil_scoped_release release;
        work(found);
        return;
    }
    PythonModel found(nanobind::borrow(model));
    nanobind::gil_scoped_release release;
    work(static_cast<const dicompress::Model&>(found));
}
