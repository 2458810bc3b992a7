// Functions between DICOMPRESS_TARGET("...") and DICOMPRESS_TARGET_END are compiled for processors that have these extensions.
// They must be of an unnamed namespace, so that no other file gets them; nothing may be included in between.
#pragma once

#define DICOMPRESS_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define DICOMPRESS_TARGET(names) \
    DICOMPRESS_PRAGMA(clang attribute push(__attribute__((target(names))), apply_to = function))
#define DICOMPRESS_TARGET_END DICOMPRESS_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
#define DICOMPRESS_TARGET(names) DICOMPRESS_PRAGMA(GCC push_options) DICOMPRESS_PRAGMA(GCC target(names))
#define DICOMPRESS_TARGET_END DICOMPRESS_PRAGMA(GCC pop_options)
#else  // every function may use every instruction
#define DICOMPRESS_TARGET(names)
#define DICOMPRESS_TARGET_END
#endif
