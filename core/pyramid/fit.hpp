// Filters fitted to an image, and what a choice of references is worth: the encoder's side only.
#pragma once

#include <span>
#include <vector>

#include "base/context.hpp"
#include "model/model.hpp"
#include "pyramid/header.hpp"

namespace dicompress::pyramid {

// Pixels below which a phase keeps the mean of its four neighbours, and of the reference takes the same pixel.
inline constexpr std::size_t fewest_fitted = 2048;

// The filters of one level. image: filled. reference: of the same shape, what it leans on, or null.
Filters fit_level(Planes image, Planes* reference, std::pmr::memory_resource* memory,
                  std::size_t fewest = fewest_fitted);

// Whether an image was a JPEG once: rougher where blocks of 8x8 pixels meet, counted from its first pixel. pixels: a
// `sample`.
bool has_blocks(View<const std::int32_t> pixels);

// A gain and an offset that bring a reference to the values of the image; 1 and 0 if nothing is won by others. Samples
// of both.
Blend comparable(const Grid<std::int32_t>& image, const Grid<std::int32_t>& reference, const Values& values,
                 std::pmr::memory_resource* memory);

// Gains and offset with which one or two references come nearest to what is new in an image. found: `comparable` of
// each. filters: fitted to the image.
Blend fit_blend(const Grid<std::int32_t>& image, std::span<const Grid<std::int32_t>* const> references,
                std::span<const Blend> found, const Filters& filters, const Values& values,
                std::pmr::memory_resource* memory);

// A deviation in 1/256 of a value: the typical one of magnitudes above half a value.
std::int32_t measure_scale(std::vector<float>& magnitudes);

Header fit_header(const Source& image, const Values& values, int levels, std::span<const Source* const> references,
                  Context& context);

// About the bits of an image with each of the choices, by what the filters leave of samples of the two finest levels;
// up to a constant of the image.
std::vector<double> estimate_bits(const Source& image, const Values& values,
                                  std::span<const std::vector<const Source*>> choices, Context& context);

}  // namespace dicompress::pyramid
