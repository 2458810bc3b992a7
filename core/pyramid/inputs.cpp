#include "pyramid/inputs.hpp"

#include <cstring>

namespace dicompress::pyramid {

namespace {

constexpr std::int32_t piece = 64;  // rows of channels are a multiple of this long

// Which rows and columns of a block are kept at a level, and how these are marked.
struct Marks {
    std::int32_t count;
    std::uint8_t value;

    explicit Marks(int level) : count(level == 0 ? 4 : 2), value(level == 0 ? zero + 64 : zero - 64) {}
};

}  // namespace

Inputs::Inputs(const Phase& phase, std::int32_t first, std::int32_t last, std::pmr::memory_resource* memory)
    : phase_(phase),
      first_(first),
      last_(last),
      distance_(phase.filter().scale),
      distance_before_(phase.header.of(std::max(phase.number - 1, 1)).scale),
      place_(phase.low, phase.high),
      blocks_(phase.header.blocks && phase.header.number < 2),
      buffer_({phase.inputs(), (phase.planes.grid().columns + piece - 1) / piece * piece}, memory),
      channels_(buffer_.data()),
      stride_(static_cast<std::size_t>(buffer_.shape().columns)),
      rows_({2, phase.planes.grid().columns}, memory),
      spare_(rows_.row(0)),
      added_(rows_.row(1)) {
    std::memset(channels_, zero, buffer_.shape().size());
    int at = constants_at(phase.number);
    for (std::int32_t constant : phase.header.constants(phase.number))
        std::memset(channel(at++), zero + constant, stride_);
    if (blocks_) mark_columns();
}

void Inputs::row(std::int32_t row, std::uint8_t* to) const {
    if (wide_vectors())
        describe_wide(row, to);
    else
        describe(row, to);
}

DICOMPRESS_WIDE void Inputs::describe_wide(std::int32_t row, std::uint8_t* to) const { describe(row, to); }

void Inputs::describe(std::int32_t row, std::uint8_t* to) const {
    const Planes& planes = phase_.planes;
    const std::int32_t columns = planes.grid().columns;
    const bool kept = first_ <= row && row < last_;
    std::int32_t* base = kept ? phase_.base.row(row) : spare_;
    predict(row, base, kept);
    for (int k = 0; k < neighbours; ++k) {
        Row pixels = planes.at(neighbour(phase_.number, k), row);
        distance_.write([=](std::int32_t c) { return pixels[c] * 256 - base[c]; }, columns, channel(2 * k),
                        channel(2 * k + 1));
    }
    place_.write(base, columns, channel(2 * neighbours));
    if (phase_.before) {
        Row pixels = planes[phase_.number - 1].row(row), before = phase_.before->row(row);
        distance_before_.write([=](std::int32_t c) { return pixels[c] * 256 - before[c]; }, columns, channel(errors_at),
                               channel(errors_at + 1));
    }
    if (blocks_) mark_row(row);
    if (phase_.reference && phase_.references) describe_reference(row);
    switch (phase_.inputs() / 4) {
        case 5: return interleave<5>(channels_, stride_, columns, to);
        case 6: return interleave<6>(channels_, stride_, columns, to);
        default: return interleave<8>(channels_, stride_, columns, to);
    }
}

void Inputs::predict(std::int32_t row, std::int32_t* __restrict base, bool kept) const {
    const std::int32_t columns = phase_.planes.grid().columns;
    interpolate_row(phase_.planes, phase_.number, phase_.filter(), row, base);
    if (!phase_.reference) return;
    if (kept)
        copy_reference(base, phase_.reference->deviations(phase_.number).row(row), phase_.low, phase_.high,
                       phase_.copied.row(row), columns);
    reference_row(*phase_.reference, phase_.number, phase_.filter(), row, added_, columns);
    const std::int32_t* added = added_;
    for (std::int32_t c = 0; c < columns; ++c) base[c] += added[c];
}

void Inputs::describe_reference(std::int32_t row) const {
    const std::int32_t columns = phase_.planes.grid().columns;
    int at = references_at(phase_.number);
    const auto write = [&](const auto& difference) {
        distance_.write(difference, columns, channel(at), channel(at + 1));
        at += 2;
    };
    for (int phase = 1; phase <= phases; ++phase) {
        Row deviations = phase_.reference->deviations(phase).row(row);
        write([=](std::int32_t c) { return deviations[c]; });
    }
    Row own = phase_.planes[0].row(row), its = phase_.reference->known().row(row), added = added_;
    write([=](std::int32_t c) { return (own[c] - its[c]) * 256; });
    write([=](std::int32_t c) { return added[c]; });
}

void Inputs::mark_columns() {
    const Marks marks(phase_.header.number);
    for (std::int32_t c = 0; c < phase_.planes.grid().columns; ++c)
        channel(blocks_at(phase_.number) + 4 + (c + phase_.origin.columns) % marks.count)[c] = marks.value;
}

void Inputs::mark_row(std::int32_t row) const {
    const Marks marks(phase_.header.number);
    for (std::int32_t k = 0; k < marks.count; ++k)
        std::memset(channel(blocks_at(phase_.number) + k),
                    (row + phase_.origin.rows) % marks.count == k ? marks.value : zero, stride_);
}

}  // namespace dicompress::pyramid
