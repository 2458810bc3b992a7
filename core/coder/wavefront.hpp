// Where the lanes are, and what they left behind on their way.
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "coder/lanes.hpp"

namespace dicompress {

inline constexpr int lag = 2;  // columns from lane to lane: of the row above, the next column is known
inline constexpr int gap = 3;  // columns between a lane's rows: what lies beside the band there is nothing
inline constexpr std::size_t most_side = std::size_t{1} << 30;  // rows or columns of a tensor

// The lanes' places. A lane that has done its row goes on with that sixteen rows below, `period` steps after it began.
template <int W>
class Wavefront {
public:
    struct Place {
        std::int32_t row, column;
    };

    Wavefront(std::int64_t rows, std::int64_t columns)
        : rows_(static_cast<std::int32_t>(rows)),
          columns_(static_cast<std::int32_t>(columns)),
          period_(period(columns)) {
        for (int i = 0; i < lanes; ++i) row[i] = i, column[i] = -lag * i;
        find_active();
    }

    static std::int32_t period(std::int64_t columns) {
        return static_cast<std::int32_t>(columns + gap > lag * lanes ? columns + gap : lag * lanes);
    }
    // Steps from a symbol of the last lane to that below it, of the first lane, less those between other lanes.
    static std::int32_t delay(std::int64_t columns) { return period(columns) - lag * lanes; }

    static std::int64_t steps(std::size_t rows, std::size_t columns) {
        if (!rows || !columns) return 0;
        const auto last = static_cast<std::int64_t>(rows - 1), width = static_cast<std::int64_t>(columns);
        return last / lanes * period(width) + last % lanes * lag + width;
    }

    // Where a lane is one step later.
    Place next(Place place) const {
        const bool wraps = place.column + 1 == period_;
        return {place.row + (wraps ? lanes : 0), wraps ? 0 : place.column + 1};
    }

    DICOMPRESS_INLINE void advance() {
        const Ints<W> next = column + 1, wraps = next == period_;
        row = row + (wraps & lanes);
        column = choose(wraps, Ints<W>(0), next);
        find_active();
    }

    Ints<W> row, column;
    Ints<W> active;  // whether the lane has a symbol at this step: a mask

private:
    DICOMPRESS_INLINE void find_active() { active = (column > -1) & (column < columns_) & (row < rows_); }

    std::int32_t rows_, columns_, period_;
};

// A number a lane and step, as far back as contexts look, and across the edge between the last lane and the first.
template <int W>
class History {
public:
    History(std::int64_t columns, float nothing, std::pmr::memory_resource* memory)
        : delayed_(static_cast<std::size_t>(Wavefront<W>::delay(columns) + 1), {nothing, nothing}, memory) {
        for (auto& step : kept_)
            for (float& value : step) value = nothing;
    }

    // For every lane the number of `steps` ago of the lane `up` rows above it, at most two. Of this place's row that is
    // the column `steps` to the left, of the row above it 2 - steps to the right, of that above 4 - steps.
    DICOMPRESS_INLINE Floats<W> at(unsigned steps, int up = 0) const {
        return Floats<W>::from(kept_[(now_ - steps) & (depth - 1)] + front - up);
    }

    // What this step leaves behind.
    DICOMPRESS_INLINE void push(const Floats<W>& numbers) {
        float* here = kept_[now_ & (depth - 1)];
        numbers.to(here + front);
        delayed_[place_] = {numbers[lanes - 2], numbers[lanes - 1]};
        place_ = place_ + 1 == delayed_.size() ? 0 : place_ + 1;
        here[front - 2] = delayed_[place_][0], here[front - 1] = delayed_[place_][1];
        ++now_;
    }

private:
    static constexpr int depth = 8, front = 16;

    alignas(64) float kept_[depth][front + lanes];
    std::pmr::vector<std::array<float, 2>> delayed_;  // of the last two lanes
    std::size_t place_ = 0;
    unsigned now_ = 0;
};

}  // namespace dicompress
