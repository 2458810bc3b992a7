// libFuzzer: streams and images through the C interface (README.md).
//
// Of a stream: an error with a text, or pixels; a frame, a level and a region of it are parts of the whole; and never more memory
// than the limit, whatever it claims. Of an image: it comes back, or the error is one that an image may give.
#include <fuzzer/FuzzedDataProvider.h>
#include <sanitizer/allocator_interface.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/crc32.hpp"
#include "dicompress.h"
#include "parts.hpp"

namespace {

constexpr dicompress_limits limits = {1 << 15, 24 << 20, 1};  // what an execution may cost
constexpr std::size_t beside = 2 << 20;  // bytes from the heap that no claim makes larger

std::atomic<std::int64_t> live = 0, most = 0;

void count(const volatile void*, std::size_t size) {
    const std::int64_t now = live += static_cast<std::int64_t>(size);
    if (now > most) most = now;
}
void discount(const volatile void* data) {
    if (data) live -= static_cast<std::int64_t>(__sanitizer_get_allocated_size(const_cast<const void*>(data)));
}

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

// A call whose memory is watched.
class Watched {
public:
    explicit Watched(std::size_t data) : allowed_(live + static_cast<std::int64_t>(limits.memory + beside + 8 * data)) { most = live.load(); }
    ~Watched() { require(most <= allowed_, "no more memory than the limit"); }

private:
    std::int64_t allowed_;
};

bool is_error(dicompress_status status, const dicompress_error& error) {
    require(status == error.status && (status == DICOMPRESS_OK) == (error.text[0] == 0), "an error has a text");
    require(status != DICOMPRESS_INTERNAL && status != DICOMPRESS_NO_MEMORY, error.text);
    return status != DICOMPRESS_OK;
}

using Pixels = std::vector<std::uint8_t>;

class Stream {
public:
    Stream(const std::uint8_t* data, std::size_t size) : size_(size) {
        const Watched watched(size);
        dicompress_error error;
        is_error(dicompress_open(data, size, &limits, &stream_, &error), error);
    }
    ~Stream() { dicompress_close(stream_); }

    explicit operator bool() const { return stream_ != nullptr; }
    dicompress_info info() const { return dicompress_describe(stream_); }

    // Nothing after an error.
    Pixels decode(const dicompress_part& part) const {
        const std::size_t bytes = dicompress_part_bytes(stream_, &part);
        require(bytes > 0 && bytes <= limits.pixels * 2, "parts have pixels");
        Pixels pixels(bytes);
        dicompress_error error;
        const Watched watched(size_);
        const dicompress_status status = dicompress_decode(stream_, &part, pixels.data(), bytes, &error);
        require(status != DICOMPRESS_ARGUMENT && status != DICOMPRESS_VERIFICATION, error.text);
        return is_error(status, error) ? Pixels() : pixels;
    }

private:
    std::size_t size_;
    dicompress_stream* stream_ = nullptr;
};

// The pixels of a region, at `step`, of frames of rows x columns.
Pixels part_of(const Pixels& whole, const dicompress_info& info, std::int64_t frame, const dicompress_part& place, int step) {
    const std::size_t pixel = static_cast<std::size_t>(info.samples) * (info.type < DICOMPRESS_UINT16 ? 1 : 2);
    Pixels part;
    for (std::int32_t row = 0; row < place.rows; ++row)
        for (std::int32_t column = 0; column < place.columns; ++column) {
            const std::int64_t at = (frame * info.rows + std::int64_t{place.row + row} * step) * info.columns + std::int64_t{place.column + column} * step;
            const auto* from = whole.data() + static_cast<std::size_t>(at) * pixel;
            part.insert(part.end(), from, from + pixel);
        }
    return part;
}

void try_stream(const std::uint8_t* data, std::size_t size) {
    const Stream stream(data, size);
    if (!stream) return;
    const dicompress_info info = stream.info();
    require(info.rows > 0 && info.columns > 0 && info.samples >= 1 && info.samples <= 4 && info.frames >= 1, "an image has pixels");
    FuzzedDataProvider chance(data, size);
    const dicompress_part everything = dicompress_everything();
    const Pixels whole = info.finest == 0 ? stream.decode(everything) : Pixels();
    dicompress_part part = everything;
    part.level = chance.ConsumeIntegralInRange(info.finest, info.levels);
    part.frame = chance.ConsumeIntegralInRange<std::int64_t>(0, info.frames - 1);
    const std::int32_t step = 1 << part.level, rows = (info.rows + step - 1) / step, columns = (info.columns + step - 1) / step;
    const Pixels frame = stream.decode(part);
    if (chance.ConsumeBool()) {
        part.row = chance.ConsumeIntegralInRange(0, rows - 1), part.column = chance.ConsumeIntegralInRange(0, columns - 1);
        part.rows = chance.ConsumeIntegralInRange(1, rows - part.row), part.columns = chance.ConsumeIntegralInRange(1, columns - part.column);
    } else {
        part.rows = rows, part.columns = columns;
    }
    const Pixels region = stream.decode(part);
    if (whole.empty()) return;
    dicompress_part all = part;
    all.row = all.column = 0, all.rows = rows, all.columns = columns;
    require(frame == part_of(whole, info, part.frame, all, step), "a frame is a part of the whole");
    require(region == part_of(whole, info, part.frame, part, step), "a region is a part of its frame");
}

void try_image(const std::uint8_t* bytes, std::size_t size) {
    FuzzedDataProvider data(bytes, size);
    dicompress_info info{};
    info.type = static_cast<dicompress_type>(data.ConsumeIntegralInRange(0, 3));
    info.has_frames = data.ConsumeBool();
    info.frames = info.has_frames ? data.ConsumeIntegralInRange(1, 4) : 1;
    info.rows = data.ConsumeIntegralInRange(1, 48), info.columns = data.ConsumeIntegralInRange(1, 48);
    info.samples = data.ConsumeIntegralInRange(1, 4);
    info.near = data.ConsumeBool() ? data.ConsumeIntegralInRange(0, 255) : 0;
    const bool neighbours = data.ConsumeBool();
    const int shift = data.ConsumeIntegralInRange(0, 15), factor = data.ConsumeIntegralInRange(1, 300);
    const std::size_t pixel_bytes = info.type < DICOMPRESS_UINT16 ? 1 : 2;
    Pixels pixels(static_cast<std::size_t>(info.frames * info.rows * info.columns * info.samples) * pixel_bytes);
    const auto drawn = data.ConsumeRemainingBytes<std::uint8_t>();
    std::uint32_t noise = 1;
    for (std::size_t i = 0; i * pixel_bytes < pixels.size(); ++i) {
        noise = noise * 1664525 + 1013904223;
        const std::uint32_t value = ((drawn.empty() ? 0 : drawn[i % drawn.size()]) + (noise >> 17 >> shift)) * static_cast<std::uint32_t>(factor);
        for (std::size_t k = 0; k < pixel_bytes; ++k) pixels[i * pixel_bytes + k] = static_cast<std::uint8_t>(value >> (8 * k));
    }
    std::uint8_t* coded = nullptr;
    std::size_t length = 0;
    dicompress_error error;
    const dicompress_limits more = {limits.pixels, std::uint64_t{1} << 28, 1};
    const dicompress_status status = dicompress_encode(pixels.data(), &info, neighbours, &more, &coded, &length, &error);
    require(status == DICOMPRESS_OK || (status == DICOMPRESS_UNSUPPORTED && info.near), error.text);
    if (status != DICOMPRESS_OK) return;
    {
        const Stream stream(coded, length);
        require(static_cast<bool>(stream), "what was coded is a stream");
        const Pixels found = stream.decode(dicompress_everything());
        require(!found.empty() && (info.near || found == pixels), "what was coded comes back");
    }
    try_stream(coded, length);
    dicompress_free(coded);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    __sanitizer_install_malloc_and_free_hooks(count, discount);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size >= 4 && std::memcmp(data, "DCMP", 4) == 0)
        try_stream(data, size);
    else
        try_image(data, size);
    return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

// Behind the checksums: a part is changed, and lengths and checksums are made right again.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    fuzz::Parts parts;
    if (seed % 16 == 0 || !parts.take_apart({data, size})) return LLVMFuzzerMutate(data, size, most);
    parts.change(seed / 16, [&](dicompress::Bytes& part) {
        const std::size_t before = part.size();
        part.resize(before + 64);
        part.resize(LLVMFuzzerMutate(part.data(), before, part.size()));
    });
    const dicompress::Bytes joined = parts.join();
    if (joined.size() > most) return LLVMFuzzerMutate(data, size, most);
    std::memcpy(data, joined.data(), joined.size());
    return joined.size();
}
