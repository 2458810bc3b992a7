// Steps of fitting a level's filters that choosing references takes, too. planes: all four complete.
#pragma once

#include <vector>

#include "pyramid/fit.hpp"

namespace dicompress::pyramid {

Filter fit_alone(const Planes& planes, int phase, std::pmr::memory_resource* memory,
                 std::size_t fewest = fewest_fitted);

// The filter with coefficients for the reference's deviations, zeros where they are of no use.
Filter fit_leaning(const Planes& planes, const Reference& reference, int phase, Filter filter,
                   std::pmr::memory_resource* memory, std::size_t fewest = fewest_fitted);

// |pixel - prediction| of a phase, in 1/256 of a value.
std::vector<float> leftover(const Planes& planes, int phase, const Filter& filter, const Reference* reference);

}  // namespace dicompress::pyramid
