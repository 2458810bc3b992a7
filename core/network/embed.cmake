# Writes a C++ file with the bytes of files: cmake -DTO=FILE -DFROM="FILE;FILE" -P embed.cmake
set(arrays "")
set(names "")
set(n 0)
foreach(file IN LISTS FROM)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "constexpr std::uint8_t file${n}[] = {\n${bytes}};\n")
  string(APPEND names "dicompress::ByteSpan(file${n}),\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${TO} "#include <array>
#include \"network/weights.hpp\"
namespace {
${arrays}}
std::span<const dicompress::ByteSpan> dicompress::installed_weights() {
static constexpr std::array<dicompress::ByteSpan, ${n}> files{${names}};
return files;
}
")
