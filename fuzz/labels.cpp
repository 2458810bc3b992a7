// libFuzzer: runs of frames of few values (README.md).
//
// Of any bytes as a run: an error of ours, or frames of values that there are, the first of them the same when only they are decoded.
// Of any frames: they come back.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "labels/labels.hpp"

namespace {

using namespace dicompress;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    const bool decoding = input.ConsumeBool();
    labels::Shape shape{input.ConsumeIntegralInRange<std::int64_t>(1, 5), input.ConsumeIntegralInRange<std::int32_t>(1, 40),
                        input.ConsumeIntegralInRange<std::int32_t>(1, 40), input.ConsumeIntegralInRange<int>(2, 256)};
    const bool bits = input.ConsumeBool();
    if (bits) shape.values = 2;
    const std::size_t frame = static_cast<std::size_t>(shape.rows * shape.columns);
    std::vector<std::uint8_t> pixels(frame * static_cast<std::size_t>(shape.frames)), found(pixels.size());
    Bytes run = input.ConsumeRemainingBytes<std::uint8_t>();
    if (!decoding) {
        for (std::size_t i = 0; i < pixels.size() && !run.empty(); ++i) pixels[i] = run[i % run.size()] % shape.values;
        run = labels::encode_run(pixels.data(), shape);
        labels::decode_run(run, shape, shape.frames, found.data());
        require(found == pixels, "what is coded comes back");
        return 0;
    }
    try {
        labels::decode_run(run, shape, shape.frames, found.data());
    } catch (const Error&) {
        return 0;
    }
    for (std::uint8_t value : found) require(value < shape.values, "values are those that there are");
    labels::decode_run(run, shape, 1, pixels.data());
    require(std::equal(pixels.begin(), pixels.begin() + static_cast<std::ptrdiff_t>(frame), found.begin()), "the first frame by itself");
    return 0;
}
