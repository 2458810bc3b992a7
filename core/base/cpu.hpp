// What the processor, and the operating system on it, can do.
#pragma once

namespace dicompress {

bool has_avx2();
bool has_bits();          // BMI, BMI2 and LZCNT
bool has_avx512();        // F, BW, DQ and VL
bool has_avx512_vnni();   // and VNNI
bool has_dot_products();  // of NEON

}  // namespace dicompress
