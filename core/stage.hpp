// The planes that a step needs a number of in every lane, brought together from their rows, four steps at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "wavefront.hpp"

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

    // The planes' numbers at the lanes' places, plane after plane. Where a lane has no symbol, those of another one.
    const Lanes<T, W>* at(const Wavefront<W>& front) {
        if (++step_ == ahead) {
            step_ = 0;
            for (std::size_t p = 0; p < planes_.size(); ++p) fill(planes_[p], front, values_.data() + p);
        }
        return values_.data() + static_cast<std::size_t>(step_) * planes_.size();
    }

private:
    static constexpr int ahead = 4;
    struct Plane {
        const T* data;
        std::size_t stride;

        const T* place(std::int64_t row, std::int64_t column) const { return data + row * static_cast<std::int64_t>(stride) + column; }
    };

    void fill(const Plane& plane, const Wavefront<W>& front, Lanes<T, W>* to) const {
        alignas(64) T rows[lanes][ahead];
        for (int i = 0; i < lanes; ++i) {
            const std::int64_t row = front.row[i], column = front.column[i];
            if (row < rows_ && column >= 0 && column + ahead <= columns_) {
                std::memcpy(rows[i], plane.place(row, column), sizeof rows[i]);
            } else {
                typename Wavefront<W>::Place place{front.row[i], front.column[i]};
                for (int s = 0; s < ahead; ++s, place = front.next(place))
                    rows[i][s] = *plane.place(std::min<std::int64_t>(place.row, rows_ - 1),
                                              std::clamp<std::int64_t>(place.column, 0, columns_ - 1));
            }
        }
        for (int s = 0; s < ahead; ++s) {
            Lanes<T, W>& turned = to[static_cast<std::size_t>(s) * planes_.size()];
            for (int i = 0; i < lanes; ++i) turned[i] = rows[i][s];
        }
    }

    std::int64_t rows_, columns_;
    std::vector<Plane> planes_;
    std::vector<Lanes<T, W>> values_;
    int step_ = ahead - 1;
};

}  // namespace dicompress
