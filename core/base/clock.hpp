// Where the time of a call goes, for who wants to know.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dicompress {

enum class Part { fitting, network, inputs, coder };  // the network's time includes that of its inputs

// Nanoseconds of all threads together.
struct Clock {
    static constexpr std::size_t parts = 4;

    std::array<std::atomic<std::int64_t>, parts> spent{};
};

// Counts the time from here to the end of the block; nothing without a clock.
class Timed {
public:
    Timed(Clock* clock, Part part) : clock_(clock), part_(part) {
        if (clock_) start_ = std::chrono::steady_clock::now();
    }
    Timed(const Timed&) = delete;
    ~Timed() {
        if (!clock_) return;
        const auto spent = std::chrono::steady_clock::now() - start_;
        clock_->spent[static_cast<std::size_t>(part_)] += std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count();
    }

private:
    Clock* clock_;
    Part part_;
    std::chrono::steady_clock::time_point start_;
};

}  // namespace dicompress
