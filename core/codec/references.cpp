#include "codec/references.hpp"

#include <algorithm>

namespace dicompress {

std::vector<int> depths(const Stream& stream) {
    const std::int64_t count = stream.plane_count();
    for (std::int64_t number = 0; number < count; ++number) {
        const Head& head = stream.heads[static_cast<std::size_t>(number)];
        for (int i = 0; i < head.references; ++i) {
            const std::int64_t distance = head.distances[static_cast<std::size_t>(i)];
            if (distance == 0 || distance > number + static_cast<std::int64_t>(stream.outer.size()) || distance <= number - count)
                throw StreamError("plane " + std::to_string(number) + " leans on itself or on one that does not exist");
        }
    }
    std::vector<int> found(static_cast<std::size_t>(count)), deeper(found);
    for (int round = 0; round <= most_depth; ++round) {
        for (std::int64_t number = 0; number < count; ++number) {
            int depth = 0;
            for (std::int64_t n : stream.needs(number)) depth = std::max(depth, found[static_cast<std::size_t>(n)] + 1);
            deeper[static_cast<std::size_t>(number)] = depth;
        }
        if (deeper == found) return found;
        std::swap(found, deeper);
    }
    throw StreamError("planes lean on each other in a circle, or in chains of more than " + std::to_string(most_depth));
}

std::vector<std::int64_t> coding_order(std::int64_t frames, bool neighbours) {
    std::vector<std::int64_t> order;
    for (std::int64_t frame = 0; frame <= frames; ++frame) {
        if (!neighbours) {
            if (frame < frames) order.push_back(frame);
        } else if (frame % 2 == 0) {
            if (frame < frames) order.push_back(frame);
            if (frame > 0) order.push_back(frame - 1);
        }
    }
    return order;
}

std::vector<std::vector<std::int64_t>> candidates(std::int64_t number, int samples, bool neighbours,
                                                  const std::map<std::int64_t, int>& depth) {
    const std::int64_t frame = number / samples;
    const int sample = static_cast<int>(number % samples);
    const int limit = most_depth + 1 + sample - samples;  // as each sample that follows may need this one
    const auto depth_of = [&](std::int64_t n) {
        const auto found = depth.find(n);
        return found == depth.end() ? limit : found->second;
    };
    std::vector<std::int64_t> same, beside;
    const auto add = [&](std::vector<std::int64_t>& to, std::int64_t n) {
        if (to.size() < most_references && depth_of(n) < limit) to.push_back(n);
    };
    for (std::int64_t n = number - 1; n >= number - sample; --n) add(same, n);
    if (neighbours) {
        const std::vector<int> apart = frame % 2 ? std::vector{-1, 1, -2} : std::vector{-2, -4};
        for (int k : apart) add(beside, number + std::int64_t{k} * samples);
        for (std::int64_t n = number - samples; n >= 0 && beside.empty(); n -= samples)
            if (depth_of(n) < samples) beside.push_back(n);
    }
    std::vector<std::vector<std::int64_t>> choices;
    for (const auto* numbers : {&beside, &same})
        for (std::size_t k = 1; k <= numbers->size(); ++k) {
            if (numbers == &beside && k == 1 && frame % 2 && beside.size() > 1) continue;  // between two both are better
            choices.emplace_back(numbers->begin(), numbers->begin() + static_cast<std::ptrdiff_t>(k));
        }
    if (!same.empty() && !beside.empty()) choices.push_back({same[0], beside[0]});
    return choices;
}

}  // namespace dicompress
