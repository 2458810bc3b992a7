// Local regression: what the pixels around and the errors just made say about the network's next error.
//
// Ridge-regularised least squares over the symbols before, whose weights fall by 9/10 a row and a column. For every
// lane the sums of the products of eight features with each other and with the error are kept, and their 8 x 8 system
// is solved, in float32 with + - x / in one fixed order, so every machine rounds alike.
#pragma once

#include <array>
#include <vector>

#include "coder/lanes.hpp"
#include "coder/numeric.hpp"
#include "coder/wavefront.hpp"

namespace dicompress {

template <int W>
class Ridge {
    using F = Floats<W>;

public:
    static constexpr int features = 8;

    explicit Ridge(std::int64_t columns) : weight_{}, delayed_(Wavefront<W>::delay(columns) + 1) {}

    // The expected error of this step's symbols, at most 64 either way.
    DICOMPRESS_INLINE F predict(const F* x, const Wavefront<W>& at) {
        fade(at);
        F sum(0);
        for (int k = 0; k < features; ++k) sum = sum + absolute(x[k]);
        if (any(sum > 1.0f)) solve();  // not in padding
        F term[features];
        for (int k = 0; k < features; ++k) term[k] = weight_[k] * x[k];
        const F all = ((term[0] + term[1]) + (term[2] + term[3])) + ((term[4] + term[5]) + (term[6] + term[7]));
        return limited(all, -error_limit, error_limit);
    }

    // Learn from the errors that these features went with; both are 0 in lanes that are not active.
    DICOMPRESS_INLINE void learn(const F* x, const F& error) {
        float (*above)[row] = above_[step_ % kept];
        int entry = 0;
        for (int j = 0; j < features; ++j)
            for (int k = j; k <= features; ++k, ++entry) {
                const F product = x[j] * (k < features ? x[k] : error);
                (F::from(above[entry] + front) + product).to(above[entry] + front);
                left_[entry] = left_[entry] + product;
            }
        auto& here = delayed_[place_];
        for (int e = 0; e < entries; ++e) here[e] = above[e][front + lanes - 1];
        place_ = place_ + 1 == delayed_.size() ? 0 : place_ + 1;
        const auto& before = delayed_[place_];
        for (int e = 0; e < entries; ++e) above[e][front - 1] = before[e];
        ++step_;
    }

private:
    static constexpr int entries =
        features * (features + 3) / 2;                     // x_j x_k for k >= j, and x_j times the error behind them
    static constexpr int front = 16, row = front + lanes;  // floats
    static constexpr unsigned kept = 3;                    // steps
    static constexpr float fading = 0.9f, ridge = 16.0f * 256;  // sixteen symbols' worth

    // left: all rows up to this column, this row's symbols included. above: this column down to the row above. right:
    // the rows above to the right, as far as they are known.
    DICOMPRESS_INLINE void fade(const Wavefront<W>& at) {
        const float (*north)[row] = above_[(step_ + 1) % kept];       // two steps ago
        const float (*north_east)[row] = above_[(step_ + 2) % kept];  // one step ago
        const float (*right_before)[row] = right_[(step_ + 1) % 2];
        float (*above)[row] = above_[step_ % kept];
        float (*right)[row] = right_[step_ % 2];
        const F keep = dicompress::choose(at.column == 0, F(0), F(fading));
        const F keep_right = dicompress::choose(at.active, F(fading * fading), F(0));
        for (int e = 0; e < entries; ++e) {
            const F faded = F::from(north[e] + front - 1) * fading;
            faded.to(above[e] + front);
            left_[e] = left_[e] * keep + faded;
            ((F::from(north_east[e] + front - 1) + F::from(right_before[e] + front - 1)) * keep_right)
                .to(right[e] + front);
        }
    }

    // Gaussian elimination without pivots, as the matrix is positive definite.
    DICOMPRESS_INLINE void solve() {
        F m[features][features + 1];  // row j from column j on; the right-hand side is the last column
        int entry = 0;
        const float (*right)[row] = right_[step_ % 2];
        for (int j = 0; j < features; ++j)
            for (int k = j; k <= features; ++k, ++entry) {
                m[j][k] = left_[entry] + F::from(right[entry] + front);
                if (j == k) m[j][k] = m[j][k] + ridge;
            }
#pragma GCC unroll 8
        for (int j = 0; j < features; ++j) {
            m[j][j] = 1.0f / m[j][j];
#pragma GCC unroll 8
            for (int k = j + 1; k < features; ++k) {
                const F factor = m[j][k] * m[j][j];
#pragma GCC unroll 9
                for (int l = k; l <= features; ++l) m[k][l] = m[k][l] - factor * m[j][l];
            }
        }
#pragma GCC unroll 8
        for (int j = features - 1; j >= 0; --j) {
#pragma GCC unroll 8
            for (int k = j + 1; k < features; ++k) m[j][features] = m[j][features] - m[j][k] * weight_[k];
            weight_[j] = m[j][features] * m[j][j];
        }
    }

    alignas(64) float above_[kept][entries][row]{};
    alignas(64) float right_[2][entries][row]{};
    F left_[entries]{};
    F weight_[features];
    std::vector<std::array<float, entries>> delayed_;  // above, of the last lane
    std::size_t place_ = 0;
    unsigned step_ = 0;
};

}  // namespace dicompress
