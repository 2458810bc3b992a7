// Rows go through the layers one by one, as far as the layer behind needs them: what a layer made stays in the cache.
#include <algorithm>
#include <cstring>

#include "network/parts.hpp"

namespace dicompress {

using namespace network;

namespace {

constexpr int at_once = 128;  // pixels that go through a convolution and what follows it

// Rows of a layer, the newest few; beside and behind each is room that holds zeros, or numbers that nobody uses.
class Ring {
public:
    Ring() = default;
    Ring(int columns, int channels, int rows, int beside)
        : columns_(columns), channels_(channels), rows_(rows), beside_(beside) {}

    std::size_t bytes() const { return stride() * static_cast<std::size_t>(rows_); }
    void lie_at(std::uint8_t* data) { first_ = data + start(); }
    std::uint8_t* row(std::int32_t row) const { return first_ + stride() * static_cast<std::size_t>(row % rows_); }
    std::size_t width() const { return of(columns_); }

    // After a row was written.
    void close(std::uint8_t* row) const { std::memset(row + width(), zero, of(beside_)); }

private:
    std::size_t of(int pixels) const { return static_cast<std::size_t>(pixels) * static_cast<std::size_t>(channels_); }
    std::size_t start() const { return (of(beside_) + 63) / 64 * 64; }
    std::size_t stride() const { return (start() + width() + of(beside_ + overshoot) + 127) / 64 * 64; }

    std::uint8_t* first_ = nullptr;
    int columns_ = 0, channels_ = 0, rows_ = 0, beside_ = 0;
};

// One call of Network::run.
class Pass {
public:
    struct Grid {
        Shape shape;
        std::int32_t first, last;
        const Network::Input& x;
        const std::uint8_t* features_before;
        float* parameters;
        std::size_t plane, stride;
        std::uint8_t* features_after;
    };

    Pass(const Network::Parts& parts, const Rows& rows, const Grid& grid, std::pmr::memory_resource* memory)
        : n_(parts), rows_(rows), grid_(grid), memory_(memory) {
        int beside = 1;
        for (int b = 0; b < n_.count; ++b) beside = std::max(beside, n_.blocks[b].first.dilation);
        const int end = last_stage();
        for (int stage = 0; stage < end; ++stage)
            rings_[stage] = {grid_.shape.columns, channels(stage), rows_kept(stage), beside};
        gates_ = result_ = {grid_.shape.columns, n_.narrow, 1, beside};
        blank_ = {grid_.shape.columns, std::max({n_.inputs, n_.features, n_.narrow}), 1, beside};
        for (const Ring& ring : rings_) size_ += ring.bytes();
        data_ = static_cast<std::uint8_t*>(memory_->allocate(size_, 64));
        std::memset(data_, zero, size_);
        std::uint8_t* at = data_;
        for (Ring& ring : rings_) {
            ring.lie_at(at);
            at += ring.bytes();
        }
        next_[end] = grid_.first;
        for (int stage = end; stage > 0; --stage) next_[stage - 1] = std::max(0, next_[stage] - halo(stage));
    }
    Pass(const Pass&) = delete;
    ~Pass() { memory_->deallocate(data_, size_, 64); }

    void run() { reach(last_stage(), grid_.last); }

private:
    // Stages: 0 the input, 1 the head, 2 + 2b and 3 + 2b the convolutions of block b, then 1x1 and attention, then the rest.
    static constexpr int most_stages = 4 + 2 * Network::Parts::most_blocks;

    int pointwise_stage() const { return 2 + 2 * n_.count; }
    int last_stage() const { return pointwise_stage() + 1; }
    int dilation(int stage) const { return n_.blocks[(stage - 2) / 2].first.dilation; }
    // How many rows above and below its own a stage needs of the one before.
    int halo(int stage) const {
        if (stage == pointwise_stage()) return 0;
        return stage == 1 || stage == last_stage() ? 1 : dilation(stage);
    }
    // Of the rings: the stage behind needs 2 * halo + 1 rows; a block adds what it began with, which lies that far back.
    int rows_kept(int stage) const { return 2 * halo(stage + 1) + 1; }

    int channels(int stage) const { return stage == 0 ? n_.inputs : stage < pointwise_stage() ? n_.features : n_.narrow; }

    // Makes the rows of a stage below `until` that it has not made.
    void reach(int stage, std::int32_t until) {
        for (; next_[stage] < until; ++next_[stage]) {
            const std::int32_t row = next_[stage];
            if (stage) reach(stage - 1, std::min(row + halo(stage) + 1, grid_.shape.rows));
            make(stage, row);
        }
    }

    void make(int stage, std::int32_t row) {
        if (stage == last_stage()) return finish(row);
        const Ring& ring = rings_[stage];
        std::uint8_t* to = ring.row(row);
        if (stage == 0) return grid_.x.row(row, to);
        if (stage == 1) {
            const std::uint8_t* before = nullptr;
            if (n_.takes_features) before = grid_.features_before + static_cast<std::size_t>(row) * ring.width();
            convolve(n_.head, stage, row, to, before, n_.slope);
        } else if (stage == pointwise_stage()) {
            narrow(row, to);
        } else {
            const Network::Parts::Block& block = n_.blocks[(stage - 2) / 2];
            if (stage % 2 == 0) convolve(block.first, stage, row, to, nullptr, block.slope);
            else convolve(block.second, stage, row, to, rings_[stage - 2].row(row), 4);
        }
        ring.close(to);
        const bool own = row >= grid_.first && row < grid_.last;
        if (stage == pointwise_stage() - 1 && n_.gives_features && grid_.features_after && own)
            std::memcpy(grid_.features_after + static_cast<std::size_t>(row) * ring.width(), to, ring.width());
    }

    // The rows of the stage before that a 3x3 convolution of `row` needs.
    std::array<const std::uint8_t*, 3> around(int stage, std::int32_t row) const {
        std::array<const std::uint8_t*, 3> found;
        for (int i = 0; i < 3; ++i) {
            const std::int32_t at = row + (i - 1) * halo(stage);
            found[i] = at < 0 || at >= grid_.shape.rows ? blank_.row(0) : rings_[stage - 1].row(at);
        }
        return found;
    }

    // A 3x3 convolution, `added` to it, and a leaky ReLU unless its slope is 1.
    void convolve(const Convolution& layer, int stage, std::int32_t row, std::uint8_t* to, const std::uint8_t* added, int slope) {
        const auto from = around(stage, row);
        for (int x = 0; x < grid_.shape.columns; x += at_once) {
            const int columns = std::min(at_once, grid_.shape.columns - x);
            const std::uint8_t* const part[3] = {from[0] + x * layer.in, from[1] + x * layer.in, from[2] + x * layer.in};
            const std::size_t begin = static_cast<std::size_t>(x) * layer.out, count = static_cast<std::size_t>(columns) * layer.out;
            rows_.convolve(layer, part, columns, to + begin);
            if (added) rows_.add(to + begin, added + begin, count);
            if (slope != 4) rows_.leak(to + begin, slope, count);
        }
    }

    void narrow(std::int32_t row, std::uint8_t* to) {
        const std::uint8_t* from = rings_[pointwise_stage() - 1].row(row);
        std::uint8_t* gates = gates_.row(0);
        for (int x = 0; x < grid_.shape.columns; x += at_once) {
            const int columns = std::min(at_once, grid_.shape.columns - x);
            const std::uint8_t* part = from + x * n_.features;
            std::uint8_t* values = to + x * n_.narrow;
            const std::size_t count = static_cast<std::size_t>(columns) * n_.narrow;
            rows_.convolve(n_.pointwise, &part, columns, values);
            if (n_.narrow_slope != 4) rows_.leak(values, n_.narrow_slope, count);
            if (!n_.attends) continue;
            rows_.convolve(n_.attention, &values, columns, gates);
            rows_.gate(values, gates, count);
        }
    }

    void finish(std::int32_t row) {
        std::uint8_t* values = result_.row(0);
        rows_.depthwise(n_.depthwise, around(last_stage(), row).data(), grid_.shape.columns, values);
        float* to = grid_.parameters + static_cast<std::size_t>(row) * grid_.stride;
        rows_.parameters(n_.wide, values, grid_.shape.columns, to, grid_.plane);
    }

    const Network::Parts& n_;
    const Rows& rows_;
    const Grid grid_;
    std::pmr::memory_resource* memory_;
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::array<Ring, most_stages + 3> rings_;  // by stage, and those of one row:
    Ring &gates_ = rings_[most_stages], &result_ = rings_[most_stages + 1], &blank_ = rings_[most_stages + 2];
    std::array<std::int32_t, most_stages> next_{};
};

const Rows* rows_of(Kernel kernel) {
    switch (kernel) {
        case Kernel::avx2: return avx2();
        case Kernel::vnni: return vnni();
        case Kernel::neon: return neon();
        case Kernel::wasm: return wasm();
        case Kernel::generic: break;
    }
    return &generic;
}

}  // namespace

std::vector<Kernel> kernels() {
    std::vector<Kernel> found;
    for (Kernel kernel : {Kernel::generic, Kernel::avx2, Kernel::vnni, Kernel::neon, Kernel::wasm})
        if (rows_of(kernel)) found.push_back(kernel);
    return found;
}

Kernel best_kernel() {
    for (Kernel kernel : {Kernel::wasm, Kernel::neon, Kernel::vnni, Kernel::avx2})
        if (rows_of(kernel)) return kernel;
    return Kernel::generic;
}

void Network::run(const Input& x, const std::uint8_t* features_before, Shape shape, std::int32_t first, std::int32_t last,
                  float* parameters, std::size_t plane, std::size_t stride, std::uint8_t* features_after,
                  std::pmr::memory_resource* memory, Kernel kernel) const {
    if (shape.columns < 1 || first < 0 || first >= last || last > shape.rows) return;
    if (parts_->takes_features && !features_before)
        throw Error(Kind::argument, "the network adds the features of the phase before, which are missing");
    const Rows* rows = rows_of(kernel);
    Pass(*parts_, rows ? *rows : generic,
         {shape, first, last, x, features_before, parameters, plane, stride, features_after}, memory)
        .run();
}

}  // namespace dicompress
