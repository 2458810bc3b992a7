// Codes one phase as the native module does, from a file of integers; compiled at several optimisation levels by
// test_adaptation.py. Arguments: input, output.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "bins.hpp"
#include "range_coder.hpp"
#include "regression.hpp"

using namespace dicompress;

int main(int, char** arguments) {
    std::ifstream file(arguments[1], std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    const auto* header = reinterpret_cast<const std::int32_t*>(bytes.data());
    const std::size_t rows = header[0], columns = header[1], plane = rows * columns;
    MixtureSpec spec{header[2], header[3], header[4], header[5]};
    spec.near = header[6], spec.exact = {{header[7], header[8]}};
    const auto* parameters = reinterpret_cast<const float*>(header + 9);
    const std::int32_t* base = header + 9 + 3 * header[2] * plane;
    const std::int32_t* known = base + plane;
    const std::int32_t* symbols = known + 4 * plane;

    Mixture mixture(spec, true);
    Regression regression(spec, rows, columns);
    RangeEncoder encoder;
    const Bins bins(spec);
    for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t column = 0; column < columns; ++column) {
            const std::size_t at = row * columns + column;
            mixture.load(parameters + at, static_cast<std::int64_t>(plane), base[at]);
            const std::int32_t* k = known + at;
            regression.before(row, column, {k[0], k[plane], k[2 * plane], k[3 * plane]}, mixture);
            const Bin bin = bins.find(symbols[at], mixture);
            encoder.encode(mixture.cdf(bin.first), mixture.cdf(bin.last + 1));
            regression.after(static_cast<std::int32_t>(bins.representative(bin, mixture)), bin, mixture);
        }
    const auto coded = encoder.finish();
    std::ofstream(arguments[2], std::ios::binary).write(reinterpret_cast<const char*>(coded.data()), coded.size());
}
