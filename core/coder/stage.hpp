// The planes that a step needs a number of in every lane, brought together from their rows, sixteen steps at a time: a
// cache line of each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "coder/wavefront.hpp"

namespace dicompress {

// T: of 32 bits.
template <class T, int W>
class Stage {
public:
    Stage(std::int64_t rows, std::int64_t columns) : rows_(rows), columns_(columns) {}

    // `stride`: from row to row.
    void add(const T* plane, std::size_t stride) {
        planes_.push_back({plane, stride});
        values_.resize(planes_.size() * ahead);
    }

    // The planes' numbers at the lanes' places, plane after plane. Where a lane has no symbol, zeros or others.
    DICOMPRESS_INLINE const Lanes<T, W>* at(const Wavefront<W>& front) {
        if (++step_ == ahead) {
            step_ = 0;
            bool inside[lanes];  // whether a lane has symbols in all of these steps
            for (int i = 0; i < lanes; ++i)
                inside[i] = front.row[i] < rows_ && front.column[i] >= 0 && front.column[i] + ahead <= columns_;
            for (std::size_t p = 0; p < planes_.size(); ++p) fill(planes_[p], front, inside, values_.data() + p);
        }
        return values_.data() + static_cast<std::size_t>(step_) * planes_.size();
    }

private:
    static constexpr int ahead = 16, block = 4;
    struct Plane {
        const T* data;
        std::size_t stride;

        const T* place(std::int64_t row, std::int64_t column) const {
            return data + row * static_cast<std::int64_t>(stride) + column;
        }
    };
    typedef T Four __attribute__((vector_size(4 * block)));

    DICOMPRESS_INLINE void fill(const Plane& plane, const Wavefront<W>& front, const bool* inside,
                                Lanes<T, W>* to) const {
        T edge[lanes][ahead];
        const T* rows[lanes];
        for (int i = 0; i < lanes; ++i) {
            rows[i] = inside[i] ? plane.place(front.row[i], front.column[i]) : edge[i];
            if (inside[i]) __builtin_prefetch(rows[i] + ahead);
            if (!inside[i]) fill_edge(plane, front.row[i], front.column[i], front.period(columns_), edge[i]);
        }
        for (int i = 0; i < lanes; i += block)
            for (int s = 0; s < ahead; s += block) {  // four rows of four numbers become columns
                const Four a = four(rows[i] + s), b = four(rows[i + 1] + s), c = four(rows[i + 2] + s),
                           d = four(rows[i + 3] + s);
                const Four ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5),
                           ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
                const Four cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5),
                           cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
                const Four columns[block] = {
                    __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5), __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7),
                    __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5), __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7)};
                for (int k = 0; k < block; ++k)
                    std::memcpy(&to[static_cast<std::size_t>(s + k) * planes_.size()][i], &columns[k], sizeof(Four));
            }
    }

    DICOMPRESS_INLINE static Four four(const T* numbers) {
        Four result;
        std::memcpy(&result, numbers, sizeof result);
        return result;
    }

    // The end of a row and the beginning of the lane's next one; where there is neither, zeros.
    void fill_edge(const Plane& plane, std::int64_t row, std::int64_t column, std::int64_t period, T* edge) const {
        std::fill_n(edge, ahead, T(0));
        for (; row < rows_ && column > -ahead; row += lanes, column -= period) {
            const std::int64_t first = std::max<std::int64_t>(0, -column),
                               last = std::min<std::int64_t>(ahead, columns_ - column);
            for (std::int64_t s = first; s < last; ++s) edge[s] = *plane.place(row, column + s);
        }
    }

    std::int64_t rows_, columns_;
    std::vector<Plane> planes_;
    std::vector<Lanes<T, W>> values_;
    int step_ = ahead - 1;
};

}  // namespace dicompress
