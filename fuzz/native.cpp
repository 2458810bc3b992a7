// libFuzzer: the native coder under parameters, shapes and payloads of the fuzzer's choice (README.md).
//
// Three things must hold. A payload decodes or is refused (DamagedStream). What it decodes to comes back when it is coded
// again. Values of the fuzzer's choice come back, within `near`, exact ones as they were, in as few bytes as the code takes.
#include <fuzzer/FuzzedDataProvider.h>

#include <cmath>
#include <cstdio>
#include <optional>

#include "adaptation.hpp"
#include "bins.hpp"
#include "range_coder.hpp"
#include "regression.hpp"

using namespace dicompress;

namespace {

enum class Kind { plain, filter, regression, kMaxValue = regression };

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
    Kind kind;
    MixtureSpec spec{};
    std::size_t channels, rows, columns;
    std::vector<float> parameters;
    std::vector<std::int32_t> base, known;

    std::size_t plane() const { return rows * columns; }
    std::size_t size() const { return channels * plane(); }

    explicit Setting(FuzzedDataProvider& data) : kind(data.ConsumeEnum<Kind>()) {
        channels = kind == Kind::regression ? 1 : data.ConsumeIntegralInRange<std::size_t>(1, 6);
        columns = data.ConsumeIntegralInRange<std::size_t>(1, 16);
        rows = data.ConsumeIntegralInRange<std::size_t>(1, 12 / channels + 64 / (channels * columns));
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
        for (int i = 0; i < 3 * spec.components; ++i) {
            Noise noise(data, -(1 << 24) + 1, (1 << 24) - 1);
            parameters.resize(parameters.size() + plane());
            std::generate(parameters.end() - plane(), parameters.end(), [&] { return static_cast<float>(noise.next()); });
        }
        Noise middle(data, -(1 << 29), 1 << 29), around(data, spec.low, spec.high);
        for (std::size_t i = 0; i < plane(); ++i) base.push_back(static_cast<std::int32_t>(middle.next()));
        for (std::size_t i = 0; i < 4 * plane(); ++i) known.push_back(static_cast<std::int32_t>(around.next()));
    }

    // As `walk` of module.cpp: code(mixture, value) codes one value and returns its bin. Channels share their parameters.
    template <class Code>
    void walk(std::vector<std::int32_t>& values, Code code) const {
        Mixture mixture(spec, kind == Kind::regression);
        std::optional<Regression> regression;
        std::optional<Adaptation> filter;
        if (kind == Kind::regression) regression.emplace(spec, rows, columns);
        if (kind == Kind::filter) filter.emplace(spec, channels, channels * rows, columns);
        for (std::size_t line = 0; line < channels * rows; ++line)
            for (std::size_t column = 0; column < columns; ++column) {
                const std::size_t at = line / channels * columns + column;
                std::int32_t& value = values[(line % channels * rows + line / channels) * columns + column];
                mixture.load(parameters.data() + at, static_cast<std::int64_t>(plane()), base[at]);
                if (regression) {
                    const std::int32_t* k = known.data() + at;
                    regression->before(line, column, {k[0], k[plane()], k[2 * plane()], k[3 * plane()]}, mixture);
                }
                if (filter) filter->before(line, column, mixture);
                const Bin bin = code(mixture, value);
                if (regression) regression->after(value, bin, mixture);
                if (filter) filter->after(value, bin, mixture);
            }
    }

    // Makes the values what decoding gives.
    std::vector<std::uint8_t> encode(std::vector<std::int32_t>& values) const {
        RangeEncoder encoder;
        const Bins bins(spec);
        double bits = 0;
        walk(values, [&](const Mixture& mixture, std::int32_t& value) {
            const Bin bin = bins.find(value, mixture);
            require(bin.holds(value) && bin.first >= spec.low && bin.last <= spec.high, "a bin holds its value");
            const std::int64_t begin = mixture.cdf(bin.first), end = mixture.cdf(bin.last + 1);
            require(0 <= begin && end <= probability_total && end - begin >= bin.count(), "a value has a part");
            encoder.encode(begin, end);
            bits -= std::log2(static_cast<double>(end - begin) / probability_total);
            value = static_cast<std::int32_t>(bins.representative(bin, mixture));
            require(bin.holds(value), "a bin's value lies in it");
            return bin;
        });
        auto bytes = encoder.finish();
        require(!bytes.empty(), "a stream has a byte");
        require(8.0 * bytes.size() <= bits + 0.006 * values.size() + 72, "the coder wastes nothing");
        return bytes;
    }

    std::vector<std::int32_t> decode(std::span<const std::uint8_t> bytes) const {
        std::vector<std::int32_t> values(size());
        RangeDecoder decoder(bytes);
        const Bins bins(spec);
        walk(values, [&](const Mixture& mixture, std::int32_t& value) {
            std::int64_t begin, end;
            const std::int64_t target = decoder.target(), found = mixture.find(target, begin, end);
            require(begin <= target && target < end, "the interval holds the target");
            require(begin == mixture.cdf(found) && end == mixture.cdf(found + 1), "the interval is the value's");
            const Bin bin = bins.find(found, mixture);
            if (spec.near) begin = mixture.cdf(bin.first), end = mixture.cdf(bin.last + 1);
            decoder.skip(begin, end);
            value = static_cast<std::int32_t>(bins.representative(bin, mixture));
            require(bin.holds(value), "a bin's value lies in it");
            return bin;
        });
        decoder.finish();
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
    const auto coded = setting.encode(decoded);
    require(setting.decode(coded) == decoded, "values come back");
    for (std::size_t i = 0; i < values.size(); ++i) {
        require(std::abs(values[i] - decoded[i]) <= setting.spec.near, "no error is larger than allowed");
        require(values[i] == decoded[i] || !(setting.is_exact(values[i]) || setting.is_exact(decoded[i])), "exact is exact");
    }

    const auto payload = data.ConsumeRemainingBytes<std::uint8_t>();
    try {
        auto found = setting.decode(payload);
        const auto again = found;
        const auto bytes_again = setting.encode(found);
        require(found == again && setting.decode(bytes_again) == again, "what was decoded is coded again");
        require(bytes_again.size() <= payload.size() + 8, "and in no more bytes");
    } catch (const DamagedStream&) {
    }
    return 0;
}
