// libFuzzer: the native coder under parameters, shapes and payloads of the fuzzer's choice (README.md).
//
// Three things must hold. A payload decodes or is refused (DamagedStream). What it decodes to comes back when it is coded
// again. Values of the fuzzer's choice come back, within `near`, exact ones as they were, in as few bytes as the code takes.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdio>

#include "coder/band.hpp"

using namespace dicompress;

namespace {

constexpr int width = 8;  // numbers a vector; all give the same

enum class Given { plain, errors, known, kMaxValue = known };

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

// Numbers around a middle, as far apart as the fuzzer likes.
class Noise {
public:
    Noise(FuzzedDataProvider& data, std::int64_t low, std::int64_t high)
        : low_(low),
          high_(high),
          middle_(data.ConsumeIntegralInRange(low, high)),
          spread_((std::int64_t{1} << data.ConsumeIntegralInRange(0, 28)) - 1),
          state_(data.ConsumeIntegral<std::uint64_t>() | 1) {}

    std::int64_t next() {
        state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
        const auto away = static_cast<std::int64_t>(state_ >> 33) & spread_;
        return std::clamp(middle_ + (state_ & 1 ? away : -away), low_, high_);
    }

private:
    std::int64_t low_, high_, middle_, spread_;
    std::uint64_t state_;
};

// What decides a tensor's probabilities, as the native module is given it.
struct Setting {
    Given kind;
    MixtureSpec spec{};
    std::size_t channels, rows, columns;
    std::vector<float> parameters;
    std::vector<std::int32_t> base, known;

    std::size_t plane() const { return rows * columns; }
    std::size_t size() const { return channels * plane(); }

    explicit Setting(FuzzedDataProvider& data) : kind(data.ConsumeEnum<Given>()) {
        channels = kind == Given::known ? 1 : data.ConsumeIntegralInRange<std::size_t>(1, 6);
        columns = data.ConsumeIntegralInRange<std::size_t>(1, 48);
        rows = data.ConsumeIntegralInRange<std::size_t>(1, 40);
        spec.adaptive = kind != Given::plain;
        spec.components = data.ConsumeBool() ? 3 : data.ConsumeIntegralInRange(1, max_components);
        spec.scale = data.ConsumeIntegralInRange<std::int64_t>(1, std::int64_t{1} << data.ConsumeIntegralInRange(0, 25));
        spec.low = data.ConsumeIntegralInRange<std::int64_t>(-65535, 65535);
        spec.high = data.ConsumeIntegralInRange<std::int64_t>(spec.low, std::min<std::int64_t>(65535, spec.low + 65535));
        spec.logistic = data.ConsumeBool();
        spec.near = data.ConsumeBool() ? data.ConsumeIntegralInRange(0, 255) : 0;
        if (spec.near) {
            std::int64_t from = spec.low;
            for (int runs = data.ConsumeIntegralInRange(0, 16); runs && from <= spec.high; --runs) {
                const auto first = data.ConsumeIntegralInRange(from, spec.high);
                from = data.ConsumeIntegralInRange(first, std::min(spec.high, first + 300));
                spec.exact.emplace_back(first, from);  // a reader takes one that begins where the last ends, too
            }
        }
        spec.check();
        for (std::size_t i = 0; i < 3 * spec.components * channels; ++i) {
            Noise noise(data, -(1 << 24) + 1, (1 << 24) - 1);
            parameters.resize(parameters.size() + plane());
            std::generate(parameters.end() - plane(), parameters.end(), [&] { return static_cast<float>(noise.next()); });
        }
        Noise middle(data, -(1 << 29), 1 << 29), around(data, spec.low, spec.high);
        for (std::size_t i = 0; i < plane(); ++i) base.push_back(static_cast<std::int32_t>(middle.next()));
        for (std::size_t i = 0; i < 4 * plane(); ++i) known.push_back(static_cast<std::int32_t>(around.next()));
    }

    Band band(std::vector<std::int32_t>& values) const {
        Band band{spec, channels, rows, columns, values.data(), plane(), columns, parameters.data(), plane(), columns};
        band.base = {base.data(), columns};
        for (std::size_t k = 0; kind == Given::known && k < known_pixels; ++k)
            band.known[k] = {known.data() + k * plane(), columns};
        return band;
    }

    // Makes the values what decoding gives.
    std::vector<std::uint8_t> encode(std::vector<std::int32_t>& values, bool& lanes_used) const {
        auto again = values;
        const double bits = code_length_of<width>(band(again), std::pmr::get_default_resource());
        auto bytes = encode_band<width>(band(values), lanes_used, std::pmr::get_default_resource());
        require(!bytes.empty(), "a stream has a byte");
        require(8.0 * bytes.size() <= bits + 0.006 * values.size() + (lanes_used ? 240 : 72), "the coder wastes nothing");
        return bytes;
    }

    std::vector<std::int32_t> decode(std::span<const std::uint8_t> bytes, bool lanes_used) const {
        std::vector<std::int32_t> values(size());
        decode_band<width>(band(values), bytes, lanes_used, std::pmr::get_default_resource());
        return values;
    }

    bool is_exact(std::int64_t value) const {
        return std::any_of(spec.exact.begin(), spec.exact.end(), [&](const auto& run) {
            return run.first <= value && value <= run.second;
        });
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    FuzzedDataProvider data(bytes, size);
    const Setting setting(data);

    Noise noise(data, setting.spec.low, setting.spec.high);
    std::vector<std::int32_t> values(setting.size());
    std::generate(values.begin(), values.end(), [&] { return static_cast<std::int32_t>(noise.next()); });
    auto decoded = values;
    bool lanes_used;
    const auto coded = setting.encode(decoded, lanes_used);
    require(setting.decode(coded, lanes_used) == decoded, "values come back");
    for (std::size_t i = 0; i < values.size(); ++i) {
        require(std::abs(values[i] - decoded[i]) <= setting.spec.near, "no error is larger than allowed");
        require(values[i] == decoded[i] || !(setting.is_exact(values[i]) || setting.is_exact(decoded[i])), "exact is exact");
    }

    const bool with_states = data.ConsumeBool();
    const auto payload = data.ConsumeRemainingBytes<std::uint8_t>();
    try {
        auto found = setting.decode(payload, with_states);
        const auto again = found;
        const auto bytes_again = setting.encode(found, lanes_used);
        require(found == again && setting.decode(bytes_again, lanes_used) == again, "what was decoded is coded again");
    } catch (const DamagedStream&) {
    }
    return 0;
}
