// Integer networks with pseudo-random weights on pseudo-random activations: prints, of every kernel of this processor and of
// every network, a digest of what it computes. The same lines, but for the kernels' names, on every processor.
//
//   g++ -std=c++20 -O3 -ffp-contract=off -I core tests/network_driver.cpp core/network/{network,read,generic,avx2,vnni,neon,wasm,cpu}.cpp
#include <bit>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/digest.hpp"
#include "network/network.hpp"

using namespace dicompress;

namespace {

struct Random {  // G. L. Steele Jr., D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", 2014
    std::uint64_t state;

    std::uint64_t next() {
        std::uint64_t z = state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
    int within(int low, int high) { return low + static_cast<int>(next() % static_cast<std::uint64_t>(high - low + 1)); }
};

struct Sizes {
    int inputs, features, narrow, components, flags, slope;
    std::vector<int> dilations;
    int largest;  // weight
};

void put_layer(Bytes& file, Random& random, int out, int in, int largest) {
    for (int i = 0; i < out * in; ++i) put_little_endian(file, static_cast<std::uint8_t>(random.within(-largest, largest)));
    for (int i = 0; i < out; ++i) put_little_endian(file, static_cast<std::uint32_t>(random.within(-3000, 3000)));
    const int shift = std::bit_width(static_cast<unsigned>(in * largest)) / 2 + std::bit_width(static_cast<unsigned>(largest)) / 2;
    for (int i = 0; i < out; ++i) file.push_back(static_cast<std::uint8_t>(random.within(shift - 1, shift + 2)));
}

Bytes made(const Sizes& s, Random& random) {
    Bytes file;
    for (int number : {s.inputs, s.features, s.narrow, s.components, s.flags, s.slope, s.slope, static_cast<int>(s.dilations.size())})
        file.push_back(static_cast<std::uint8_t>(number));
    for (int dilation : s.dilations) file.push_back(static_cast<std::uint8_t>(dilation)), file.push_back(static_cast<std::uint8_t>(s.slope));
    put_layer(file, random, s.features, 9 * s.inputs, s.largest);
    for (std::size_t i = 0; i < 2 * s.dilations.size(); ++i) put_layer(file, random, s.features, 9 * s.features, s.largest);
    put_layer(file, random, s.narrow, s.features, s.largest);
    if (s.flags & 4) put_layer(file, random, s.narrow, s.narrow, s.largest);
    put_layer(file, random, s.narrow, 9, s.largest);
    const int wide = s.largest == 63 ? 8000 : 20000;  // some too large for two bytes of base 128
    for (int i = 0; i < 3 * s.components * (s.narrow + 1); ++i)
        put_little_endian(file, static_cast<std::uint32_t>(random.within(0, 15) ? random.within(-99, 99) : random.within(-wide, wide)));
    return file;
}

struct Rows final : Network::Input {
    const std::uint8_t* from;
    std::size_t size;

    Rows(const std::uint8_t* from, std::size_t size) : from(from), size(size) {}
    void row(std::int32_t row, std::uint8_t* to) const override { std::memcpy(to, from + static_cast<std::size_t>(row) * size, size); }
};

Bytes activations(Random& random, std::size_t size) {
    Bytes found(size);
    for (std::uint8_t& value : found) value = static_cast<std::uint8_t>(random.next() % 3 ? random.within(96, 160) : random.within(0, 255));
    return found;
}

std::uint64_t digest(const Network& network, Shape shape, Random random, Kernel kernel) {
    const auto size = [&](int channels) { return shape.size() * static_cast<std::size_t>(channels); };
    const Bytes x = activations(random, size(network.inputs())), before = activations(random, size(network.features_in()));
    Bytes after(size(network.features_out()));
    std::vector<float> parameters(size(3 * network.components()));
    const Rows rows(x.data(), static_cast<std::size_t>(shape.columns) * static_cast<std::size_t>(network.inputs()));
    const std::int32_t half = shape.rows / 2;
    for (auto [first, last] : {std::pair{0, half}, {half, shape.rows}})
        network.run(rows, before.data(), shape, first, last, parameters.data(), shape.size(), static_cast<std::size_t>(shape.columns),
                    after.data(), std::pmr::get_default_resource(), kernel);
    for (float parameter : parameters) put_little_endian(after, static_cast<std::uint32_t>(static_cast<std::int32_t>(parameter)));
    return digest_of(after);
}

const char* name_of(Kernel kernel) {
    switch (kernel) {
        case Kernel::avx2: return "avx2";
        case Kernel::vnni: return "vnni";
        case Kernel::neon: return "neon";
        case Kernel::wasm: return "wasm";
        case Kernel::generic: break;
    }
    return "generic";
}

}  // namespace

int main() {
    const Sizes networks[] = {
        {32, 32, 32, 3, 6, 1, {1}, 63},   {32, 32, 32, 3, 5, 1, {}, 63},      {20, 48, 32, 3, 6, 1, {1, 2}, 63},
        {24, 48, 32, 3, 7, 1, {1}, 20},   {28, 32, 32, 1, 4, 1, {}, 5},       {4, 4, 4, 2, 2, 0, {3}, 63},
        {12, 20, 36, 5, 7, 3, {1}, 30},   {64, 64, 64, 16, 7, 4, {4, 1}, 63}, {8, 16, 40, 3, 3, 2, {2}, 40},
    };
    const Shape shapes[] = {{1, 1}, {1, 23}, {9, 1}, {7, 130}, {33, 20}};
    for (Kernel kernel : kernels()) {
        Random random{1};
        for (const Sizes& sizes : networks) {
            const Bytes file = made(sizes, random);
            Reader reader(file);
            const Network network = Network::read(reader, std::pmr::get_default_resource());
            reader.finish();
            std::printf("%s", name_of(kernel));
            for (Shape shape : shapes) std::printf(" %016llx", static_cast<unsigned long long>(digest(network, shape, random, kernel)));
            std::printf("\n");
        }
    }
}
