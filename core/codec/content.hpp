// What the encoder makes of a plane: its values less what other samples say, packed; and which planes it leans on.
#pragma once

#include <memory>

#include "codec/bound.hpp"
#include "codec/colour.hpp"
#include "model/model.hpp"

namespace dicompress {

// A plane that is decoded before, as others may lean on it.
class Decoded final : public Source {
public:
    explicit Decoded(const ConstPixelPlane& plane) : Source(plane.shape), plane(plane) {}
    void gather(std::span<const std::int32_t> rows, std::span<const std::int32_t> columns, View<std::int32_t> to) const override;

    const ConstPixelPlane plane;
};

// What is coded of a plane: its pixels less what the samples before say by `coefficients`, as they are or as ranks.
class Content final : public Source {
public:
    Content(const ConstPixelPlane& pixels, std::span<const ConstPixelPlane> before, const colour::Coefficients& coefficients,
            std::int32_t near, const Runs& wanted, std::pmr::memory_resource* memory);

    void gather(std::span<const std::int32_t> rows, std::span<const std::int32_t> columns, View<std::int32_t> to) const override;
    // A part of the plane, as it is coded.
    void read(const Place& place, View<std::int32_t> to) const;

    const Values& values() const { return *values_; }
    const colour::Said& said() const { return said_; }

    const colour::Coefficients coefficients;
    std::int32_t low, high;               // before packing
    Runs exact;                           // of values, likewise
    std::vector<std::int32_t> occurring;  // the values that occur, if pixels are coded as ranks

private:
    ConstPixelPlane pixels_;
    colour::Said said_;
    std::unique_ptr<Values> values_;
};

// What is coded: values, or ranks among those `occurring`.
Values coded_values(std::int32_t low, std::int32_t high, std::int32_t near, const Runs& exact, std::vector<std::int32_t> occurring,
                    std::pmr::memory_resource* memory);

// Planes that a plane may lean on, nearest first: how far before it they lie, and their pixels as decoded.
struct Choice {
    std::vector<std::int64_t> distances;
    std::vector<const Source*> planes;
};

// What to code of a plane, and what it leans on: by what the model expects them to take, never less than what is worth it.
std::unique_ptr<Content> choose(const Model& model, const ConstPixelPlane& pixels, std::span<const ConstPixelPlane> before,
                                std::int32_t near, const Runs& exact, std::span<const Choice> choices, Choice& chosen,
                                Context& context);

}  // namespace dicompress
