// Sixteen lanes: lane i codes row i of a stripe of sixteen rows, two columns behind the lane of the row above.
//
// One step codes a symbol in every lane. The number of lanes is part of the format, whatever the processor's vectors
// hold: here are sixteen numbers as so many vectors of W, with operations that round alike in vectors and out of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define DICOMPRESS_INLINE [[gnu::always_inline]] inline

// Statements for every part p of sixteen numbers; written out, as no array stays in registers whose index varies.
#define DICOMPRESS_PARTS(...)       \
    {                               \
        constexpr int p = 0;        \
        __VA_ARGS__;                \
    }                               \
    if constexpr (W <= 8) {         \
        constexpr int p = 1;        \
        __VA_ARGS__;                \
    }                               \
    if constexpr (W <= 4) {         \
        {                           \
            constexpr int p = 2;    \
            __VA_ARGS__;            \
        }                           \
        {                           \
            constexpr int p = 3;    \
            __VA_ARGS__;            \
        }                           \
    }

namespace dicompress {

inline constexpr int lanes = 16;

// A number a lane. Comparisons give masks: integers, -1 for true and 0 for false.
template <class T, int W>
struct alignas(64) Lanes {
    typedef T Part __attribute__((vector_size(4 * W)));  // T of 32 bits
    static constexpr int parts = lanes / W;

    Part part[parts];

    Lanes() = default;
    // Part by part, as compilers copy what they see as bytes through other registers.
    DICOMPRESS_INLINE Lanes(const Lanes& other) {
        DICOMPRESS_PARTS(part[p] = other.part[p])
    }
    DICOMPRESS_INLINE Lanes& operator=(const Lanes& other) {
        DICOMPRESS_PARTS(part[p] = other.part[p])
        return *this;
    }
    DICOMPRESS_INLINE Lanes(T value) : part{} {
        DICOMPRESS_PARTS(part[p] += value)
    }
    DICOMPRESS_INLINE static Lanes from(const T* numbers) {
        Lanes result;
        DICOMPRESS_PARTS(std::memcpy(&result.part[p], numbers + p * W, sizeof(Part)))
        return result;
    }
    DICOMPRESS_INLINE void to(T* numbers) const {
        DICOMPRESS_PARTS(std::memcpy(numbers + p * W, &part[p], sizeof(Part)))
    }

    T operator[](int lane) const { return reinterpret_cast<const T*>(part)[lane]; }
    T& operator[](int lane) { return reinterpret_cast<T*>(part)[lane]; }
};

template <int W>
using Floats = Lanes<float, W>;
template <int W>
using Ints = Lanes<std::int32_t, W>;

#define DICOMPRESS_OPERATOR(operation, Result)                                                                     \
    template <class T, int W>                                                                                      \
    DICOMPRESS_INLINE Lanes<Result, W> operator operation(const Lanes<T, W>& a, const Lanes<T, W>& b) {            \
        Lanes<Result, W> result;                                                                                   \
        DICOMPRESS_PARTS(result.part[p] = a.part[p] operation b.part[p])                                           \
        return result;                                                                                             \
    }                                                                                                              \
    template <class T, int W>                                                                                      \
    DICOMPRESS_INLINE Lanes<Result, W> operator operation(const Lanes<T, W>& a, std::type_identity_t<T> b) {       \
        return a operation Lanes<T, W>(b);                                                                         \
    }                                                                                                              \
    template <class T, int W>                                                                                      \
    DICOMPRESS_INLINE Lanes<Result, W> operator operation(std::type_identity_t<T> a, const Lanes<T, W>& b) {       \
        return Lanes<T, W>(a) operation b;                                                                         \
    }
DICOMPRESS_OPERATOR(+, T)
DICOMPRESS_OPERATOR(-, T)
DICOMPRESS_OPERATOR(*, T)
DICOMPRESS_OPERATOR(/, T)
DICOMPRESS_OPERATOR(&, T)
DICOMPRESS_OPERATOR(|, T)
DICOMPRESS_OPERATOR(<, std::int32_t)
DICOMPRESS_OPERATOR(>, std::int32_t)
DICOMPRESS_OPERATOR(>=, std::int32_t)
DICOMPRESS_OPERATOR(==, std::int32_t)
#undef DICOMPRESS_OPERATOR

template <int W>
DICOMPRESS_INLINE Ints<W> operator<<(const Ints<W>& a, int bits) {
    Ints<W> result;
    DICOMPRESS_PARTS(result.part[p] = a.part[p] << bits)
    return result;
}

template <int W>
DICOMPRESS_INLINE Ints<W> operator>>(const Ints<W>& a, int bits) {
    Ints<W> result;
    DICOMPRESS_PARTS(result.part[p] = a.part[p] >> bits)
    return result;
}

// a where the mask is true, else b.
template <class T, int W>
DICOMPRESS_INLINE Lanes<T, W> choose(const Ints<W>& mask, const Lanes<T, W>& a, const Lanes<T, W>& b) {
    Lanes<T, W> result;
    DICOMPRESS_PARTS(result.part[p] = mask.part[p] ? a.part[p] : b.part[p])
    return result;
}

template <class T, int W>
DICOMPRESS_INLINE Lanes<T, W> smaller(const Lanes<T, W>& a, const Lanes<T, W>& b) {
    return choose(a < b, a, b);
}

template <class T, int W>
DICOMPRESS_INLINE Lanes<T, W> larger(const Lanes<T, W>& a, const Lanes<T, W>& b) {
    return choose(a > b, a, b);
}

template <class T, int W>
DICOMPRESS_INLINE Lanes<T, W> limited(const Lanes<T, W>& a, const std::type_identity_t<Lanes<T, W>>& low,
                                      const std::type_identity_t<Lanes<T, W>>& high) {
    return smaller(larger(a, low), high);
}

template <int W>
DICOMPRESS_INLINE Floats<W> absolute(const Floats<W>& a) {
    Floats<W> result;
    using I = typename Ints<W>::Part;
    using F = typename Floats<W>::Part;
    DICOMPRESS_PARTS(result.part[p] = reinterpret_cast<F>(reinterpret_cast<I>(a.part[p]) & 0x7fffffff))
    return result;
}

template <int W>
DICOMPRESS_INLINE bool any(const Ints<W>& mask) {
    typename Ints<W>::Part found{};
    DICOMPRESS_PARTS(found |= mask.part[p])
    std::uint64_t words[W / 2], all = 0;
    std::memcpy(words, &found, sizeof words);
    for (std::uint64_t word : words) all |= word;
    return all != 0;
}

// Every lane's number in the next lane, and `first` in the first.
template <class T, int W>
DICOMPRESS_INLINE Lanes<T, W> shifted(const Lanes<T, W>& a, std::type_identity_t<T> first) {
    const typename Lanes<T, W>::Part before = typename Lanes<T, W>::Part{} + first;
    Lanes<T, W> result;
    if constexpr (W == 16) {
        result.part[0] = __builtin_shufflevector(before, a.part[0], 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
                                                 28, 29, 30);
    } else if constexpr (W == 8) {
        result.part[0] = __builtin_shufflevector(before, a.part[0], 7, 8, 9, 10, 11, 12, 13, 14);
        result.part[1] = __builtin_shufflevector(a.part[0], a.part[1], 7, 8, 9, 10, 11, 12, 13, 14);
    } else {
        result.part[0] = __builtin_shufflevector(before, a.part[0], 3, 4, 5, 6);
        for (int p = 1; p < 4; ++p) result.part[p] = __builtin_shufflevector(a.part[p - 1], a.part[p], 3, 4, 5, 6);
    }
    return result;
}

// The numbers of a table of sixteen at these places.
template <class T, int W>
DICOMPRESS_INLINE Lanes<T, W> lookup(const Lanes<T, W>& table, const Ints<W>& places) {
    Lanes<T, W> result;
#if defined(__GNUC__) && !defined(__clang__)
    if constexpr (W == 16) {
        result.part[0] = __builtin_shuffle(table.part[0], places.part[0]);
        return result;
    }
    if constexpr (W == 8) {
        DICOMPRESS_PARTS(result.part[p] = (places.part[p] & 8) != 0
                                              ? __builtin_shuffle(table.part[1], places.part[p])
                                              : __builtin_shuffle(table.part[0], places.part[p]))
        return result;
    }
#endif
    T found[lanes];
    for (int i = 0; i < lanes; ++i) found[i] = table[places[i]];
    return Lanes<T, W>::from(found);
}

// The sum of the lanes; of integers, as their order does not matter.
template <int W>
DICOMPRESS_INLINE std::int32_t total(const Ints<W>& a) {
    typename Ints<W>::Part part{};
    DICOMPRESS_PARTS(part += a.part[p])
    std::int32_t sum = 0;
    for (int i = 0; i < W; ++i) sum += part[i];
    return sum;
}

// Rounded towards zero.
template <int W>
DICOMPRESS_INLINE Ints<W> to_ints(const Floats<W>& a) {
    Ints<W> result;
    DICOMPRESS_PARTS(result.part[p] = __builtin_convertvector(a.part[p], typename Ints<W>::Part))
    return result;
}

template <int W>
DICOMPRESS_INLINE Floats<W> to_floats(const Ints<W>& a) {
    Floats<W> result;
    DICOMPRESS_PARTS(result.part[p] = __builtin_convertvector(a.part[p], typename Floats<W>::Part))
    return result;
}

template <int W>
DICOMPRESS_INLINE Ints<W> bits_of(const Floats<W>& a) {
    Ints<W> result;
    DICOMPRESS_PARTS(result.part[p] = reinterpret_cast<typename Ints<W>::Part>(a.part[p]))
    return result;
}

template <int W>
DICOMPRESS_INLINE Floats<W> float_of(const Ints<W>& bits) {
    Floats<W> result;
    DICOMPRESS_PARTS(result.part[p] = reinterpret_cast<typename Floats<W>::Part>(bits.part[p]))
    return result;
}

}  // namespace dicompress
