#include "base/cpu.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(_M_X64) && defined(_MSC_VER)
#include <intrin.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace dicompress {

#if defined(__x86_64__)

bool has_avx2() { return __builtin_cpu_supports("avx2"); }
bool has_bits() {
    // Clang's builtin knows of no lzcnt. Asked once, as in a virtual machine the instruction goes to the host and back.
    static const bool lzcnt = [] {
        unsigned a, b, c, d;
        return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c >> 5 & 1);
    }();
    return lzcnt && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
bool has_avx512_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }

#elif defined(_M_X64) && defined(_MSC_VER)

namespace {

// Registers that the system saves (XCR0) and the bits of leaf 7.
bool supports(unsigned long long saved, int ebx, int ecx) {
    int words[4];
    __cpuid(words, 0);
    if (words[0] < 7) return false;
    __cpuid(words, 1);
    if (!(words[2] & 1 << 27) || (_xgetbv(0) & saved) != saved) return false;
    __cpuidex(words, 7, 0);
    return (words[1] & ebx) == ebx && (words[2] & ecx) == ecx;
}

}  // namespace

bool has_avx2() { return supports(0x6, 1 << 5, 0); }
bool has_bits() { return false; }  // nothing that this compiler makes asks for them
bool has_avx512() { return supports(0xE6, 1 << 16 | 1 << 17 | 1 << 30 | static_cast<int>(1u << 31), 0); }
bool has_avx512_vnni() { return supports(0xE6, 1 << 16 | 1 << 17 | 1 << 30 | static_cast<int>(1u << 31), 1 << 11); }

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
