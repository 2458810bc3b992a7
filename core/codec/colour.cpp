#include "codec/colour.hpp"

#include <cmath>

namespace dicompress::colour {

namespace {

constexpr std::int32_t sampled = 256;  // rows at most that coefficients are fitted on
using Details = std::vector<double>;

// What no neighbour tells: the mixed second difference, of every `step`-th row.
Details details_of(const ConstPixelPlane& plane, std::int32_t step) {
    const auto columns = static_cast<std::size_t>(plane.shape.columns);
    std::vector<std::int32_t> upper(columns), lower(columns);
    Details details;
    for (std::int32_t row = 0; row + 1 < plane.shape.rows; row += step) {
        plane.read(row, 0, upper), plane.read(row + 1, 0, lower);
        for (std::size_t c = 0; c + 1 < columns; ++c)
            details.push_back(lower[c + 1] - upper[c + 1] - (lower[c] - upper[c]));
    }
    return details;
}

// About the nats a value that the coefficients leave.
double cost(const Details& wanted, const std::vector<Details>& given, std::span<const double> by) {
    double sum = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        double left = wanted[i];
        for (std::size_t k = 0; k < given.size(); ++k) left -= by[k] * given[k][i];
        sum += std::log(std::abs(left) + 0.7);
    }
    return sum;
}

// Solves a x = b for a symmetric positive matrix of n <= 3 rows.
void solve(double (&a)[most_samples - 1][most_samples - 1], double* b, std::size_t n) {
    for (std::size_t k = 0; k < n; ++k)
        for (std::size_t row = k + 1; row < n; ++row) {
            const double factor = a[row][k] / a[k][k];
            for (std::size_t column = k; column < n; ++column) a[row][column] -= factor * a[k][column];
            b[row] -= factor * b[k];
        }
    for (std::size_t k = n; k-- > 0;) {
        for (std::size_t column = k + 1; column < n; ++column) b[k] -= a[k][column] * b[column];
        b[k] /= a[k][k];
    }
}

// Whether the coded values lie within the limits.
bool fits(const ConstPixelPlane& plane, std::span<const ConstPixelPlane> before, const Coefficients& coefficients) {
    const Said said(before, coefficients);
    std::vector<std::int32_t> line(static_cast<std::size_t>(plane.shape.columns));
    std::int32_t low = limit, high = -limit;
    for (std::int32_t row = 0; row < plane.shape.rows; ++row) {
        plane.read(row, 0, line);
        said.take(row, 0, line);
        for (std::int32_t v : line) low = std::min(low, v), high = std::max(high, v);
    }
    return low >= -limit && high <= limit && high - low <= limit;
}

}  // namespace

Coefficients fit(const ConstPixelPlane& plane, std::span<const ConstPixelPlane> before) {
    Coefficients best{};
    const std::size_t n = before.size();
    if (!n || plane.shape.rows < 2 || plane.shape.columns < 2) return best;
    const std::int32_t step = (plane.shape.rows - 1 + sampled - 1) / sampled;
    const Details wanted = details_of(plane, step);
    std::vector<Details> given;
    for (const ConstPixelPlane& p : before) given.push_back(details_of(p, step));

    double least = HUGE_VAL;
    const auto consider = [&](const Coefficients& found) {
        double by[most_samples - 1];
        for (std::size_t k = 0; k < n; ++k) by[k] = found[k] / double(1 << one_bits);
        const double nats = cost(wanted, given, {by, n});
        if (nats < least) least = nats, best = found;
    };
    consider({});
    for (std::size_t k = 0; k < n; ++k) {
        Coefficients one{};
        one[k] = 1 << one_bits;
        consider(one);
    }
    std::vector<double> weight(wanted.size(), 1.0);
    for (int round = 0; round < 3; ++round) {
        double a[most_samples - 1][most_samples - 1] = {}, b[most_samples - 1] = {};
        for (std::size_t i = 0; i < wanted.size(); ++i)
            for (std::size_t k = 0; k < n; ++k) {
                const double weighted = weight[i] * given[k][i];
                for (std::size_t j = 0; j < n; ++j) a[k][j] += weighted * given[j][i];
                b[k] += weighted * wanted[i];
            }
        for (std::size_t k = 0; k < n; ++k) a[k][k] += 1;
        solve(a, b, n);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            double left = wanted[i];
            for (std::size_t k = 0; k < n; ++k) left -= b[k] * given[k][i];
            weight[i] = 1 / (1 + std::abs(left));
        }
        Coefficients rounded{};
        for (std::size_t k = 0; k < n; ++k)
            rounded[k] = static_cast<std::int32_t>(std::clamp(std::nearbyint(b[k] * (1 << one_bits)), -double(largest), double(largest)));
        consider(rounded);
    }
    return fits(plane, before, best) ? best : Coefficients{};
}

Said::Said(std::span<const ConstPixelPlane> before, const Coefficients& coefficients) {
    for (std::size_t k = 0; k < before.size(); ++k)
        if (coefficients[k]) used_.emplace_back(before[k], coefficients[k]);
}

template <int sign>
void Said::apply(std::int32_t row, std::int32_t column, std::span<std::int32_t> numbers) const {
    if (used_.empty()) return;
    std::vector<std::int32_t> line(numbers.size()), sum(numbers.size(), 1 << (one_bits - 1));
    for (const auto& [plane, coefficient] : used_) {
        plane.read(row, column, line);
        for (std::size_t i = 0; i < line.size(); ++i) sum[i] += line[i] * coefficient;
    }
    for (std::size_t i = 0; i < sum.size(); ++i) numbers[i] += sign * (sum[i] >> one_bits);
}

template void Said::apply<1>(std::int32_t, std::int32_t, std::span<std::int32_t>) const;
template void Said::apply<-1>(std::int32_t, std::int32_t, std::span<std::int32_t>) const;

void Said::take(std::int32_t row, std::span<const std::int32_t> columns, std::int32_t* numbers) const {
    if (used_.empty()) return;
    std::vector<std::int32_t> line(columns.size()), sum(columns.size(), 1 << (one_bits - 1));
    for (const auto& [plane, coefficient] : used_) {
        plane.gather(row, columns, line.data());
        for (std::size_t i = 0; i < line.size(); ++i) sum[i] += line[i] * coefficient;
    }
    for (std::size_t i = 0; i < sum.size(); ++i) numbers[i] -= sum[i] >> one_bits;
}

}  // namespace dicompress::colour
