// `pyramid`: the coarsest grid, then three phases a level, each predicted by a fitted filter and an integer network.
#pragma once

#include <memory>
#include <vector>

#include "model/model.hpp"
#include "network/weights.hpp"

namespace dicompress {

class Pyramid final : public Model {
public:
    // weights: a file of `read_weights`; its XXH64 is the model's hash. memory outlives the model. Throws StreamError.
    Pyramid(ByteSpan weights, std::pmr::memory_resource* memory);

    // Of the weights that the library carries. Null if there are none of this hash.
    static std::unique_ptr<Pyramid> installed(const Hash& hash, std::pmr::memory_resource* memory);
    static std::vector<Hash> installed();

    std::string_view name() const override { return "pyramid"; }
    Hash hash() const override { return hash_; }
    int most_references() const override;
    int levels(Shape shape) const override;
    Bytes header(const Source& image, const Values& values, std::span<const Source* const> references,
                 Context& context) const override;
    std::vector<double> estimate(const Source& image, const Values& values,
                                 std::span<const std::vector<const Source*>> choices, Context& context) const override;
    // Its `predict` lets context.workers do a part: not to be called by a job of theirs.
    std::unique_ptr<Tile> tile(ByteSpan header, Shape shape, const Values& values, int levels,
                               std::span<const View<const std::int32_t>> references, int level,
                               Context& context) const override;

private:
    Hash hash_;
    Weights weights_;
};

}  // namespace dicompress
