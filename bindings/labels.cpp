// dicompress.native.labels: runs of frames of few values.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <limits>

#include "arrays.hpp"
#include "bind.hpp"
#include "labels/labels.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;

namespace {

using Frames = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Writable = nb::ndarray<std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

labels::Shape shape_of(std::size_t frames, std::size_t rows, std::size_t columns, int values) {
    constexpr std::size_t most = std::numeric_limits<std::int32_t>::max() / 4;
    if (!frames || !rows || !columns || frames > most || rows > most || columns > most || values < 2 || values > labels::most_values)
        throw Error(Kind::argument, "frames of this shape or of so many values cannot be coded");
    return {static_cast<std::int64_t>(frames), static_cast<std::int32_t>(rows), static_cast<std::int32_t>(columns), values};
}

nb::bytes encode_frames(Frames frames, int values) {
    const auto shape = shape_of(frames.shape(0), frames.shape(1), frames.shape(2), values);
    Bytes bytes;
    {
        nb::gil_scoped_release release;
        bytes = labels::encode_run(frames.data(), shape);
    }
    return bytes_of(bytes);
}

void decode_frames(nb::bytes data, Writable frames, std::size_t of, int values) {
    auto shape = shape_of(of, frames.shape(1), frames.shape(2), values);
    if (!frames.shape(0) || frames.shape(0) > of) throw Error(Kind::argument, "more frames than there are");
    const ByteSpan bytes = span_of(data);
    nb::gil_scoped_release release;
    labels::decode_run(bytes, shape, static_cast<std::int64_t>(frames.shape(0)), frames.data());
}

}  // namespace

void bind_labels(nb::module_& m) {
    m.doc() = "Runs of frames of few values.";
    m.def("encode", &encode_frames, "frames"_a, "values"_a, "Frames (frames, rows, columns) of numbers below `values`, 2 to 256.");
    m.def("decode", &decode_frames, "data"_a, "frames"_a, "of"_a, "values"_a, "The first frames of a run of so many.");
}
