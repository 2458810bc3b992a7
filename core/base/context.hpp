// What a call works with: its threads, and the memory that its buffers come from.
#pragma once

#include <memory_resource>

#include "base/clock.hpp"
#include "base/workers.hpp"

namespace dicompress {

struct Context {
    Workers& workers;
    std::pmr::memory_resource* memory;
    Clock* clock = nullptr;
};

// work(i, context) for all i below count: side by side, each on one thread, if there are enough of them; else one after the
// other, each on all threads.
template <class Work>
void for_each(std::size_t count, Context& context, const Work& work) {
    if (count < static_cast<std::size_t>(context.workers.count())) {
        for (std::size_t i = 0; i < count; ++i) work(i, context);
        return;
    }
    context.workers.each(count, [&](std::size_t i) {
        Workers alone(1);
        Context own{alone, context.memory, context.clock};
        work(i, own);
    });
}

}  // namespace dicompress
