// Images of Python's, (rows, columns) of int32 in C order, as sources and views.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "arrays.hpp"
#include "model/model.hpp"

using Image = nanobind::ndarray<const std::int32_t, nanobind::ndim<2>, nanobind::c_contig, nanobind::device::cpu>;

inline std::pmr::memory_resource* memory() { return std::pmr::new_delete_resource(); }

inline dicompress::View<const std::int32_t> view_of(const Image& image) {
    return {image.data(), {static_cast<std::int32_t>(image.shape(0)), static_cast<std::int32_t>(image.shape(1))}};
}

inline void check_shape(const Image& image, dicompress::Shape shape) {
    if (view_of(image).shape != shape) throw std::invalid_argument("arrays differ in shape");
}

// dicompress.models.Values.
inline dicompress::Values values_of(nanobind::handle values) {
    const auto listed =
        nanobind::cast<std::optional<nanobind::ndarray<const std::int32_t, nanobind::ndim<1>, nanobind::c_contig>>>(values.attr("listed"));
    dicompress::Runs exact;
    for (nanobind::handle run : values.attr("exact"))
        exact.emplace_back(nanobind::cast<std::int32_t>(run[0]), nanobind::cast<std::int32_t>(run[1]));
    return {nanobind::cast<std::int32_t>(values.attr("low")), nanobind::cast<std::int32_t>(values.attr("high")),
            nanobind::cast<std::int32_t>(values.attr("near")), std::move(exact),
            listed ? std::vector<std::int32_t>(listed->data(), listed->data() + listed->size())
                   : std::vector<std::int32_t>()};
}

class ImageSource final : public dicompress::Source {
public:
    explicit ImageSource(const Image& image) : dicompress::Source(view_of(image).shape), view_(view_of(image)) {}

    void gather(std::span<const std::int32_t> rows, std::span<const std::int32_t> columns,
                dicompress::View<std::int32_t> to) const override {
        for (std::size_t r = 0; r < rows.size(); ++r)
            for (std::size_t c = 0; c < columns.size(); ++c)
                to.at(static_cast<std::ptrdiff_t>(r), static_cast<std::ptrdiff_t>(c)) = view_.at(rows[r], columns[c]);
    }

private:
    dicompress::View<const std::int32_t> view_;
};

// Of a Python list; arrays stay alive with it.
struct Sources {
    explicit Sources(const std::vector<Image>& images) {
        for (const Image& image : images) owned.push_back(std::make_unique<ImageSource>(image));
        for (const auto& source : owned) all.push_back(source.get());
    }

    std::vector<std::unique_ptr<ImageSource>> owned;
    std::vector<const dicompress::Source*> all;
};
