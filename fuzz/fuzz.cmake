# The fuzzers of README.md: one a file.
foreach(name codec native)
  add_executable(fuzz_${name} fuzz/${name}.cpp)
  set_options(fuzz_${name})
  target_include_directories(fuzz_${name} PRIVATE core)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endforeach()
target_link_libraries(fuzz_codec PRIVATE dicompress dicompress_core)
