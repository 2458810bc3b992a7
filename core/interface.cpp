// The C interface: objects behind pointers, and no exception beyond it.
#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/budget.hpp"
#include "codec/decoder.hpp"
#include "codec/encoder.hpp"
#include "dicompress.h"
#include "pyramid/model.hpp"

using namespace dicompress;

namespace {

dicompress_status report(dicompress_error* error, dicompress_status status, const char* text) {
    if (error) {
        error->status = status;
        std::snprintf(error->text, sizeof error->text, "%s", text);
    }
    return status;
}

// What `work` throws becomes a status.
template <class Work>
dicompress_status guarded(dicompress_error* error, const Work& work) {
    try {
        work();
        return report(error, DICOMPRESS_OK, "");
    } catch (const Error& failure) {
        return report(error, static_cast<dicompress_status>(failure.kind), failure.what());
    } catch (const std::bad_alloc&) {
        return report(error, DICOMPRESS_NO_MEMORY, "not enough memory");
    } catch (const std::exception& failure) {
        return report(error, DICOMPRESS_INTERNAL, failure.what());
    } catch (...) {
        return report(error, DICOMPRESS_INTERNAL, "unknown error");
    }
}

dicompress_limits filled(const dicompress_limits* limits) {
    dicompress_limits found = limits ? *limits : dicompress_limits{};
    if (!found.pixels) found.pixels = std::uint64_t{1} << 31;
    if (!found.memory) found.memory = std::uint64_t{1} << (sizeof(void*) > 4 ? 32 : 30);
    if (found.threads < 1) found.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    return found;
}

std::unique_ptr<Pyramid> model_of(const Hash& hash, std::pmr::memory_resource* memory) {
    if (auto model = Pyramid::installed(hash, memory)) return model;
    char text[17];
    for (std::size_t i = 0; i < hash.size(); ++i) std::snprintf(text + 2 * i, 3, "%02x", hash[i]);
    throw Error(Kind::unknown_model, std::string("the stream was written by model ") + text +
                                         ", which this library does not have: install the version that wrote it");
}

// All levels that the data holds.
Stream read(ByteSpan data, const Limits& limits, std::pmr::memory_resource* memory, int& finest) {
    const Stream heads = read_stream(data, std::nullopt, limits, memory);
    if (!heads.outer.empty())
        throw Error(Kind::unsupported, "the stream leans on " + std::to_string(heads.outer.size()) +
                                           " images of other streams, which this interface cannot be given: the Python package can");
    finest = 0;
    while (finest < heads.levels && data.size() < heads.level_bytes[static_cast<std::size_t>(finest)]) ++finest;
    return read_stream(data, finest, limits, memory);
}

Wanted wanted_of(const dicompress_part& part) {
    Wanted wanted{part.level, {}, {}};
    if (part.frame >= 0) wanted.frame = part.frame;
    if (part.rows) wanted.region = Place{part.row, part.column, {part.rows, part.columns}};
    return wanted;
}

std::size_t bytes_of(const Stream& stream, const Extent& found) {
    return static_cast<std::size_t>(found.frames) * found.shape.size() * static_cast<std::size_t>(stream.samples) *
           static_cast<std::size_t>(dicompress::bytes_of(stream.type));
}

// The bytes of pixels that are to be compressed.
std::size_t bytes_of(const ConstPixels& image, const dicompress_limits& limits) {
    const std::uint64_t frame = static_cast<std::uint64_t>(image.shape.rows) * static_cast<std::uint64_t>(image.shape.columns) *
                                static_cast<std::uint64_t>(image.samples);
    if (static_cast<std::uint64_t>(image.frames) > limits.pixels / frame)
        throw LimitError(std::to_string(image.frames) + " frames of " + std::to_string(frame) + " samples; the limit is " +
                         std::to_string(limits.pixels) + " samples in all");
    return image.frame_bytes() * static_cast<std::size_t>(image.frames);
}

}  // namespace

struct dicompress_stream {
    dicompress_stream(ByteSpan data, const dicompress_limits& limits)
        : limits(limits), budget(limits.memory), stream(read(data, {limits.pixels, limits.memory}, &budget, finest)),
          model(model_of(stream.model_hash, &budget)) {}

    dicompress_limits limits;
    mutable Budget budget;
    int finest = 0;
    Stream stream;
    std::unique_ptr<Pyramid> model;
};

dicompress_status dicompress_open(const void* data, size_t size, const dicompress_limits* limits, dicompress_stream** stream,
                                  dicompress_error* error) {
    return guarded(error, [&] {
        *stream = nullptr;
        *stream = new dicompress_stream({static_cast<const std::uint8_t*>(data), size}, filled(limits));
    });
}

void dicompress_close(dicompress_stream* stream) { delete stream; }

dicompress_info dicompress_describe(const dicompress_stream* stream) {
    const Stream& found = stream->stream;
    dicompress_info info{};
    info.type = static_cast<dicompress_type>(found.type);
    info.bits_stored = found.bits_stored;
    info.frames = found.frame_count(), info.has_frames = found.frames.has_value();
    info.rows = found.shape.rows, info.columns = found.shape.columns;
    info.samples = found.samples, info.near = found.near;
    info.levels = found.levels, info.finest = stream->finest;
    std::ranges::copy(found.model_hash, info.model);
    return info;
}

size_t dicompress_level_bytes(const dicompress_stream* stream, int level) {
    const auto& bytes = stream->stream.level_bytes;
    return level >= 0 && static_cast<std::size_t>(level) < bytes.size() ? bytes[static_cast<std::size_t>(level)] : 0;
}

dicompress_part dicompress_everything(void) { return {-1, 0, 0, 0, 0, 0}; }

size_t dicompress_part_bytes(const dicompress_stream* stream, const dicompress_part* part) {
    size_t bytes = 0;
    guarded(nullptr, [&] {
        bytes = bytes_of(stream->stream, extent(stream->stream, stream->stream.levels, wanted_of(*part)));
    });
    return bytes;
}

dicompress_status dicompress_decode(const dicompress_stream* stream, const dicompress_part* part, void* pixels, size_t size,
                                    dicompress_error* error) {
    return guarded(error, [&] {
        const Stream& found = stream->stream;
        const Wanted wanted = wanted_of(*part);
        const Extent shape = extent(found, found.levels, wanted);
        if (part->level < stream->finest)
            throw StreamError("the data ends before level " + std::to_string(part->level) + "; it holds level " +
                              std::to_string(stream->finest));
        if (size != bytes_of(found, shape))
            throw Error(Kind::argument, "the pixels take " + std::to_string(bytes_of(found, shape)) + " bytes, not " +
                                            std::to_string(size));
        Workers workers(stream->limits.threads);
        Context context{workers, &stream->budget};
        decode(*stream->model, found, wanted,
               {static_cast<std::uint8_t*>(pixels), found.type, shape.frames, shape.shape, found.samples}, context);
    });
}

dicompress_status dicompress_encode(const void* pixels, const dicompress_info* info, int neighbours,
                                    const dicompress_limits* limits, uint8_t** data, size_t* size, dicompress_error* error) {
    return guarded(error, [&] {
        *data = nullptr, *size = 0;
        if (info->type < DICOMPRESS_UINT8 || info->type > DICOMPRESS_INT16)
            throw Error(Kind::argument, "there is no pixel type " + std::to_string(info->type));
        const dicompress_limits found = filled(limits);
        const ConstPixels image{static_cast<const std::uint8_t*>(pixels), static_cast<PixelType>(info->type),
                                info->has_frames ? info->frames : 1, {info->rows, info->columns}, info->samples};
        const Settings settings{info->bits_stored, info->has_frames != 0, info->near, {}, neighbours != 0};
        check_settings(image, settings);
        const std::size_t bytes = bytes_of(image, found);
        Budget budget(found.memory);
        const auto model = model_of(Pyramid::current(), &budget);
        Workers workers(found.threads);
        Context context{workers, &budget};
        std::pmr::vector<std::uint8_t> decoded(bytes, &budget);
        const Pixels result{decoded.data(), image.type, image.frames, image.shape, image.samples};
        const Bytes stream = encode(*model, image, settings, result, context);
        decode(*model, read_stream(stream, 0, {found.pixels, found.memory}, &budget), {}, result, context);
        check_bound(image, result, settings.near, {});
        *data = static_cast<std::uint8_t*>(std::malloc(stream.size()));
        if (!*data) throw std::bad_alloc();
        std::ranges::copy(stream, *data);
        *size = stream.size();
    });
}

void dicompress_free(uint8_t* data) { std::free(data); }
