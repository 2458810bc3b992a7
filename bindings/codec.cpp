// dicompress.native.codec: arrays to streams and back.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <bit>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <thread>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "arrays.hpp"
#include "base/budget.hpp"
#include "bind.hpp"
#include "codec/content.hpp"
#include "codec/decoder.hpp"
#include "codec/encoder.hpp"
#include "codec/references.hpp"
#include "python_model.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dicompress;

namespace {

// (frames, rows, columns, samples), C order.
using Image = nb::ndarray<nb::ro, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using Writable = nb::ndarray<nb::ndim<4>, nb::c_contig, nb::device::cpu>;

PixelType type_of(const nb::dlpack::dtype& type) {
    const bool is_signed = type.code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Int);
    if ((!is_signed && type.code != static_cast<std::uint8_t>(nb::dlpack::dtype_code::UInt)) || (type.bits != 8 && type.bits != 16))
        throw Error(Kind::unsupported, "pixels must be integers of 8 or 16 bits");
    return static_cast<PixelType>((type.bits == 16 ? 2 : 0) + is_signed);
}

template <class Byte, class ArrayType>
PixelsOf<Byte> pixels_of(const ArrayType& array) {
    constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
    if (array.shape(1) > most || array.shape(2) > most || array.shape(3) > most_samples)
        throw Error(Kind::unsupported, "the array is too large");
    return {static_cast<Byte*>(const_cast<void*>(static_cast<const void*>(array.data()))), type_of(array.dtype()),
            static_cast<std::int64_t>(array.shape(0)),
            {static_cast<std::int32_t>(array.shape(1)), static_cast<std::int32_t>(array.shape(2))},
            static_cast<int>(array.shape(3))};
}

// Of arrays (1, rows, columns, 1).
std::vector<ConstPixelPlane> planes_of(const std::vector<Image>& images) {
    std::vector<ConstPixelPlane> planes;
    for (const Image& image : images) planes.push_back(pixels_of<const std::uint8_t>(image).plane(0));
    return planes;
}

// Bytes, a memoryview of them and the like, without a copy.
using Buffer = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// A stream and the bytes that it is a view of.
struct Opened {
    Opened(Buffer data, std::optional<int> level, std::uint64_t most_pixels, std::uint64_t most_memory)
        : data(data), budget(most_memory), stream(read_stream({this->data.data(), this->data.size()}, level, {most_pixels, most_memory}, &budget)) {}

    Buffer data;
    Budget budget;
    Stream stream;
};

// After work on a large image: what glibc keeps of the freed pieces goes back to the system.
void release([[maybe_unused]] std::size_t image_bytes) {
#ifdef __GLIBC__
    if (image_bytes >= std::size_t{8} << 20) malloc_trim(0);
#endif
}

int threads_of(int threads) {
    return threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// (frames, rows, columns, samples)
nb::ndarray<nb::numpy, nb::ndim<4>> decode_array(Opened& opened, nb::handle model, int level, std::optional<std::int64_t> frame,
                                                 std::optional<std::tuple<int, int, int, int>> region,
                                                 std::vector<Image> outer, int threads) {
    const Stream& stream = opened.stream;
    Wanted wanted{level, frame, {}, planes_of(outer)};
    if (region) {
        const auto& [row, column, rows, columns] = *region;
        wanted.region = Place{row, column, {rows, columns}};
    }
    const Extent found = extent(stream, stream.levels, wanted);
    const std::size_t shape[] = {static_cast<std::size_t>(found.frames), static_cast<std::size_t>(found.shape.rows),
                                 static_cast<std::size_t>(found.shape.columns), static_cast<std::size_t>(stream.samples)};
    const std::size_t bytes = shape[0] * shape[1] * shape[2] * shape[3] * static_cast<std::size_t>(bytes_of(stream.type));
    opened.budget.take(bytes);
    const auto give = [&](void*) { opened.budget.give(bytes); };
    const std::unique_ptr<void, decltype(give)> taken(&opened, give);
    auto* data = new std::uint8_t[bytes];
    const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<std::uint8_t*>(p); });
    const Pixels pixels{data, stream.type, found.frames, found.shape, stream.samples};
    with_model(model, [&](const Model& m) {
        Workers workers(threads_of(threads));
        Context context{workers, &opened.budget};
        decode(m, stream, wanted, pixels, context);
    });
    nb::dlpack::dtype type{static_cast<std::uint8_t>(is_signed(stream.type) ? nb::dlpack::dtype_code::Int : nb::dlpack::dtype_code::UInt),
                           static_cast<std::uint8_t>(8 * bytes_of(stream.type)), 1};
    return {data, 4, shape, owner, nullptr, type};
}

nb::bytes encode_array(Image image, nb::handle model, int bits_stored, bool has_frames, std::int32_t near,
                       std::vector<std::pair<std::int32_t, std::int32_t>> exact, bool neighbours, std::vector<Image> outer,
                       std::optional<Writable> decoded, int threads) {
    const auto pixels = pixels_of<const std::uint8_t>(image);
    const Settings settings{bits_stored, has_frames, near, std::move(exact), neighbours, planes_of(outer)};
    Pixels result;
    if (decoded) {
        result = pixels_of<std::uint8_t>(*decoded);
        if (result.type != pixels.type || result.frames != pixels.frames || result.shape != pixels.shape || result.samples != pixels.samples)
            throw Error(Kind::argument, "what is decoded differs in shape or type");
    } else if (near) {
        throw Error(Kind::argument, "with an error allowed there must be a place for what is decoded");
    }
    Bytes bytes;
    with_model(model, [&](const Model& m) {
        Workers workers(threads_of(threads));
        Context context{workers, std::pmr::new_delete_resource()};
        bytes = encode(m, pixels, settings, result, context);
    });
    nb::bytes result_bytes = bytes_of(bytes);
    bytes = {};
    release(pixels.frame_bytes() * static_cast<std::size_t>(pixels.frames));
    return result_bytes;
}

// Milliseconds by part of encoding and of decoding an image, on one thread.
std::pair<std::map<std::string, double>, std::map<std::string, double>> time_spent(Image image, nb::handle model) {
    const auto pixels = pixels_of<const std::uint8_t>(image);
    std::map<std::string, double> found[2];
    with_model(model, [&](const Model& m) {
        Workers workers(1);
        Clock clocks[2];
        const auto memory = std::pmr::new_delete_resource();
        const auto timed = [&](int i, const auto& work) {
            const auto start = std::chrono::steady_clock::now();
            Context context{workers, memory, &clocks[i]};
            work(context);
            const auto of = [&](Part part) { return 1e-6 * static_cast<double>(clocks[i].spent[static_cast<std::size_t>(part)]); };
            const double all = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
            found[i] = {{"fitting", of(Part::fitting)}, {"inputs", of(Part::inputs)},
                        {"network", of(Part::network) - of(Part::inputs)}, {"coder", of(Part::coder)}, {"all", all}};
        };
        Bytes bytes;
        timed(0, [&](Context& context) { bytes = encode(m, pixels, Settings{.has_frames = true}, {}, context); });
        std::vector<std::uint8_t> decoded(pixels.frame_bytes() * static_cast<std::size_t>(pixels.frames));
        const Pixels result{decoded.data(), pixels.type, pixels.frames, pixels.shape, pixels.samples};
        timed(1, [&](Context& context) {
            const Limits limits{~std::uint64_t{0}, ~std::uint64_t{0}};
            decode(m, read_stream(bytes, 0, limits, memory), {}, result, context);
        });
    });
    return {found[0], found[1]};
}

nb::bytes digest_bytes(std::uint64_t digest) {
    Bytes bytes;
    put_little_endian(bytes, digest);
    return bytes_of(bytes);
}

ListOfBytes checksums(const Opened& opened) {
    nb::list found;
    for (const Head& head : opened.stream.heads) found.append(digest_bytes(head.digest));
    return found;
}

}  // namespace

void bind_codec(nb::module_& m) {
    m.doc() = "Arrays to streams and back.";
    nb::class_<Model>(m, "Model")
        .def_prop_ro("name", [](const Model& model) { return std::string(model.name()); })
        .def_prop_ro("hash", [](const Model& model) { return bytes_of(model.hash()); })
        .def_prop_ro("most_references", &Model::most_references)
        .def("levels", [](const Model& model, std::pair<std::int32_t, std::int32_t> shape) {
            return model.levels({shape.first, shape.second});
        });
    nb::class_<Opened>(m, "Stream")
        .def(nb::init<Buffer, std::optional<int>, std::uint64_t, std::uint64_t>(), "data"_a, "level"_a.none(), "most_pixels"_a,
             "most_memory"_a,
             nb::sig("def __init__(self, data: bytes | bytearray | memoryview, level: int | None, most_pixels: int, most_memory: int) -> None"))
        .def_prop_ro("model_hash", [](const Opened& o) { return bytes_of(o.stream.model_hash); })
        .def_prop_ro("bits_stored", [](const Opened& o) { return o.stream.bits_stored; })
        .def_prop_ro("bits_allocated", [](const Opened& o) { return 8 * bytes_of(o.stream.type); })
        .def_prop_ro("signed", [](const Opened& o) { return is_signed(o.stream.type); })
        .def_prop_ro("frames", [](const Opened& o) { return o.stream.frames; })
        .def_prop_ro("rows", [](const Opened& o) { return o.stream.shape.rows; })
        .def_prop_ro("columns", [](const Opened& o) { return o.stream.shape.columns; })
        .def_prop_ro("samples", [](const Opened& o) { return o.stream.samples; })
        .def_prop_ro("near", [](const Opened& o) { return o.stream.near; })
        .def_prop_ro("levels", [](const Opened& o) { return o.stream.levels; })
        .def_prop_ro("level_bytes", [](const Opened& o) { return o.stream.level_bytes; })
        .def_prop_ro("checksums", &checksums)
        .def("references", [](const Opened& o, std::int64_t number) {
            const Head& head = o.stream.heads.at(static_cast<std::size_t>(number));
            return std::vector<std::int64_t>(head.distances.begin(), head.distances.begin() + head.references);
        }, "number"_a, "How far before plane `number` those lie that it leans on.")
        .def("needs", [](const Opened& o, std::int64_t number) { return o.stream.needs(number); }, "number"_a,
             "The planes that must be decoded before plane `number`.")
        .def_prop_ro("outer", [](const Opened& o) -> ListOfBytes {
            nb::list found;
            for (std::uint64_t digest : o.stream.outer) found.append(digest_bytes(digest));
            return found;
        })
        .def("decode", &decode_array, "model"_a, "level"_a, "frame"_a.none(), "region"_a.none(), "outer"_a, "threads"_a,
             "(frames, rows, columns, samples)");
    m.def("time_spent", &time_spent, "image"_a, "model"_a, "Milliseconds by part of encoding and decoding, on one thread.");
    m.def("encode", &encode_array, "image"_a, "model"_a, "bits_stored"_a, "has_frames"_a, "near"_a, "exact"_a, "neighbours"_a,
          "outer"_a, "decoded"_a.none(), "threads"_a);
    m.def("sparse_values", [](Image image) -> std::optional<std::vector<std::int32_t>> {
        const Content content(pixels_of<const std::uint8_t>(image).plane(0), {}, {}, 0, {}, std::pmr::new_delete_resource());
        if (content.occurring.empty()) return std::nullopt;
        return content.occurring;
    }, "image"_a, "The values of the first plane, ascending, if its pixels are coded as ranks among them.");
    m.def("coding_order", &coding_order, "frames"_a, "neighbours"_a);
    m.def("candidates", &candidates, "number"_a, "samples"_a, "neighbours"_a, "depth"_a);
    m.def("check_bound", [](Image original, Image decoded, std::int32_t near, std::vector<std::pair<std::int32_t, std::int32_t>> exact) {
        const auto first = pixels_of<const std::uint8_t>(original), second = pixels_of<const std::uint8_t>(decoded);
        if (first.shape != second.shape || first.type != second.type || first.frames != second.frames || first.samples != second.samples)
            throw Error(Kind::argument, "the arrays differ in shape or type");
        nb::gil_scoped_release release;
        check_bound(first, second, near, exact);
    }, "original"_a, "decoded"_a, "near"_a, "exact"_a);
}
