// What a call works with: its threads, and the memory that its buffers come from.
#pragma once

#include <memory_resource>

#include "base/workers.hpp"

namespace dicompress {

struct Context {
    Workers& workers;
    std::pmr::memory_resource* memory;
};

}  // namespace dicompress
