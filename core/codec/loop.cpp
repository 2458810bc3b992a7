#include "codec/loop.hpp"

#include <algorithm>

#include "coder/coder.hpp"

namespace dicompress {

namespace {

constexpr std::int64_t symbols_per_stream = 1 << 16;
constexpr std::size_t fewest_bytes = 2;  // of a tensor with elements: one sub-stream's length, and what a coder always writes

struct Rows {
    std::int32_t first, last;
};

// The runs of a tensor's rows that share a sub-stream, and a thread.
std::vector<Rows> bands_of(const Tile::Tensor& tensor, int streams) {
    const auto symbols = static_cast<std::int64_t>(tensor.size());
    std::int64_t count = std::max({std::int64_t{1}, std::min<std::int64_t>(2, 2 * symbols / symbols_per_stream),
                                   symbols / symbols_per_stream});
    count = std::min({std::int64_t{tensor.rows}, symbols, count});
    if (streams) count = std::min(count, std::int64_t{streams});
    std::vector<Rows> bands;
    for (std::int64_t i = 0; i < count; ++i)
        bands.push_back({static_cast<std::int32_t>(tensor.rows * i / count), static_cast<std::int32_t>(tensor.rows * (i + 1) / count)});
    return bands;
}

struct CodedTensor {
    ByteSpan bytes;
    std::size_t number;
};

// What a tile's chunks hold, coarse to fine: all of it before the first is decoded.
std::vector<CodedTensor> coded_tensors(const Tile& tile, std::span<const ByteSpan> chunks, int levels) {
    std::vector<CodedTensor> coded;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        Reader reader(chunks[i]);
        for (std::size_t k = 0; k < tile.tensors().size(); ++k) {
            const Tile::Tensor& tensor = tile.tensors()[k];
            if (tensor.level != levels - static_cast<int>(i)) continue;
            const ByteSpan bytes = reader.take(reader.varint());
            if (bytes.size() < fewest_bytes && tensor.size())
                throw StreamError(std::to_string(bytes.size()) + " bytes cannot hold a tensor of " +
                                  std::to_string(tensor.rows) + " x " + std::to_string(tensor.columns));
            coded.push_back({bytes, k});
        }
        reader.finish();
    }
    return coded;
}

}  // namespace

std::vector<Bytes> encode_tile(Tile& tile, int levels, Context& context) {
    std::vector<Bytes> chunks(static_cast<std::size_t>(levels) + 1);
    for (std::size_t k = 0; k < tile.tensors().size(); ++k) {
        const Tile::Tensor& tensor = tile.tensors()[k];
        const auto prediction = tile.predict(k);
        const auto bands = bands_of(tensor, prediction->streams);
        std::vector<Bytes> streams(bands.size());
        std::vector<char> lanes(bands.size());
        context.workers.each(bands.size(), [&](std::size_t i) {
            prediction->prepare(bands[i].first, bands[i].last);
            const Timed timed(context.clock, Part::coder);
            bool lanes_used;
            streams[i] = encode(prediction->band(bands[i].first, bands[i].last), lanes_used, context.memory);
            lanes[i] = lanes_used;
        });
        Bytes coded;
        for (std::size_t i = 0; i < bands.size(); ++i) put_varint(coded, 2 * streams[i].size() + static_cast<std::size_t>(lanes[i]));
        for (const Bytes& stream : streams) put(coded, stream);
        Bytes& chunk = chunks[static_cast<std::size_t>(levels - tensor.level)];
        put_varint(chunk, coded.size());
        put(chunk, coded);
    }
    return chunks;
}

void decode_tile(Tile& tile, std::span<const ByteSpan> chunks, int levels, Context& context) {
    for (const auto& [bytes, k] : coded_tensors(tile, chunks, levels)) {
        const auto prediction = tile.predict(k);
        const auto bands = bands_of(tile.tensors()[k], prediction->streams);
        Reader reader(bytes);
        std::vector<std::uint64_t> lengths;
        for (std::size_t i = 0; i < bands.size(); ++i) lengths.push_back(reader.varint());
        std::vector<ByteSpan> streams;
        for (std::uint64_t length : lengths) streams.push_back(reader.take(length >> 1));
        reader.finish();
        context.workers.each(bands.size(), [&](std::size_t i) {
            prediction->prepare(bands[i].first, bands[i].last);
            const Timed timed(context.clock, Part::coder);
            decode(prediction->band(bands[i].first, bands[i].last), streams[i], lengths[i] & 1, context.memory);
        });
    }
}

}  // namespace dicompress
