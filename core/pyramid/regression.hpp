// Weighted least squares of a few regressors on thousands of samples; outliers weigh less. The encoder's side only.
#pragma once

#include <cstddef>
#include <memory_resource>
#include <span>

#include "base/grid.hpp"

namespace dicompress::pyramid {

inline constexpr std::size_t most_regressors = 14;

class Regression {
public:
    // Numbers are not set to anything.
    Regression(std::size_t regressors, std::size_t samples, std::pmr::memory_resource* memory);

    std::size_t regressors() const { return regressors_; }
    std::size_t samples() const { return samples_; }
    float* regressor(std::size_t k) { return row(k); }
    float* wanted() { return row(regressors_); }

    void weigh_alike();
    // Samples weigh 1 / (error^2 + median |error|^2).
    void weigh_by_error();

    // Weights to come near to what is wanted. ridge: added to the diagonal.
    void solve(double ridge, std::span<double> solution);
    // The error is what a solution leaves; without one, what is wanted.
    void leave(std::span<const double> solution);
    void leave_all();

    double mean_square() const;  // of the regressors
    double total_weight() const;
    double cost() const;

private:
    float* row(std::size_t k) { return numbers_.row(static_cast<std::ptrdiff_t>(k)); }
    const float* row(std::size_t k) const { return numbers_.row(static_cast<std::ptrdiff_t>(k)); }

    std::size_t regressors_, samples_, padded_;
    Grid<float> numbers_;  // regressors, what is wanted, the error, the weights
    float *error_, *weight_;
    Grid<float> spare_;
};

// About the nats a value of these errors.
double mean_cost(std::span<const float> errors);

// The middle one of numbers of at least 0; changes `spare`, of as many.
float median(std::span<const float> numbers, float* spare);

}  // namespace dicompress::pyramid
