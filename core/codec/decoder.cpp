#include "codec/decoder.hpp"

#include <algorithm>
#include <map>

#include "codec/plane.hpp"

namespace dicompress {

namespace {

// The tiles that are decoded, and the part of every plane that they make up, at the wanted level.
struct Area {
    Area(const Stream& stream, const Wanted& wanted) {
        const Tiles tiles(stream.shape);
        const Shape frame = reduced(stream.shape, wanted.level);
        const Place region = wanted.region.value_or(Place{0, 0, frame});
        std::int32_t bottom = 0, right = 0;
        for (std::int64_t number = 0; number < tiles.count(); ++number) {
            const Place tile = reduced(tiles[number], wanted.level);
            if (tile.row >= region.row + region.shape.rows || tile.row + tile.shape.rows <= region.row ||
                tile.column >= region.column + region.shape.columns || tile.column + tile.shape.columns <= region.column)
                continue;
            if (numbers.empty()) place.row = tile.row, place.column = tile.column;
            numbers.push_back(number);
            bottom = std::max(bottom, tile.row + tile.shape.rows), right = std::max(right, tile.column + tile.shape.columns);
        }
        place.shape = {bottom - place.row, right - place.column};
        whole = place.shape == frame;
        exact = !wanted.region || (place.row == region.row && place.column == region.column && place.shape == region.shape);
    }

    std::vector<std::int64_t> numbers;
    Place place{0, 0, {}};
    bool whole = false;  // all of the frame
    bool exact = false;  // no more than what is wanted
};

class Decoding {
public:
    Decoding(const Model& model, const Stream& stream, const Wanted& wanted, const Pixels& pixels, Context& context)
        : model_(model), stream_(stream), wanted_(wanted), pixels_(pixels), context_(context), area_(stream, wanted),
          first_(wanted.frame.value_or(0) * stream.samples) {
        std::int64_t number = 0;
        for (const ConstPixelPlane& plane : wanted.outer)
            planes_[--number] = plane.part(area_.place.row, area_.place.column, area_.place.shape);
    }

    void run() {
        std::map<std::int64_t, int> depths;
        const std::int64_t count = pixels_.frames * stream_.samples;
        for (std::int64_t number = first_; number < first_ + count; ++number) find_depth(number, depths);
        std::map<int, std::vector<std::int64_t>> groups;
        for (const auto& [number, depth] : depths) groups[depth].push_back(number);
        if (is_checked())
            for (const auto& [number, depth] : depths) check_constant(number);
        const auto together = static_cast<std::size_t>(8 * context_.workers.count());
        for (const auto& [depth, numbers] : groups)
            for (std::size_t i = 0; i < numbers.size(); i += together)
                decode(std::span(numbers).subspan(i, std::min(together, numbers.size() - i)));
        if (!area_.exact)
            for (std::int64_t number = first_; number < first_ + count; ++number) copy(number);
    }

private:
    // Of a plane and all that it needs.
    void find_depth(std::int64_t number, std::map<std::int64_t, int>& depths) const {
        std::vector<std::int64_t> waiting = {number};
        while (!waiting.empty()) {
            const std::int64_t next = waiting.back();
            int depth = 0;
            bool ready = true;
            for (std::int64_t n : stream_.needs(next)) {
                const auto found = depths.find(n);
                if (found == depths.end())
                    waiting.push_back(n), ready = false;
                else
                    depth = std::max(depth, found->second + 1);
            }
            if (!ready) continue;
            depths[next] = depth;
            waiting.pop_back();
        }
    }

    // Planes that do not need each other.
    void decode(std::span<const std::int64_t> numbers) {
        std::vector<PlaneDecoder> decoders;
        std::vector<PixelPlane> planes;
        decoders.reserve(numbers.size());
        for (std::int64_t number : numbers) {
            planes.push_back(place(number));
            const Head& head = stream_.heads[static_cast<std::size_t>(number)];
            std::vector<ConstPixelPlane> before, references;
            if (head.leans_on_samples())
                for (std::int64_t n = number - number % stream_.samples; n < number; ++n) before.push_back(planes_.at(n));
            for (int i = 0; i < head.references; ++i)
                references.push_back(planes_.at(number - head.distances[static_cast<std::size_t>(i)]));
            decoders.emplace_back(model_, stream_, number, wanted_.level, std::move(before), std::move(references), context_);
        }
        const std::size_t tiles = area_.numbers.size();
        for_each(numbers.size() * tiles, context_, [&](std::size_t i, Context& own) {
            decoders[i / tiles].decode(area_.numbers[i % tiles], planes[i / tiles], area_.place, own);
        });
        if (!is_checked()) return;
        for_each(numbers.size(), context_, [&](std::size_t i, Context&) {
            const Head& head = stream_.heads[static_cast<std::size_t>(numbers[i])];
            if (!head.alone()) check_digest(head, digest_of(ConstPixelPlane(planes[i])));
        });
    }

    // Digests are of whole planes.
    bool is_checked() const { return wanted_.level == 0 && area_.whole; }

    static void check_digest(const Head& head, std::uint64_t digest) {
        if (digest != head.digest) throw StreamError("the decoded pixels do not have the checksum the stream carries");
    }

    // Before anything is written, as a few bytes may claim gigabytes of one value.
    void check_constant(std::int64_t number) const {
        const Head& head = stream_.heads[static_cast<std::size_t>(number)];
        if (head.alone()) check_digest(head, digest_of(stream_.type, stream_.shape, head.pixel(stream_.type, head.low)));
    }

    // Where a plane goes: to its place among the wanted pixels, or to memory of its own.
    PixelPlane place(std::int64_t number) {
        PixelPlane plane;
        if (is_wanted(number) && area_.exact) {
            plane = pixels_.plane(number - first_);
        } else {
            const Shape shape = area_.place.shape;
            Grid<std::uint16_t>& own = own_.emplace_back(shape, context_.memory);
            plane = {reinterpret_cast<std::uint8_t*>(own.data()), stream_.type, shape, shape.columns, 1};
        }
        planes_[number] = plane;
        return plane;
    }

    bool is_wanted(std::int64_t number) const {
        return number >= first_ && number < first_ + pixels_.frames * stream_.samples;
    }

    // The region of a wanted plane.
    void copy(std::int64_t number) const {
        const ConstPixelPlane& from = planes_.at(number);
        const PixelPlane to = pixels_.plane(number - first_);
        const std::int32_t row = wanted_.region->row - area_.place.row, column = wanted_.region->column - area_.place.column;
        std::int32_t piece[1024];
        for (std::int32_t r = 0; r < to.shape.rows; ++r)
            for (std::int32_t c = 0; c < to.shape.columns; c += 1024) {
                const std::span numbers(piece, static_cast<std::size_t>(std::min(1024, to.shape.columns - c)));
                from.read(row + r, column + c, numbers);
                to.write(r, c, numbers);
            }
    }

    const Model& model_;
    const Stream& stream_;
    const Wanted& wanted_;
    const Pixels& pixels_;
    Context& context_;
    const Area area_;
    const std::int64_t first_;  // of the wanted planes
    std::map<std::int64_t, ConstPixelPlane> planes_;
    std::vector<Grid<std::uint16_t>> own_;
};

}  // namespace

Extent extent(const Facts& facts, int levels, const Wanted& wanted) {
    if (wanted.level < 0 || wanted.level > levels)
        throw Error(Kind::argument, "level " + std::to_string(wanted.level) + " is not one of the stream's: it has levels 0 to " +
                                        std::to_string(levels));
    if (wanted.frame && (*wanted.frame < 0 || *wanted.frame >= facts.frame_count()))
        throw Error(Kind::argument, "frame " + std::to_string(*wanted.frame) + " of " + std::to_string(facts.frame_count()));
    Extent found{wanted.frame ? 1 : facts.frame_count(), reduced(facts.shape, wanted.level)};
    if (wanted.region) {
        const auto& [row, column, shape] = *wanted.region;
        if (row < 0 || column < 0 || shape.rows < 1 || shape.columns < 1 || shape.rows > found.shape.rows - row ||
            shape.columns > found.shape.columns - column)
            throw Error(Kind::argument, "the region leaves the image of " + std::to_string(found.shape.rows) + " x " +
                                            std::to_string(found.shape.columns) + " pixels");
        found.shape = shape;
    }
    return found;
}

namespace {

void check_outer(const Stream& stream, const Wanted& wanted) {
    if (wanted.outer.size() != stream.outer.size())
        throw Error(Kind::argument, "the stream leans on " + std::to_string(stream.outer.size()) + " planes of other streams; " +
                                        std::to_string(wanted.outer.size()) + " are given");
    for (std::size_t i = 0; i < wanted.outer.size(); ++i) {
        const ConstPixelPlane& plane = wanted.outer[i];
        if (plane.type != stream.type || plane.shape != reduced(stream.shape, wanted.level) ||
            (wanted.level == 0 && digest_of(plane) != stream.outer[i]))
            throw Error(Kind::argument, "reference " + std::to_string(i + 1) + " is not the plane that the stream leans on");
    }
}

}  // namespace

void decode(const Model& model, const Stream& stream, const Wanted& wanted, const Pixels& pixels, Context& context) {
    check_outer(stream, wanted);
    if (stream.levels != model.levels(stream.shape))
        throw StreamError(std::to_string(stream.levels) + " levels are claimed, which is not what " + std::string(model.name()) +
                          " makes of this size");
    if (stream.sections.size() <= static_cast<std::size_t>(stream.levels - wanted.level))
        throw Error(Kind::argument, "the stream was not read down to level " + std::to_string(wanted.level));
    for (const Head& head : stream.heads)
        if (head.references > model.most_references())
            throw StreamError("a plane leans on " + std::to_string(head.references) + " others, which " +
                              std::string(model.name()) + " cannot make use of");
    Decoding(model, stream, wanted, pixels, context).run();
}

}  // namespace dicompress
