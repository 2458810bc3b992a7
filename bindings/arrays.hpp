// Bytes and arrays of Python's, as the core takes and gives them.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "base/bytes.hpp"

inline dicompress::ByteSpan span_of(const nanobind::bytes& bytes) {
    return {reinterpret_cast<const std::uint8_t*>(bytes.c_str()), bytes.size()};
}

inline nanobind::bytes bytes_of(dicompress::ByteSpan bytes) { return nanobind::bytes(bytes.data(), bytes.size()); }

// What stubs call an array of T, and a list of bytes.
template <class T, int axes>
using ArrayOf = nanobind::typed<nanobind::object, nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<axes>>>;
using ListOfBytes = nanobind::typed<nanobind::list, nanobind::bytes>;

// A new array of zeros, and its numbers.
template <class T, class... Sizes>
ArrayOf<T, sizeof...(Sizes)> array_of(T*& data, Sizes... sizes) {
    data = new T[(std::size_t{1} * ... * static_cast<std::size_t>(sizes))]();
    const auto free = [](void* p) noexcept { delete[] static_cast<T*>(p); };
    return nanobind::cast(nanobind::ndarray<nanobind::numpy, T>(data, {static_cast<std::size_t>(sizes)...}, nanobind::capsule(data, free)));
}
