#include "base/cpu.hpp"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace dicompress {

#ifdef __x86_64__

namespace {

// Clang's builtin knows of no lzcnt.
bool has_lzcnt() {
    unsigned a, b, c, d;
    return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c >> 5 & 1);
}

#ifdef _WIN32  // where nothing that is linked has what the builtin calls

// Registers that the system saves (XCR0) and the bits of leaf 7.
bool supports(unsigned saved, unsigned ebx, unsigned ecx = 0) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return false;
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    if ((a & saved) != saved || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    return (b & ebx) == ebx && (c & ecx) == ecx;
}

constexpr unsigned ymm = 0x6, zmm = 0xE6;
bool avx2() { return supports(ymm, 1 << 5); }
bool bits() { return supports(ymm, 1 << 3 | 1 << 8); }
bool avx512(unsigned ecx) { return supports(zmm, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, ecx); }
bool avx512() { return avx512(0); }
bool avx512_vnni() { return avx512(1 << 11); }

#else

bool avx2() { return __builtin_cpu_supports("avx2"); }
bool bits() { return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"); }
bool avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
bool avx512_vnni() { return avx512() && __builtin_cpu_supports("avx512vnni"); }

#endif

}  // namespace

// Asked once, as in a virtual machine the instruction goes to the host and back.
bool has_avx2() {
    static const bool has = avx2();
    return has;
}
bool has_bits() {
    static const bool has = has_lzcnt() && bits();
    return has;
}
bool has_avx512() {
    static const bool has = avx512();
    return has;
}
bool has_avx512_vnni() {
    static const bool has = avx512_vnni();
    return has;
}

#else

bool has_avx2() { return false; }
bool has_bits() { return false; }
bool has_avx512() { return false; }
bool has_avx512_vnni() { return false; }

#endif

#if defined(__aarch64__) && defined(__linux__)
bool has_dot_products() { return getauxval(AT_HWCAP) & 1 << 20; }  // HWCAP_ASIMDDP
#elif defined(__aarch64__) && defined(__APPLE__)
bool has_dot_products() { return true; }
#else
bool has_dot_products() { return false; }
#endif

}  // namespace dicompress
