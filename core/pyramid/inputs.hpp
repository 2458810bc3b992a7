// What every pixel of a phase is given before it is predicted: the filter's base, what the reference copies there, and
// the network's input, row by row.
#pragma once

#include "base/clock.hpp"
#include "network/network.hpp"
#include "pyramid/interpolation.hpp"
#include "pyramid/reference.hpp"

namespace dicompress::pyramid {

// Channels of the network's input, one after another:
//   the four nearest pixels' distances from the base, each at two resolutions, and the base's place in the value range;
//   of H and V the errors of the phase before, at two resolutions;
//   which of a former JPEG's blocks' rows and columns this is; the header's constants;
//   if the network takes references, what one tells at two resolutions each: its deviations in D, H and V, the distance
//   of the pixels A from its own, what it adds to the base.
inline constexpr int block = 8;  // pixels; of JPEG
inline constexpr int errors_at = 2 * neighbours + 1;

constexpr int blocks_at(int phase) { return errors_at + (phase > 1 ? 2 : 0); }
constexpr int constants_at(int phase) { return blocks_at(phase) + block; }
constexpr int references_at(int phase) { return constants_at(phase) + 3; }

// How many there are; integer convolutions like multiples of four.
constexpr int channels(int phase, bool references) {
    return (references_at(phase) + (references ? 10 : 0) + 3) / 4 * 4;
}

inline constexpr std::uint8_t zero = 128;  // of activations

// A phase of a level. base: of the level's grid, filled on the way like `copied`, which only a phase with a reference
// has. before: of the phase before, complete; of D null. references: whether the network takes any. origin: of the grid
// in that of the whole image.
struct Phase {
    const Planes& planes;
    int number;
    const LevelHeader& header;
    std::int32_t low, high;
    const Reference* reference;
    bool references;
    Grid<std::int32_t>& base;
    Grid<std::int32_t>& copied;
    const Grid<std::int32_t>* before;
    Shape origin{};
    Clock* clock = nullptr;

    const Filter& filter() const { return header.of(number); }
    int inputs() const { return channels(number, references); }
};

// Rows of the network's input, those around first to last, too, of which base and copied are kept.
class Inputs : public Network::Input {
public:
    Inputs(const Phase& phase, std::int32_t first, std::int32_t last, std::pmr::memory_resource* memory);

    void row(std::int32_t row, std::uint8_t* to) const override;

private:
    DICOMPRESS_INLINE void describe(std::int32_t row, std::uint8_t* to) const;
    DICOMPRESS_WIDE void describe_wide(std::int32_t row, std::uint8_t* to) const;
    DICOMPRESS_INLINE void predict(std::int32_t row, std::int32_t* base, bool kept) const;
    DICOMPRESS_INLINE void describe_reference(std::int32_t row) const;
    void mark_columns(), mark_row(std::int32_t row) const;

    std::uint8_t* channel(int number) const { return channels_ + static_cast<std::size_t>(number) * stride_; }

    const Phase phase_;
    std::int32_t first_, last_;
    Distance distance_, distance_before_;
    Place place_;
    bool blocks_;
    Grid<std::uint8_t> buffer_;
    std::uint8_t* channels_;
    std::size_t stride_;
    Grid<std::int32_t> rows_;
    std::int32_t *spare_, *added_;  // rows: a base that is not kept, and what the reference adds
};

}  // namespace dicompress::pyramid
