// The planes that a plane leans on: as one picture of it, and what of a level's part of that picture is told.
#pragma once

#include <array>
#include <span>

#include "base/workers.hpp"
#include "model/values.hpp"
#include "pyramid/filter.hpp"
#include "pyramid/planes.hpp"

namespace dicompress::pyramid {

inline constexpr int gain_bits = 14;  // fixed point of gains
inline constexpr std::int64_t most_gain = 1 << 18, most_offset = std::int64_t{1} << 38;
inline constexpr int most_blended = 2;

// Each times a gain, and an offset, in 2^-gain_bits.
struct Blend {
    std::array<std::int64_t, most_blended> gains{std::int64_t{1} << gain_bits, 0};
    std::int64_t offset = 0;

    // In the numbers in which the image is coded. workers: null, or threads that share the work.
    void of(std::span<const View<const std::int32_t>> references, const Values& values, Workers* workers,
            Planes& to) const;
};

// A level's part of the blend, made comparable: the pixels that the level knows beforehand, and how the others deviate
// from their own interpolations, by the filters of the image that leans on it.
class Reference {
public:
    // planes: filled. workers: null, or threads that share the work.
    Reference(Planes planes, const Filters& filters, Workers* workers, std::pmr::memory_resource* memory);

    const Padded& known() const { return known_; }
    // pixel * 256 - interpolation; where it is taken it is `limited`.
    const Padded& deviations(int phase) const { return deviations_[static_cast<std::size_t>(phase) - 1]; }
    const std::int32_t* at(Tap tap, std::int32_t row) const {
        return deviations(tap.plane).row(row + tap.row) + tap.column;
    }

private:
    Padded known_;
    std::array<Padded, phases> deviations_;
};

}  // namespace dicompress::pyramid
