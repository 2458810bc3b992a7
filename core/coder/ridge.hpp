// Local regression: what the pixels around and the errors just made say about the network's next error.
//
// Ridge-regularised least squares over the symbols before, whose weights fall by 9/10 a row and a column. For every
// lane the sums of the products of nine features with each other and with the error are kept; each step brings the
// solution of their 9 x 9 system closer, in float32 with + - x / in one fixed order, so every machine rounds alike.
#pragma once

#include <array>
#include <memory_resource>
#include <vector>

#include "coder/lanes.hpp"
#include "coder/numeric.hpp"
#include "coder/wavefront.hpp"

namespace dicompress {

template <int W>
class Ridge {
    using F = Floats<W>;

public:
    static constexpr int features = 9;

    Ridge(std::int64_t columns, std::pmr::memory_resource* memory)
        : delayed_(static_cast<std::size_t>(Wavefront<W>::delay(columns) + 1), memory) {}

    // The expected error of this step's symbols, at most 64 either way.
    DICOMPRESS_INLINE F predict(const F* x, const Wavefront<W>& at) {
        update(at);
        F sum(0);
        for (int k = 0; k < features; ++k) sum = sum + absolute(x[k]);
        if (any(sum > 1.0f)) improve();  // not in padding
        F term[features];
        for (int k = 0; k < features; ++k) term[k] = weight_[k] * x[k];
        const F known = (term[0] + term[1]) + (term[2] + term[3]), past = (term[4] + term[5]) + (term[6] + term[7]);
        return limited(known + past + term[8], -error_limit, error_limit);
    }

    // Learn from the errors that these features went with; both are 0 in lanes that are not active.
    DICOMPRESS_INLINE void learn(const F* x, const F& error) {
        for (int k = 0; k < features; ++k) learned_[k] = x[k];
        learned_[features] = error;
    }

private:
    static constexpr int entries =
        features * (features + 3) / 2;  // x_j x_k for k >= j, and x_j times the error behind them
    static constexpr float fading = 0.9f, ridge = 16.0f * 256;  // sixteen symbols' worth

    // Of column j, x_j x_k or, for k = features, x_j times the error.
    static constexpr int entry(int j, int k) {
        return j > k ? entry(k, j) : j * (2 * features + 1 - j) / 2 + k;
    }

    // What the step before taught, and the sums of this step's places: left: all rows up to this column, this row's
    // symbols included. A column down to a row is given on to the lane below. right: the rows above to the right, as
    // far as they are known.
    DICOMPRESS_INLINE void update(const Wavefront<W>& at) {
        F* given = given_[step_ % 2];  // at first that of three steps ago
        const F* given_here = given_[(step_ + 1) % 2];
        ++step_;
        const F keep = dicompress::choose(at.column == 0, F(0), F(fading));
        const F keep_right = dicompress::choose(at.active, F(fading * fading), F(0));
        float* last = delayed_[place_].data();
        place_ = place_ + 1 == delayed_.size() ? 0 : place_ + 1;
        const float* first = delayed_[place_].data();
        int e = 0;
#pragma GCC unroll 1
        for (int j = 0; j < features; ++j)
#pragma GCC unroll 1
            for (int k = j; k <= features; ++k, ++e) {
                const F product = learned_[j] * learned_[k];
                const F whole = given[e] * fading + product;
                last[e] = whole.part[F::parts - 1][W - 1];
                const F column = shifted(whole, first[e]);
                given[e] = column;
                left_[e] = (left_[e] + product) * keep + given_here[e] * fading;
                const F right = (column + right_[e]) * keep_right;
                sums_[e] = left_[e] + right;
                right_[e] = shifted(right, 0);
            }
    }

    // One round of Gauss and Seidel's: the weights of the step before are close to the solution. The matrix is positive
    // definite.
    DICOMPRESS_INLINE void improve() {
        F inverse[features];
#pragma GCC unroll 9
        for (int j = 0; j < features; ++j) inverse[j] = 1.0f / (sums_[entry(j, j)] + ridge);
#pragma GCC unroll 9
        for (int j = 0; j < features; ++j) {
            F rest = sums_[entry(j, features)];
#pragma GCC unroll 9
            for (int k = j + 1; k < features; ++k) rest = rest - sums_[entry(j, k)] * weight_[k];
#pragma GCC unroll 9
            for (int k = 0; k < j; ++k) rest = rest - sums_[entry(k, j)] * weight_[k];
            weight_[j] = rest * inverse[j];
        }
    }

    F given_[2][entries]{}, right_[entries]{};  // in the lane that they are given to
    F left_[entries]{}, sums_[entries]{};
    F weight_[features]{}, learned_[features + 1]{};
    std::pmr::vector<std::array<float, entries>> delayed_;  // of the last lane
    std::size_t place_ = 0;
    unsigned step_ = 0;
};

}  // namespace dicompress
