#include "codec/plane.hpp"

#include <algorithm>

#include "codec/head.hpp"
#include "codec/loop.hpp"
#include "coder/table.hpp"

namespace dicompress {

namespace {

std::vector<std::int32_t> occurring(const Head& head) {
    if (head.table.empty()) return {};
    return read_table(head.table, head.low, head.high);
}

Values values_of(const Head& head, std::int32_t near, std::pmr::memory_resource* memory) {
    if (head.constant()) return {head.low, head.high};
    return coded_values(head.low, head.high, near, head.exact, occurring(head), memory);
}

// The same tile of the planes that one leans on. place: in the planes.
std::vector<Grid<std::int32_t>> parts_of(std::span<const ConstPixelPlane> planes, const Place& place, Context& context) {
    std::vector<Grid<std::int32_t>> parts;
    for (const ConstPixelPlane& plane : planes) {
        Grid<std::int32_t>& part = parts.emplace_back(place.shape, context.memory);
        for (std::int32_t r = 0; r < place.shape.rows; ++r)
            plane.read(place.row + r, place.column, {part.row(r), static_cast<std::size_t>(place.shape.columns)});
    }
    return parts;
}

std::vector<View<const std::int32_t>> views_of(const std::vector<Grid<std::int32_t>>& parts) {
    std::vector<View<const std::int32_t>> views;
    for (const auto& part : parts) views.push_back(part.view());
    return views;
}

void copy(const ConstPixelPlane& from, const PixelPlane& to) {
    std::vector<std::int32_t> line(static_cast<std::size_t>(from.shape.columns));
    for (std::int32_t row = 0; row < from.shape.rows; ++row) from.read(row, 0, line), to.write(row, 0, line);
}

void add_and_limit(const colour::Said& said, const Head& head, PixelType type, std::int32_t row, std::int32_t column,
                   std::span<std::int32_t> line) {
    said.add(row, column, line);
    if (head.limited) {
        for (std::int32_t& v : line) v = std::clamp(v, head.least, head.greatest);
        return;
    }
    const auto [low, high] = std::ranges::minmax(line);
    head.pixel(type, low), head.pixel(type, high);
}

}  // namespace

EncodedPlane encode_plane(const Model& model, const ConstPixelPlane& pixels, int sample, int levels, std::int32_t near,
                          const Content& content, const Choice& chosen, const PixelPlane& decoded, Context& context) {
    EncodedPlane plane;
    Head head;
    head.low = content.low, head.high = content.high, head.coefficients = content.coefficients;
    plane.leans_on_samples = head.leans_on_samples();
    if (near && sample) {
        head.limited = true, head.least = highest(pixels.type), head.greatest = lowest(pixels.type);
        std::vector<std::int32_t> line(static_cast<std::size_t>(pixels.shape.columns));
        for (std::int32_t r = 0; r < pixels.shape.rows; ++r) {
            pixels.read(r, 0, line);
            const auto [low, high] = std::ranges::minmax(line);
            head.least = std::min(head.least, low), head.greatest = std::max(head.greatest, high);
        }
    }
    if (head.constant()) {
        if (near) copy(pixels, decoded);
        head.digest = digest_of(pixels);
        plane.head = write_head(head, sample, near);
        return plane;
    }
    const Values& values = content.values();
    const Bytes header = [&] {
        const Timed timed(context.clock, Part::fitting);
        return model.header(content, values, chosen.planes, context);
    }();
    const Bytes table = content.occurring.empty() ? Bytes() : write_table(content.occurring);
    head.table = table, head.header = header, head.exact = content.exact;
    plane.distances = chosen.distances;
    for (std::int64_t distance : chosen.distances) head.distances[static_cast<std::size_t>(head.references++)] = distance;
    std::vector<ConstPixelPlane> references;
    for (const Source* source : chosen.planes) references.push_back(static_cast<const Decoded*>(source)->plane);

    const Tiles tiles(pixels.shape);
    plane.tiles.resize(static_cast<std::size_t>(tiles.count()));
    const auto one = [&](std::size_t i, Context& own) {
        const Place place = tiles[static_cast<std::int64_t>(i)];
        const auto parts = parts_of(references, place, own);
        const auto views = views_of(parts);
        Grid<std::int32_t> numbers(place.shape, own.memory);
        content.read(place, numbers.view());
        const auto tile = model.tile(header, place.shape, values, levels, views, 0, own);
        tile->analyse(numbers.view());
        if (!near) numbers = {};
        plane.tiles[i] = encode_tile(*tile, levels, own);
        if (!near) return;
        if (values.near) tile->synthesise(0, numbers.view());
        const colour::Said& said = content.said();
        for (std::int32_t r = 0; r < place.shape.rows; ++r) {
            const std::span line(numbers.row(r), static_cast<std::size_t>(place.shape.columns));
            for (std::int32_t& v : line) v = values.stored(v);
            add_and_limit(said, head, pixels.type, place.row + r, place.column, line);
            decoded.write(place.row + r, place.column, line);
        }
    };
    for_each(plane.tiles.size(), context, one);
    head.digest = digest_of(near ? ConstPixelPlane(decoded) : pixels);
    plane.head = write_head(head, sample, near);
    return plane;
}

PlaneDecoder::PlaneDecoder(const Model& model, const Stream& stream, std::int64_t number, int level,
                           std::vector<ConstPixelPlane> before, std::vector<ConstPixelPlane> references, Context& context)
    : model_(model),
      stream_(stream),
      number_(number),
      head_(stream.heads[static_cast<std::size_t>(number)]),
      level_(level),
      references_(std::move(references)),
      sample_(number % stream.samples > 0),
      said_(before, head_.coefficients),
      values_(values_of(head_, stream.near, context.memory)) {}

void PlaneDecoder::decode(std::int64_t number, const PixelPlane& plane, const Place& area, Context& context) const {
    const Place whole = Tiles(stream_.shape)[number], place = reduced(whole, level_);
    Grid<std::int32_t> numbers;
    if (head_.constant()) {
        numbers = {{1, place.shape.columns}, context.memory};
        std::fill_n(numbers.data(), numbers.shape().size(), head_.low);
    } else {
        const auto parts = parts_of(references_, {place.row - area.row, place.column - area.column, place.shape}, context);
        const auto views = views_of(parts);
        std::vector<ByteSpan> chunks;
        const std::size_t chunk = stream_.first_chunks[static_cast<std::size_t>(number_)] + static_cast<std::size_t>(number);
        for (int k = stream_.levels; k >= level_; --k)
            chunks.push_back(stream_.sections[static_cast<std::size_t>(stream_.levels - k)].chunk(chunk));
        const auto tile = model_.tile(head_.header, whole.shape, values_, stream_.levels, views, level_, context);
        decode_tile(*tile, chunks, stream_.levels, context);
        numbers = {place.shape, context.memory};
        tile->synthesise(level_, numbers.view());
    }
    write(place, numbers.view(), plane, area);
}

void PlaneDecoder::write(const Place& place, View<std::int32_t> numbers, const PixelPlane& plane, const Place& area) const {
    std::vector<std::int32_t> own(static_cast<std::size_t>(place.shape.columns));
    for (std::int32_t r = 0; r < place.shape.rows; ++r) {
        std::span<std::int32_t> line(numbers.row(head_.constant() ? 0 : r), own.size());
        const std::int32_t row = place.row - area.row + r, column = place.column - area.column;
        if (sample_) {
            std::ranges::copy(line, own.begin());
            line = own;
        }
        if (!values_.listed().empty())
            for (std::int32_t& v : line) v = values_.stored(v);
        if (sample_) add_and_limit(said_, head_, plane.type, row, column, line);
        plane.write(row, column, line);
    }
}

}  // namespace dicompress
