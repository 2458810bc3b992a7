// Memory with a limit, for what data from outside may claim.
#pragma once

#include <atomic>
#include <memory_resource>
#include <string>

#include "base/errors.hpp"

namespace dicompress {

// Throws LimitError instead of handing out more than `limit` bytes at a time. Several threads may use it.
class Budget : public std::pmr::memory_resource {
public:
    explicit Budget(std::size_t limit) : limit_(limit) {}

    // Counts memory that is not taken from here.
    void take(std::size_t bytes) {
        const std::size_t before = used_.fetch_add(bytes);
        if (bytes <= limit_ && before <= limit_ - bytes) return;
        used_ -= bytes;
        throw LimitError("this takes more memory than the limit of " + std::to_string(limit_) +
                         " bytes");
    }
    void give(std::size_t bytes) { used_ -= bytes; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        take(bytes);
        try {
            return std::pmr::new_delete_resource()->allocate(bytes, alignment);
        } catch (...) {
            give(bytes);
            throw;
        }
    }
    void do_deallocate(void* data, std::size_t bytes, std::size_t alignment) override {
        std::pmr::new_delete_resource()->deallocate(data, bytes, alignment);
        give(bytes);
    }
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

    const std::size_t limit_;
    std::atomic<std::size_t> used_ = 0;
};

}  // namespace dicompress
