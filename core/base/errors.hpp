// What goes wrong, by kind: callers outside C++ see kind and text.
#pragma once

#include <stdexcept>
#include <string>

namespace dicompress {

enum class Kind {
    stream = 1,     // the data is damaged, cut short, or not a stream
    limit,          // the stream claims more than it can hold, or more than decoding may use
    unknown_model,  // it needs a model, or a version, that is not here
    unsupported,    // an image of a kind that is not compressed
    argument,       // the caller asks for what does not exist: a level, a frame, an error bound
    verification,   // what was compressed does not come back as promised
};

class Error : public std::runtime_error {
public:
    Error(Kind kind, const std::string& message) : std::runtime_error(message), kind(kind) {}

    Kind kind;
};

struct StreamError : Error {
    explicit StreamError(const std::string& message) : Error(Kind::stream, message) {}
};
struct LimitError : Error {
    explicit LimitError(const std::string& message) : Error(Kind::limit, message) {}
};

}  // namespace dicompress
