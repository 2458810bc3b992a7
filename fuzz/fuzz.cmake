# The fuzzers of README.md: one a file.
foreach(name codec labels native)
  add_executable(fuzz_${name} fuzz/${name}.cpp)
  set_options(fuzz_${name})
  target_include_directories(fuzz_${name} PRIVATE core)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endforeach()
target_link_libraries(fuzz_codec PRIVATE dicompress dicompress_core)
target_link_libraries(fuzz_labels PRIVATE dicompress_core)
# What no input reaches, the weights and the networks, without what slows it down.
file(GLOB NETWORK core/network/*.cpp)
set_source_files_properties(${NETWORK} PROPERTIES COMPILE_OPTIONS "-O2;-fno-sanitize=fuzzer-no-link,undefined")
