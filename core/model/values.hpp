// The values of an image's pixels, and how far a decoded pixel may be off.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <utility>
#include <vector>

namespace dicompress {

using Runs = std::vector<std::pair<std::int32_t, std::int32_t>>;  // (first, last) values, ascending and apart

// low, high: of what is coded. near: by so much a decoded pixel may be off; 0 for an image that comes back as it was.
// exact: values that come back as they were all the same, and that no other pixel takes. listed: what 0, 1, 2 ... stand for,
// ascending, if pixels are coded as ranks among these; else empty.
class Values {
public:
    // memory: that lists are kept in.
    Values(std::int32_t low, std::int32_t high, std::int32_t near = 0, Runs exact = {}, std::span<const std::int32_t> listed = {},
           std::pmr::memory_resource* memory = std::pmr::new_delete_resource())
        : low(low), high(high), near(near), exact(std::move(exact)), listed_(listed.begin(), listed.end(), memory), ranks_(memory) {
        if (listed_.empty()) return;
        ranks_.resize(static_cast<std::size_t>(listed_.back() - listed_.front()) + 1);
        std::size_t rank = 0;
        for (std::size_t i = 0; i < ranks_.size(); ++i) {
            ranks_[i] = static_cast<std::int32_t>(rank);
            if (listed_[rank] == listed_.front() + static_cast<std::int32_t>(i)) ++rank;
        }
    }

    std::int32_t count() const { return high - low + 1; }
    std::span<const std::int32_t> listed() const { return listed_; }

    // What a coded number stands for.
    std::int32_t stored(std::int32_t number) const {
        return listed_.empty() ? number : listed_[static_cast<std::size_t>(number)];
    }

    // A value as it is coded, brought into the range; of ranks, how many values are smaller.
    std::int32_t number(std::int64_t value) const {
        if (listed_.empty()) return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, low, high));
        const std::int64_t first = listed_.front(), last = listed_.back();
        return ranks_[static_cast<std::size_t>(std::clamp(value, first, last) - first)];
    }

    std::int32_t low, high, near;
    Runs exact;

private:
    std::pmr::vector<std::int32_t> listed_, ranks_;
};

}  // namespace dicompress
