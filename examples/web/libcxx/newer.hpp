// What dicompress uses of C++20 that the C++ library of Emscripten 3.1 lacks: algorithms for ranges, bit_cast.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace std {

template <class To, class From>
constexpr To bit_cast(const From& from) noexcept {
    return __builtin_bit_cast(To, from);
}

namespace ranges {

template <class Range, class To>
constexpr To copy(const Range& range, To to) {
    return std::copy(std::begin(range), std::end(range), to);
}

template <class A, class B>
constexpr bool equal(const A& a, const B& b) {
    return std::equal(std::begin(a), std::end(a), std::begin(b), std::end(b));
}

template <class Range>
constexpr void sort(Range& range) {
    std::sort(std::begin(range), std::end(range));
}

template <class Range, class T>
constexpr auto lower_bound(const Range& range, const T& value) {
    return std::lower_bound(std::begin(range), std::end(range), value);
}

template <class Range, class T>
constexpr auto upper_bound(const Range& range, const T& value) {
    return std::upper_bound(std::begin(range), std::end(range), value);
}

// Of no empty range.
template <class Range>
constexpr auto minmax(const Range& range) {
    const auto [low, high] = std::minmax_element(std::begin(range), std::end(range));
    return std::pair(*low, *high);
}

}  // namespace ranges

}  // namespace std
