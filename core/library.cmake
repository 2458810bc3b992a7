# The C library, its header and what pkg-config knows of it. Shared, unless BUILD_SHARED_LIBS is OFF.
include(GNUInstallDirs)
option(BUILD_SHARED_LIBS "Build a shared library" ON)

add_library(dicompress core/interface.cpp)
set_options(dicompress)
target_link_libraries(dicompress PRIVATE dicompress_core)
set_target_properties(dicompress PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0 PUBLIC_HEADER core/dicompress.h)
if(BUILD_SHARED_LIBS AND UNIX AND NOT APPLE)
  # The templates of the C++ library are visible whatever the preset says.
  target_link_options(dicompress PRIVATE -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/core/dicompress.map)
  set_target_properties(dicompress PROPERTIES LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/core/dicompress.map)
endif()

configure_file(core/dicompress.pc.in dicompress.pc @ONLY)
install(TARGETS dicompress)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dicompress.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
