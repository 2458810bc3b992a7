#include "codec/encoder.hpp"

#include <algorithm>
#include <memory>

#include "codec/plane.hpp"
#include "codec/references.hpp"

namespace dicompress {

void check_settings(const ConstPixels& pixels, const Settings& settings) {
    const int bits = 8 * bytes_of(pixels.type);
    if (pixels.frames < 1 || pixels.shape.rows < 1 || pixels.shape.columns < 1 || pixels.samples < 1 || pixels.samples > most_samples)
        throw Error(Kind::unsupported, "an array of " + std::to_string(pixels.frames) + " x " + std::to_string(pixels.shape.rows) +
                                           " x " + std::to_string(pixels.shape.columns) + " pixels of " +
                                           std::to_string(pixels.samples) + " samples is not supported");
    if (!settings.has_frames && pixels.frames != 1)
        throw Error(Kind::argument, std::to_string(pixels.frames) + " frames need an axis of frames");
    if (settings.bits_stored < 0 || settings.bits_stored > bits)
        throw Error(Kind::unsupported, std::to_string(settings.bits_stored) + " bits stored do not fit into " +
                                           std::to_string(bits) + " bits allocated");
    if (settings.near < 0 || settings.near > most_near)
        throw Error(Kind::argument, "an error of " + std::to_string(settings.near) + " is not possible; near is a whole number, 0 to " +
                                        std::to_string(most_near));
    if (pixels.samples > 1 && !settings.exact.empty())
        throw Error(Kind::argument, "values of colour samples cannot be kept exact: leave out `exact` or `colour`");
    if (settings.outer.size() > most_references || (!settings.outer.empty() && (settings.has_frames || pixels.samples > 1)))
        throw Error(Kind::argument, "references are for a single image in grey, one or two of them");
    for (const ConstPixelPlane& plane : settings.outer)
        if (plane.type != pixels.type || plane.shape != pixels.shape)
            throw Error(Kind::argument, "a reference has another shape or type than the image");
}

namespace {

// What is decided of a plane before it is coded, in the order of coding.
struct Decided {
    std::int64_t number;
    std::vector<ConstPixelPlane> before;  // the other samples' planes that are decoded before it
    std::vector<std::unique_ptr<Decoded>> sources;
    std::unique_ptr<Content> content;
    Choice chosen;
};

class Encoder {
public:
    Encoder(const Model& model, const ConstPixels& pixels, const Settings& settings, const Pixels& decoded, Context& context)
        : model_(model), pixels_(pixels), settings_(settings), decoded_(decoded), context_(context),
          levels_(model.levels(pixels.shape)),
          planes_(static_cast<std::size_t>(pixels.frames) * static_cast<std::size_t>(pixels.samples)) {}

    std::vector<EncodedPlane> run() {
        const bool neighbours = settings_.neighbours && model_.most_references() > 0 && pixels_.frames > 1;
        std::vector<std::int64_t> numbers;
        for (std::int64_t frame : coding_order(pixels_.frames, neighbours))
            for (int k = 0; k < pixels_.samples; ++k) numbers.push_back(frame * pixels_.samples + k);
        // Without errors the decoder's planes are known beforehand: several are coded at once.
        const auto workers = static_cast<std::size_t>(context_.workers.count());
        const std::size_t together = settings_.near && (neighbours || pixels_.samples > 1) ? 1 : 2 * workers;
        for (std::size_t first = 0; first < numbers.size(); first += together) {
            std::vector<Decided> batch;
            for (std::size_t i = first; i < std::min(first + together, numbers.size()); ++i)
                batch.push_back(decide(numbers[i], neighbours));
            for_each(batch.size(), context_, [&](std::size_t i, Context& own) { code(batch[i], own); });
        }
        return std::move(planes_);
    }

private:
    ConstPixelPlane as_decoded(std::int64_t number) const {
        return settings_.near ? ConstPixelPlane(decoded_.plane(number)) : pixels_.plane(number);
    }

    Decided decide(std::int64_t number, bool neighbours) {
        Decided decided{number, {}, {}, {}, {}};
        for (std::int64_t n = number - number % pixels_.samples; n < number; ++n) decided.before.push_back(as_decoded(n));
        std::vector<Choice> choices;
        if (model_.most_references() > 0) {
            for (const auto& numbers : candidates(number, pixels_.samples, neighbours, depth_)) {
                Choice& choice = choices.emplace_back();
                for (std::int64_t n : numbers) {
                    choice.distances.push_back(number - n);
                    choice.planes.push_back(decided.sources.emplace_back(std::make_unique<Decoded>(as_decoded(n))).get());
                }
            }
            for (std::size_t count = 1; count <= settings_.outer.size(); ++count) {
                Choice& choice = choices.emplace_back();
                for (std::size_t i = 0; i < count; ++i) {
                    choice.distances.push_back(static_cast<std::int64_t>(i) + 1);
                    choice.planes.push_back(decided.sources.emplace_back(std::make_unique<Decoded>(settings_.outer[i])).get());
                }
            }
        }
        decided.content = choose(model_, pixels_.plane(number), decided.before, settings_.near, settings_.exact, choices,
                                 decided.chosen, context_);
        int depth = 0;
        for (std::int64_t distance : decided.chosen.distances)
            if (distance <= number) depth = std::max(depth, depth_.at(number - distance) + 1);
        if (decided.content->coefficients != colour::Coefficients{})
            for (std::int64_t n = number - number % pixels_.samples; n < number; ++n) depth = std::max(depth, depth_.at(n) + 1);
        depth_[number] = depth;
        return decided;
    }

    void code(const Decided& decided, Context& context) {
        const std::int64_t number = decided.number;
        planes_[static_cast<std::size_t>(number)] = encode_plane(
            model_, pixels_.plane(number), static_cast<int>(number % pixels_.samples), levels_, settings_.near, *decided.content,
            decided.chosen, settings_.near ? decoded_.plane(number) : PixelPlane{}, context);
    }

    const Model& model_;
    const ConstPixels& pixels_;
    const Settings& settings_;
    const Pixels& decoded_;
    Context& context_;
    const int levels_;
    std::map<std::int64_t, int> depth_;  // of the planes decided so far
    std::vector<EncodedPlane> planes_;
};

}  // namespace

Bytes encode(const Model& model, const ConstPixels& pixels, const Settings& settings, const Pixels& decoded, Context& context) {
    check_settings(pixels, settings);
    std::vector<EncodedPlane> planes = Encoder(model, pixels, settings, decoded, context).run();
    Facts facts;
    facts.model_hash = model.hash(), facts.type = pixels.type, facts.shape = pixels.shape;
    facts.bits_stored = settings.bits_stored ? settings.bits_stored : 8 * bytes_of(pixels.type);
    facts.samples = pixels.samples, facts.near = settings.near;
    if (settings.has_frames) facts.frames = pixels.frames;
    for (std::size_t i = 0; i < settings.outer.size() && i < planes[0].distances.size(); ++i)
        facts.outer.push_back(digest_of(settings.outer[i]));
    const int levels = model.levels(pixels.shape);
    std::vector<Bytes> heads;
    std::vector<std::vector<Bytes>> chunks(static_cast<std::size_t>(levels) + 1);
    for (EncodedPlane& plane : planes) {
        heads.push_back(std::move(plane.head));
        for (auto& tile : plane.tiles)
            for (std::size_t level = 0; level < chunks.size(); ++level) chunks[level].push_back(std::move(tile[level]));
    }
    return write_stream(facts, levels, heads, chunks);
}

void check_bound(const ConstPixels& original, const ConstPixels& decoded, std::int32_t near, const Runs& exact) {
    std::vector<std::int32_t> a(static_cast<std::size_t>(original.shape.columns)), b(a.size());
    for (std::int64_t number = 0; number < original.frames * original.samples; ++number) {
        const ConstPixelPlane first = original.plane(number), second = decoded.plane(number);
        for (std::int32_t row = 0; row < original.shape.rows; ++row) {
            first.read(row, 0, a), second.read(row, 0, b);
            if (a == b) continue;
            for (std::size_t i = 0; i < a.size(); ++i) {
                const std::int32_t error = std::abs(a[i] - b[i]);
                if (error > near)
                    throw Error(Kind::verification, "a pixel is off by " + std::to_string(error) + ", more than " +
                                                        std::to_string(near) + "; please report this");
                for (const auto& [from, to] : exact)
                    if (error && ((from <= a[i] && a[i] <= to) || (from <= b[i] && b[i] <= to)))
                        throw Error(Kind::verification, "values " + std::to_string(from) + " to " + std::to_string(to) +
                                                            " do not come back exactly; please report this");
            }
        }
    }
}

}  // namespace dicompress
