#include "coder/coder.hpp"

#include "base/cpu.hpp"

// One source, compiled three times for x86; elsewhere, and with DICOMPRESS_PLAIN, the compiler's choice is the only one.
#if defined(__x86_64__) && !defined(DICOMPRESS_PLAIN)
#define DICOMPRESS_X86 1
#define DICOMPRESS_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt"), flatten))
#define DICOMPRESS_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,bmi,bmi2,lzcnt"), flatten))
#else
#define DICOMPRESS_X86 0
#endif

namespace dicompress {

namespace {

using Memory = std::pmr::memory_resource*;

#if DICOMPRESS_X86
DICOMPRESS_AVX2 std::vector<std::uint8_t> encode_avx2(const Band& band, bool& lanes_used, Memory memory) {
    return encode_band<8>(band, lanes_used, memory);
}
DICOMPRESS_AVX2 void decode_avx2(const Band& band, ByteSpan bytes, bool lanes_used, Memory memory) {
    decode_band<8>(band, bytes, lanes_used, memory);
}
DICOMPRESS_AVX512 std::vector<std::uint8_t> encode_avx512(const Band& band, bool& lanes_used, Memory memory) {
    return encode_band<16>(band, lanes_used, memory);
}
DICOMPRESS_AVX512 void decode_avx512(const Band& band, ByteSpan bytes, bool lanes_used, Memory memory) {
    decode_band<16>(band, bytes, lanes_used, memory);
}
#endif

}  // namespace

Vectors best_vectors() {
#if DICOMPRESS_X86
    if (has_avx2() && has_bits()) return has_avx512() ? Vectors::avx512 : Vectors::avx2;
#endif
    return Vectors::plain;
}

std::vector<std::uint8_t> encode(const Band& band, bool& lanes_used, [[maybe_unused]] Vectors vectors, Memory memory) {
#if DICOMPRESS_X86
    if (vectors == Vectors::avx512) return encode_avx512(band, lanes_used, memory);
    if (vectors == Vectors::avx2) return encode_avx2(band, lanes_used, memory);
#endif
    return encode_band<4>(band, lanes_used, memory);
}

void decode(const Band& band, ByteSpan bytes, bool lanes_used, [[maybe_unused]] Vectors vectors, Memory memory) {
#if DICOMPRESS_X86
    if (vectors == Vectors::avx512) return decode_avx512(band, bytes, lanes_used, memory);
    if (vectors == Vectors::avx2) return decode_avx2(band, bytes, lanes_used, memory);
#endif
    decode_band<4>(band, bytes, lanes_used, memory);
}

double code_length(const Band& band, Memory memory) { return code_length_of<4>(band, memory); }

}  // namespace dicompress
