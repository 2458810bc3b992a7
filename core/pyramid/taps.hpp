// Which known pixels lie around a pixel of each phase.
//
// Every 2x2 block of an image holds a pixel of A (even row, even column), which the next coarser level has coded, and
// one of D (odd, odd), H (even, odd) and V (odd, even), coded in this order. Each of the four is a plane of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dicompress::pyramid {

inline constexpr int phases = 3;  // D, H, V: planes 1, 2, 3
inline constexpr int planes_of_level = 4;
inline constexpr std::int32_t margin = 2;  // pixels around a plane that taps reach

struct Offset {
    int row, column;
};

inline constexpr Offset parities[planes_of_level] = {{0, 0}, {1, 1}, {0, 1}, {1, 0}};  // A, D, H, V in the 2x2 block

// The pixel at an offset from one of a phase: its plane, and how far it is in the planes' own grid.
struct Tap {
    int plane, row, column;
};

constexpr Tap tap(int phase, Offset offset) {
    const int row = parities[phase].row + offset.row, column = parities[phase].column + offset.column;
    int plane = 0;
    while (parities[plane].row != (row & 1) || parities[plane].column != (column & 1)) ++plane;
    return {plane, row >> 1, column >> 1};
}

// One pixel of each pair of opposite neighbours that a filter weighs alike; the first two pairs are nearest.
inline constexpr Offset supports_d[] = {{1, 1}, {1, -1}, {1, 3}, {1, -3}, {3, 1}, {3, -1}, {3, 3}, {3, -3}};
inline constexpr Offset supports_h[] = {{0, 1}, {1, 0},  {0, 3}, {3, 0},  {1, 2}, {1, -2},
                                        {2, 1}, {2, -1}, {2, 3}, {2, -3}, {3, 2}, {3, -2}};
inline constexpr Offset supports_v[] = {{1, 0},  {0, 1}, {3, 0},  {0, 3}, {2, 1},  {2, -1}, {1, 2},
                                        {1, -2}, {1, 1}, {1, -1}, {1, 3}, {1, -3}, {3, 1},  {3, -1}};
inline constexpr int most_pairs = 14;

constexpr std::span<const Offset> supports(int phase) {
    if (phase == 1) return supports_d;
    if (phase == 2) return supports_h;
    return supports_v;
}

// Where a reference's deviations count: at the pixel itself and around it.
inline constexpr Offset reference_d[] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {0, 2}, {0, -2}, {2, 0}, {-2, 0}};
inline constexpr Offset reference_h[] = {{0, 0},   {1, 0}, {-1, 0}, {1, 1}, {1, -1}, {-1, 1},
                                         {-1, -1}, {0, 2}, {0, -2}, {2, 0}, {-2, 0}};
inline constexpr Offset reference_v[] = {{0, 0},   {0, 1}, {0, -1}, {1, 1}, {1, -1}, {-1, 1},
                                         {-1, -1}, {0, 2}, {0, -2}, {2, 0}, {-2, 0}};
inline constexpr int most_of_reference = 11;

constexpr std::span<const Offset> reference_supports(int phase) {
    if (phase == 1) return reference_d;
    if (phase == 2) return reference_h;
    return reference_v;
}

inline constexpr int neighbours = 4;  // the nearest: both of the first two pairs

constexpr Tap neighbour(int phase, int k) {
    const Offset first = supports(phase)[static_cast<std::size_t>(k / 2)];
    return tap(phase, k % 2 ? Offset{-first.row, -first.column} : first);
}

}  // namespace dicompress::pyramid
