#include <array>
#include <cmath>

#include "pyramid/fit.hpp"
#include "pyramid/inputs.hpp"
#include "pyramid/sample.hpp"

namespace dicompress::pyramid {

namespace {

constexpr std::int32_t together = 16;  // magnitudes that are multiplied before a logarithm is taken: below 2^400

// The mean of log(|third difference| + 0.7) at each place along one side; strides: along it, and across it.
std::vector<double> roughness(const std::int32_t* pixels, std::int32_t length, std::ptrdiff_t along, std::int32_t width,
                              std::ptrdiff_t across) {
    std::vector<double> rough(static_cast<std::size_t>(length - 3));
    for (std::int32_t place = 0; place < length - 3; ++place) {
        const std::int32_t* at = pixels + place * along;
        double sum = 0;
        for (std::int32_t start = 0; start < width; start += together) {
            double product = 1;
            for (std::int32_t k = start; k < std::min(start + together, width); ++k) {
                const std::int32_t* p = at + k * across;
                product *= std::fabs(static_cast<double>(p[3 * along] - 3 * p[2 * along] + 3 * p[along] - p[0])) + 0.7;
            }
            sum += std::log(product);
        }
        rough[static_cast<std::size_t>(place)] = sum / width;
    }
    return rough;
}

}  // namespace

bool has_blocks(View<const std::int32_t> pixels) {
    const auto [rows, columns] = pixels.shape;
    if (std::min(rows, columns) < 8 * block) return false;
    for (const bool vertical : {true, false}) {
        const std::vector<double> rough = vertical ? roughness(pixels.data, rows, pixels.stride, columns, pixels.step)
                                                   : roughness(pixels.data, columns, pixels.step, rows, pixels.stride);
        std::array<double, block> sums{}, counts{};
        for (std::size_t k = 0; k < rough.size(); ++k) {
            const std::size_t place = k + 2;   // of the difference's middle
            if (place % strip == 0) continue;  // where strips meet
            sums[place % block] += rough[k], counts[place % block] += 1;
        }
        double others = sums[2] / counts[2];
        for (std::size_t k = 3; k < block - 1; ++k) others = std::max(others, sums[k] / counts[k]);
        if (sums[0] / counts[0] - others < 0.1) return false;
    }
    return true;
}

}  // namespace dicompress::pyramid
