// A filter's prediction of rows of a phase.
#pragma once

#include <array>

#include "pyramid/planes.hpp"
#include "pyramid/reference.hpp"
#include "pyramid/rows.hpp"

namespace dicompress::pyramid {

// In 1/256 of a value, without what a reference adds.
DICOMPRESS_INLINE void interpolate_row(const Planes& planes, int phase, const Filter& filter, std::int32_t row,
                                       std::int32_t* to) {
    Row taps[2 * most_pairs];
    std::size_t count = 0;
    for (const Offset& offset : supports(phase)) {
        taps[count++] = planes.at(tap(phase, offset), row);
        taps[count++] = planes.at(tap(phase, {-offset.row, -offset.column}), row);
    }
    interpolate(count / 2, taps, filter.coefficients.data(), to, planes.grid().columns);
}

// What the reference adds.
DICOMPRESS_INLINE void reference_row(const Reference& reference, int phase, const Filter& filter, std::int32_t row,
                                     std::int32_t* to, std::int32_t columns) {
    Row taps[most_of_reference];
    std::size_t count = 0;
    for (const Offset& offset : reference_supports(phase)) taps[count++] = reference.at(tap(phase, offset), row);
    weigh_reference(count, taps, filter.of_reference.data(), to, columns);
}

// The same, compiled for what the processor has. added: of `columns` numbers for the row that the reference adds, or
// null without one.
void predict_row(const Planes& planes, int phase, const Filter& filter, const Reference* reference, std::int32_t row,
                 std::int32_t* added, std::int32_t* to);

}  // namespace dicompress::pyramid
