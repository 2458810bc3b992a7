#include "network/steps.hpp"

#ifdef __x86_64__

#include "network/layers.hpp"
#include "network/target.hpp"
#include "network/x86.hpp"

namespace dicompress::network {

DICOMPRESS_TARGET("avx2")

namespace {

inline __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
inline void store(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }
inline __m256i signs(__m256i values) { return _mm256_xor_si256(values, _mm256_set1_epi8(-128)); }

// Products in 16 bits; their bit 8 is the parity that a half is rounded to.
inline __m256i gated(__m256i values, __m256i gates) {
    const __m256i product = _mm256_maddubs_epi16(gates, values);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi16(product, 8), _mm256_set1_epi16(1));
    return _mm256_srai_epi16(_mm256_add_epi16(product, _mm256_add_epi16(odd, _mm256_set1_epi16(127))), 8);
}

}  // namespace

// What is left behind the last whole vector goes the plain way.
void avx2_add(std::uint8_t* to, const std::uint8_t* other, std::size_t count) {
    std::size_t i = 0;
    for (; i + 32 <= count; i += 32)
        store(to + i, signs(_mm256_adds_epi8(signs(load(to + i)), signs(load(other + i)))));
    generic.add(to + i, other + i, count - i);
}

// u = q + 128 below 128 becomes 96 + u / 4, rounded half to even, which is less than u above 128.
void avx2_leak(std::uint8_t* values, int quarters, std::size_t count) {
    std::size_t i = 0;
    const __m256i one = _mm256_set1_epi8(1), six_bits = _mm256_set1_epi8(63), ninety_six = _mm256_set1_epi8(96);
    for (; quarters == 1 && i + 32 <= count; i += 32) {
        const __m256i u = load(values + i);
        const __m256i odd = _mm256_and_si256(_mm256_srli_epi16(u, 2), one);
        const __m256i more = _mm256_add_epi8(_mm256_add_epi8(u, one), odd);
        const __m256i quarter = _mm256_and_si256(_mm256_srli_epi16(more, 2), six_bits);
        store(values + i, _mm256_max_epu8(u, _mm256_add_epi8(quarter, ninety_six)));
    }
    generic.leak(values + i, quarters, count - i);
}

void avx2_gate(std::uint8_t* values, const std::uint8_t* gates, std::size_t count) {
    std::size_t i = 0;
    const __m256i none = _mm256_setzero_si256();
    for (; i + 32 <= count; i += 32) {
        const __m256i v = signs(load(values + i)), g = load(gates + i);
        const __m256i low = gated(_mm256_unpacklo_epi8(v, none), _mm256_unpacklo_epi8(g, none));
        const __m256i high = gated(_mm256_unpackhi_epi8(v, none), _mm256_unpackhi_epi8(g, none));
        store(values + i, signs(_mm256_packs_epi16(low, high)));
    }
    generic.gate(values + i, gates + i, count - i);
}

DICOMPRESS_TARGET_END

}  // namespace dicompress::network

#endif
