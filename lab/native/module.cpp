// The loops of two codecs to compare with, CompaCT and CBPC2: dicompress_lab.bench.native.
//
// All arithmetic is on integers, so a stream is read alike on every machine. Data that no encoder wrote raises ValueError;
// nothing is read or written outside an array.
#include "cbpc2.hpp"
#include "compact.hpp"

using namespace nb::literals;
using namespace dicompress::bench;

NB_MODULE(native, m) {
    m.doc() = "Loops of codecs to compare with.";
    m.def("hilbert", &hilbert, "rows"_a, "columns"_a, "places"_a);
    m.def("mesh", &mesh, "pixels"_a);
    m.def("unmesh", &unmesh, "data"_a, "places"_a);
    m.def("pack", &pack, "pixels"_a);
    m.def("unpack", &unpack, "data"_a, "pixels"_a);
    m.def("cbpc2_encode", &cbpc2_encode, "image"_a, "bits"_a);
    m.def("cbpc2_decode", &cbpc2_decode, "data"_a, "bits"_a, "image"_a);
}
