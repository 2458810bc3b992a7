// Whether float32 is computed as written, each operation rounded by itself: streams depend on it (regression.hpp).
#pragma once

#ifdef __FAST_MATH__
#error "dicompress needs arithmetic as written: compile without -ffast-math"
#endif

namespace dicompress {

// False if the compiler fuses a product and a sum into one rounding, or keeps more digits than a float has.
inline bool rounds_every_operation() {
    volatile float memory = 1.0f + 0x1p-12f;  // so that the compiler does not know the value
    const float x = memory;
    return x * x - (1.0f + 0x1p-11f) == 0.0f;  // 2^-24 is left if the product is not rounded
}

}  // namespace dicompress
