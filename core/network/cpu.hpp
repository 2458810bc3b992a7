// What the processor, and the operating system on it, can do.
#pragma once

namespace dicompress::network {

bool has_avx2();
bool has_avx512_vnni();      // with F, BW, DQ and VL
bool has_dot_products();     // of NEON

}  // namespace dicompress::network
