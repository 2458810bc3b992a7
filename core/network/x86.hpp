// The compiler's own header of vector instructions, whole.
#pragma once

#include <immintrin.h>
#if defined(__clang__) && defined(_MSC_VER)  // clang-cl's holds no more than the command line enables
#include <smmintrin.h>

#include <avxintrin.h>  // before those that use its types

#include <avx2intrin.h>
#include <avx512fintrin.h>

#include <avx512bwintrin.h>
#include <avx512dqintrin.h>
#include <avx512vlintrin.h>
#include <avx512vnniintrin.h>
#endif
