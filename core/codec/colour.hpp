// The samples of colour pixels as planes: each less what the planes before it say of it, pixel by pixel.
//
// A reversible colour transform in lifting steps, as in JPEG 2000's, whose coefficients are fitted to the image: where red,
// green and blue go together, the second and third planes are nearly zero.
#pragma once

#include "codec/stream.hpp"

namespace dicompress::colour {

inline constexpr int one_bits = 6;  // fixed point of the coefficients
inline constexpr std::int32_t largest = 4 << one_bits;
inline constexpr std::int32_t limit = 65535;  // of coded values, and of their largest minus their smallest

using Coefficients = std::array<std::int32_t, most_samples - 1>;

// A coefficient for each of the planes `before` `plane`, all of one shape; zeros where none is of use.
Coefficients fit(const ConstPixelPlane& plane, std::span<const ConstPixelPlane> before);

// What the planes before say of a row's pixels, from `column` on, which is taken from, or added to, `numbers`.
class Said {
public:
    Said(std::span<const ConstPixelPlane> before, const Coefficients& coefficients);

    void take(std::int32_t row, std::int32_t column, std::span<std::int32_t> numbers) const { apply<-1>(row, column, numbers); }
    void add(std::int32_t row, std::int32_t column, std::span<std::int32_t> numbers) const { apply<1>(row, column, numbers); }
    // For the columns named.
    void take(std::int32_t row, std::span<const std::int32_t> columns, std::int32_t* numbers) const;

private:
    template <int sign>
    void apply(std::int32_t row, std::int32_t column, std::span<std::int32_t> numbers) const;

    std::vector<std::pair<ConstPixelPlane, std::int32_t>> used_;
};

}  // namespace dicompress::colour
