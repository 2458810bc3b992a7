#include "pyramid/reference.hpp"

#include "pyramid/interpolation.hpp"

namespace dicompress::pyramid {

namespace {

DICOMPRESS_INLINE void predict(const Planes& planes, int phase, const Filter& filter, const Reference* reference,
                               std::int32_t row, std::int32_t* added, std::int32_t* __restrict to) {
    interpolate_row(planes, phase, filter, row, to);
    if (!reference) return;
    const std::int32_t columns = planes.grid().columns;
    reference_row(*reference, phase, filter, row, added, columns);
    for (std::int32_t c = 0; c < columns; ++c) to[c] += added[c];
}

DICOMPRESS_WIDE void predict_wide(const Planes& planes, int phase, const Filter& filter, const Reference* reference,
                                  std::int32_t row, std::int32_t* added, std::int32_t* to) {
    predict(planes, phase, filter, reference, row, added, to);
}

// job(first, last) for all of so many rows, by the workers if there are any.
template <class Job>
void each_piece(std::int32_t rows, Workers* workers, const Job& job) {
    constexpr std::int32_t piece = 64;
    const auto one = [&](std::size_t number) {
        const auto first = static_cast<std::int32_t>(number) * piece;
        job(first, std::min(first + piece, rows));
    };
    const auto pieces = static_cast<std::size_t>((rows + piece - 1) / piece);
    if (workers) return workers->each(pieces, one);
    for (std::size_t number = 0; number < pieces; ++number) one(number);
}

}  // namespace

void predict_row(const Planes& planes, int phase, const Filter& filter, const Reference* reference, std::int32_t row,
                 std::int32_t* added, std::int32_t* to) {
    (wide_vectors() ? predict_wide : predict)(planes, phase, filter, reference, row, added, to);
}

void Blend::of(std::span<const View<const std::int32_t>> references, const Values& values, Workers* workers,
               Planes& to) const {
    const View<const std::int32_t> all = references.front(), others = references.back();
    const std::int64_t of_one = gains[0], of_other = references.size() > 1 ? gains[1] : 0;
    const std::int64_t start = offset + (std::int64_t{1} << (gain_bits - 1));
    const bool ranks = !values.listed().empty();
    each_piece(to.grid().rows, workers, [&](std::int32_t first, std::int32_t last) {
        for (int plane = 0; plane < planes_of_level; ++plane) {
            const Offset from = parities[plane];
            const View<const std::int32_t> one = all.every(2, from.row, from.column);
            const View<const std::int32_t> other = others.every(2, from.row, from.column);
            const View<std::int32_t> pixels = to.pixels(plane);
            for (std::int32_t r = first; r < std::min(last, pixels.shape.rows); ++r)
                for (std::int32_t c = 0; c < pixels.shape.columns; ++c) {
                    const std::int64_t sum = (start + of_one * one.at(r, c) + of_other * other.at(r, c)) >> gain_bits;
                    pixels.at(r, c) =
                        ranks ? values.number(sum)
                              : static_cast<std::int32_t>(std::clamp<std::int64_t>(sum, values.low, values.high));
                }
        }
    });
}

Reference::Reference(Planes planes, const Filters& filters, Workers* workers, std::pmr::memory_resource* memory) {
    for (int plane = 0; plane < planes_of_level; ++plane) planes.complete(plane);
    const Shape grid = planes.grid();
    for (Padded& deviations : deviations_) deviations = Padded(grid, memory);
    each_piece(grid.rows, workers, [&](std::int32_t first, std::int32_t last) {
        for (std::int32_t row = first; row < last; ++row)
            for (int phase = 1; phase <= phases; ++phase) {
                std::int32_t* to = deviations_[static_cast<std::size_t>(phase) - 1].row(row);
                predict_row(planes, phase, filters[static_cast<std::size_t>(phase) - 1], nullptr, row, nullptr, to);
                const std::int32_t* pixels = planes[phase].row(row);
                for (std::int32_t c = 0; c < grid.columns; ++c) to[c] = pixels[c] * 256 - to[c];
            }
    });
    for (Padded& deviations : deviations_) deviations.pad(grid);
    known_ = std::move(planes[0]);
}

}  // namespace dicompress::pyramid
