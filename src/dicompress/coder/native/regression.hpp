// Local regression: what the known pixels around and the errors just made say about the network's next error.
//
// Features of a symbol: the distances of its four nearest known pixels from the predicted mean and the errors of its
// four causal neighbours, all in sixteenths of the predicted deviation. Ridge-regularised least squares over the symbols
// before it, whose weights fall by 7/8 a row and a column, gives the shift of the mean. The sums are
// integers; the 8x8 system is solved in float32 with + - * / in one fixed order, so every machine rounds alike.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "arithmetic.hpp"
#include "flat.hpp"
#include "mixture.hpp"
#include "width.hpp"

namespace dicompress {

// Sums of products of the features, by cyclic diagonals (entry 8 d + i for x_i x_j, j = i + d mod 8, d up to 4), then of
// the features and the error: whole vectors to the compiler.
struct Sums {
    static constexpr int features = 8, diagonals = 5, entries = features * (diagonals + 1);
    alignas(64) std::array<std::int32_t, entries> value{};

    static constexpr int entry(int i, int j) {
        const int d = (j - i + features) % features;
        return d < diagonals ? features * d + i : features * (features - d) + j;
    }

    // Everything before counts 7/8 as much.
    void fade() {
        for (auto& v : value) v -= v >> 3;
    }
    void add(const Sums& other) {
        for (std::size_t i = 0; i < value.size(); ++i) value[i] += other.value[i];
    }
};

// The parts of the adaptive stage; the format has all of them, measurements may leave some out.
struct Parts {
    bool shift = true, width = true, flat = true;
};

class Regression {
public:
    static constexpr int known_pixels = 4;

    Regression(const MixtureSpec& spec, std::size_t lines, std::size_t columns, const Parts& parts = {})
        : spec_(spec),
          parts_(parts),
          columns_(columns),
          stride_(columns + 2 * margin),
          errors_((lines + margin) * stride_),
          rests_(errors_.size()),
          above_(columns),
          right_(columns),
          flat_(lines, columns) {}

    // Shift and widen the mixture of the symbol at `column` of `line`. `known`: the nearest known pixels.
    void before(std::size_t line, std::size_t column, const std::array<std::int32_t, known_pixels>& known, Mixture& mixture) {
        if (column == 0) start_line();
        at_ = (line + margin) * stride_ + margin + column;
        column_ = column;
        const std::int16_t* here = errors_.data() + at_;
        const std::int16_t* north = here - stride_;
        for (std::size_t i = 0; i < known_pixels; ++i) x_[i] = static_cast<std::int16_t>(limited(mixture.error(known[i])));
        x_[4] = here[-1], x_[5] = north[0], x_[6] = north[-1], x_[7] = north[1];
        silent_ = std::all_of(x_.begin(), x_.end(), [](std::int16_t x) { return x == 0; });

        above_[column].fade();
        left_.fade();
        left_.add(above_[column]);
        if (column % solve_every == 0 && !silent_) solve();
        shift_ = parts_.shift ? predict() : 0;

        const std::int16_t* rest = rests_.data() + at_;
        width_.choose(rest, rest - stride_, rest - 2 * stride_);
        mixture.adapt(shift_, parts_.width ? width_.widen() : 0);
        if (parts_.flat) flat_.before(line, column, known, spec_, mixture);
    }

    // Learn from the symbol that was coded.
    void after(std::int32_t value, const Bin& bin, const Mixture& mixture) {
        if (parts_.flat) flat_.after(value, bin, mixture);
        const auto error = static_cast<std::int16_t>(limited(mixture.error(value)));
        if (!silent_) learn(error);
        const std::int64_t rest = error - shift_;
        width_.learn(rest, spec_.near ? mixture.half(bin.count()) : 0);
        errors_[at_] = error;
        rests_[at_] = static_cast<std::int16_t>(std::abs(rest));
    }

private:
    static std::int64_t limited(std::int64_t error) { return std::clamp<std::int64_t>(error, -error_limit, error_limit); }

    // Add the products of the features with each other and with the error.
    void learn(std::int16_t error) {
        constexpr int n = Sums::features;
        std::array<std::int16_t, 2 * n> x;
        std::copy(x_.begin(), x_.end(), x.begin());
        std::copy(x_.begin(), x_.end(), x.begin() + n);
        Sums products;
        for (int d = 0; d < Sums::diagonals; ++d)
            for (int i = 0; i < n; ++i) products.value[n * d + i] = (x[i] * x[i + d]) << unit_bits;
        for (int i = 0; i < n; ++i) products.value[n * Sums::diagonals + i] = (x[i] * error) << unit_bits;
        above_[column_].add(products);
        left_.add(products);
    }

    // Sums of the row above to the right of every column, fading with distance.
    void start_line() {
        Sums run;
        for (std::size_t column = columns_; column-- > 0;) {
            run.fade();
            right_[column] = run;
            right_[column].fade();
            run.add(above_[column]);
        }
        left_ = {};
    }

    // The weights of the features: Gaussian elimination without pivots, as the matrix is positive definite. Unrolled, as
    // vectors of so few numbers cost more than they save (CMakeLists.txt).
    void solve() {
        constexpr int n = Sums::features;
        float r[n][n + 1];  // row i from column i on; the right-hand side is column n
        const Sums& right = right_[column_];
        float sums[Sums::entries];
        for (int i = 0; i < Sums::entries; ++i) sums[i] = static_cast<float>(left_.value[i] + right.value[i]);
        for (int i = 0; i < n; ++i) {
            for (int j = i; j < n; ++j) r[i][j] = sums[Sums::entry(i, j)];
            r[i][i] += ridge;
            r[i][n] = sums[n * Sums::diagonals + i];
        }
#pragma GCC unroll 8
        for (int i = 0; i < n; ++i) {
            const float inverse = 1.0f / r[i][i];
#pragma GCC unroll 8
            for (int j = i + 1; j < n; ++j) {
                const float factor = r[i][j] * inverse;
#pragma GCC unroll 9
                for (int k = j; k <= n; ++k) r[j][k] -= factor * r[i][k];
            }
            r[i][i] = inverse;
        }
#pragma GCC unroll 8
        for (int i = n - 1; i >= 0; --i) {
            float v = r[i][n];
            for (int j = i + 1; j < n; ++j) v -= r[i][j] * weights_[j];
            weights_[i] = v * r[i][i];
        }
    }

    // The expected error of the current symbol, in sixteenths of the deviation.
    std::int64_t predict() const {
        float sum = 0;
        for (int i = 0; i < Sums::features; ++i) sum += weights_[i] * static_cast<float>(x_[i]);
        const float bounded = std::clamp(sum, -static_cast<float>(error_limit), static_cast<float>(error_limit));
        return static_cast<std::int64_t>(std::floor(bounded + 0.5f));
    }

    static constexpr std::size_t margin = 3, solve_every = 2;  // columns
    static constexpr int unit_bits = 4;  // fraction bits of the sums: 2^14 * 2^4 * 8 * 15 < 2^31
    static constexpr float ridge = 15.0f * 256 * 16;  // fifteen symbols' worth
    static constexpr std::int64_t error_limit = 127;
    static constexpr int width_rate = 12;
    static constexpr std::array<int, 12> width_limits = {36, 72, 120, 168, 228, 300, 396, 540, 740, 1075, 1600, 2200};

    const MixtureSpec& spec_;
    Parts parts_;
    std::size_t columns_, stride_;
    std::vector<std::int16_t> errors_, rests_;
    std::vector<Sums> above_, right_;  // per column: this one down to the row above; and all to its right
    Sums left_;                        // all columns up to this one, this row's symbols included
    std::array<std::int16_t, Sums::features> x_{};
    std::array<float, Sums::features> weights_{};
    Width width_{width_limits, width_rate};
    Flat flat_;
    std::size_t at_ = 0, column_ = 0;
    std::int64_t shift_ = 0;
    bool silent_ = true;  // all features are zero, as in padding
};

}  // namespace dicompress
