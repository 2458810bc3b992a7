// Codes one phase as the native module does, from a file of integers, and decodes it again; compiled in several ways by
// test_adaptation.py, WIDTH numbers a vector. Arguments: input, output.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "coder/band.hpp"

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
    std::vector<std::int32_t> symbols(known + 4 * plane, known + 5 * plane), decoded(plane);

    Band band{spec, 1, rows, columns, symbols.data(), plane, columns, parameters, plane, columns, {base, columns}};
    for (std::size_t k = 0; k < known_pixels; ++k) band.known[k] = {known + k * plane, columns};
    bool lanes_used;
    const auto coded = encode_band<WIDTH>(band, lanes_used, std::pmr::get_default_resource());
    band.symbols = decoded.data();
    decode_band<WIDTH>(band, coded, lanes_used, std::pmr::get_default_resource());
    std::ofstream(arguments[2], std::ios::binary).write(reinterpret_cast<const char*>(coded.data()), coded.size());
    return decoded == symbols ? 0 : 1;
}
