#include "pyramid/regression.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "pyramid/rows.hpp"

namespace dicompress::pyramid {

namespace {

constexpr std::size_t vector_length = 16;  // all sums are of so many parts, whatever the processor's vectors hold
constexpr std::size_t piece = 256;  // samples that stay in the first cache, and that are added up in single precision
constexpr std::size_t most_rows = most_regressors + 1;

using Products = std::array<std::array<double, most_rows>, most_rows>;

DICOMPRESS_INLINE double sum_of(float* parts) {
    for (std::size_t width = vector_length / 2; width; width /= 2)
        for (std::size_t i = 0; i < width; ++i) parts[i] += parts[i + width];
    return static_cast<double>(parts[0]);
}

// products[i][j] += sum of weight * row i * row j, for i below the last row and j from i on.
DICOMPRESS_INLINE void add_products(const float* const* rows, std::size_t count, const float* weight,
                                    Products& products) {
    float weighted[piece];
    for (std::size_t i = 0; i + 1 < count; ++i) {
        for (std::size_t s = 0; s < piece; ++s) weighted[s] = rows[i][s] * weight[s];
        for (std::size_t j = i; j < count; j += 4) {
            const auto row = [&](std::size_t n) { return rows[std::min(j + n, count - 1)]; };
            const float* __restrict row0 = row(0), * __restrict row1 = row(1);
            const float* __restrict row2 = row(2), * __restrict row3 = row(3);
            float sum0[vector_length]{}, sum1[vector_length]{}, sum2[vector_length]{}, sum3[vector_length]{};
            for (std::size_t s = 0; s < piece; s += vector_length)
                for (std::size_t k = 0; k < vector_length; ++k) {
                    sum0[k] += weighted[s + k] * row0[s + k], sum1[k] += weighted[s + k] * row1[s + k];
                    sum2[k] += weighted[s + k] * row2[s + k], sum3[k] += weighted[s + k] * row3[s + k];
                }
            const double found[4] = {sum_of(sum0), sum_of(sum1), sum_of(sum2), sum_of(sum3)};
            for (std::size_t n = 0; n < 4 && j + n < count; ++n) products[i][j + n] += found[n];
        }
    }
}

DICOMPRESS_WIDE void add_products_wide(const float* const* rows, std::size_t count, const float* weight,
                                       Products& products) {
    add_products(rows, count, weight, products);
}

// to = wanted - weights * rows.
DICOMPRESS_INLINE void subtract(const float* const* rows, std::size_t count, const float* weights, const float* wanted,
                                float* __restrict to) {
    for (std::size_t s = 0; s < piece; ++s) to[s] = wanted[s];
    for (std::size_t k = 0; k < count; ++k) {
        const float weight = weights[k];
        for (std::size_t s = 0; s < piece; ++s) to[s] -= weight * rows[k][s];
    }
}

DICOMPRESS_WIDE void subtract_wide(const float* const* rows, std::size_t count, const float* weights,
                                   const float* wanted, float* to) {
    subtract(rows, count, weights, wanted, to);
}

// x of the symmetric system whose last column is its right side; of `a` the upper half is given, and changed.
void solve_in_place(Products& a, std::size_t count, std::span<double> x) {
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = i + 1; j < count; ++j) {
            const double factor = a[i][j] / a[i][i];
            for (std::size_t k = j; k <= count; ++k) a[j][k] -= factor * a[i][k];
        }
    for (std::size_t i = count; i-- > 0;) {
        x[i] = a[i][count];
        for (std::size_t j = i + 1; j < count; ++j) x[i] -= a[i][j] * x[j];
        x[i] /= a[i][i];
    }
}

}  // namespace

Regression::Regression(std::size_t regressors, std::size_t samples, std::pmr::memory_resource* memory)
    : regressors_(regressors),
      samples_(samples),
      padded_((samples + piece - 1) / piece * piece),
      numbers_({static_cast<std::int32_t>(regressors + 3), static_cast<std::int32_t>(padded_)}, memory),
      error_(row(regressors + 1)),
      weight_(row(regressors + 2)),
      spare_({1, static_cast<std::int32_t>(padded_)}, memory) {
    for (std::size_t k = 0; k < regressors + 3; ++k) std::fill(row(k) + samples_, row(k) + padded_, 0.0f);
}

void Regression::weigh_alike() { std::fill_n(weight_, samples_, 1.0f); }

void Regression::leave_all() { std::copy_n(wanted(), samples_, error_); }

void Regression::solve(double ridge, std::span<double> solution) {
    Products products{};
    for (std::size_t start = 0; start < padded_; start += piece) {
        const float* rows[most_rows];
        for (std::size_t k = 0; k <= regressors_; ++k) rows[k] = row(k) + start;
        (wide_vectors() ? add_products_wide : add_products)(rows, regressors_ + 1, weight_ + start, products);
    }
    for (std::size_t k = 0; k < regressors_; ++k) products[k][k] += ridge;
    solve_in_place(products, regressors_, solution);
}

void Regression::leave(std::span<const double> solution) {
    float weights[most_regressors];
    for (std::size_t k = 0; k < regressors_; ++k) weights[k] = static_cast<float>(solution[k]);
    for (std::size_t start = 0; start < padded_; start += piece) {
        const float* rows[most_rows];
        for (std::size_t k = 0; k < regressors_; ++k) rows[k] = row(k) + start;
        (wide_vectors() ? subtract_wide : subtract)(rows, regressors_, weights, wanted() + start, error_ + start);
    }
}

void Regression::weigh_by_error() {
    for (std::size_t s = 0; s < samples_; ++s) spare_.data()[s] = std::fabs(error_[s]);
    const float floor = std::max(median({spare_.data(), samples_}, weight_), 0.5f), square = floor * floor;
    for (std::size_t s = 0; s < samples_; ++s) weight_[s] = 1.0f / (error_[s] * error_[s] + square);
}

double Regression::total_weight() const {
    double total = 0;
    for (std::size_t s = 0; s < samples_; s += piece) {
        float parts[vector_length]{};
        for (std::size_t i = 0; i < piece; i += vector_length)
            for (std::size_t k = 0; k < vector_length; ++k) parts[k] += weight_[s + i + k];
        for (float part : parts) total += static_cast<double>(part);
    }
    return total;
}

double Regression::mean_square() const {
    double total = 0;
    for (std::size_t k = 0; k < regressors_; ++k)
        for (std::size_t s = 0; s < samples_; s += piece) {
            float parts[vector_length]{};
            for (std::size_t i = 0; i < piece; i += vector_length)
                for (std::size_t n = 0; n < vector_length; ++n) parts[n] += row(k)[s + i + n] * row(k)[s + i + n];
            for (float part : parts) total += static_cast<double>(part);
        }
    return total / static_cast<double>(regressors_ * samples_);
}

double Regression::cost() const { return mean_cost({error_, samples_}); }

double mean_cost(std::span<const float> errors) {
    constexpr std::size_t together = 16 * vector_length;  // 16 of these magnitudes, multiplied, are no more than 2^500
    double total = 0;
    std::size_t s = 0;
    for (; s + together <= errors.size(); s += together) {
        double products[vector_length];
        std::fill_n(products, vector_length, 1.0);
        for (std::size_t i = 0; i < together; i += vector_length)
            for (std::size_t k = 0; k < vector_length; ++k)
                products[k] *= static_cast<double>(std::fabs(errors[s + i + k]) + 0.7f);
        for (std::size_t k = 0; k < vector_length; k += 2) total += std::log(products[k]) + std::log(products[k + 1]);
    }
    for (; s < errors.size(); ++s) total += std::log(static_cast<double>(std::fabs(errors[s]) + 0.7f));
    return total / static_cast<double>(errors.size());
}

float median(std::span<const float> numbers, float* spare) {
    // Bits of numbers of at least 0 ascend as they do: first find the right ones of so many bins, then among these.
    constexpr int shift = 20;
    std::array<std::uint32_t, 1 << (31 - shift)> counts{};
    for (float number : numbers) ++counts[std::bit_cast<std::uint32_t>(number) >> shift];
    std::size_t below = 0, bin = 0;
    while (below + counts[bin] <= numbers.size() / 2) below += counts[bin++];
    float* end = spare;
    for (float number : numbers)
        if (std::bit_cast<std::uint32_t>(number) >> shift == bin) *end++ = number;
    float* middle = spare + (numbers.size() / 2 - below);
    std::nth_element(spare, middle, end);
    return *middle;
}

}  // namespace dicompress::pyramid
