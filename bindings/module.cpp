// Python bindings: dicompress.native.
#include <stdexcept>
#include <string>

#include "base/errors.hpp"
#include "bind.hpp"
#include "coder/arithmetic.hpp"

namespace nb = nanobind;
using namespace dicompress;

namespace {

const char* name_of(Kind kind) {
    switch (kind) {
        case Kind::stream: return "StreamError";
        case Kind::limit: return "LimitError";
        case Kind::unknown_model: return "UnknownModelError";
        case Kind::unsupported: return "UnsupportedImageError";
        case Kind::verification: return "VerificationError";
        case Kind::argument: break;
    }
    return nullptr;
}

// The core's errors become those of dicompress.errors.
void translate(const std::exception_ptr& thrown, void*) {
    try {
        std::rethrow_exception(thrown);
    } catch (const Error& error) {
        const char* name = name_of(error.kind);
        nb::object type = nb::borrow(PyExc_ValueError);
        if (name) type = nb::module_::import_("dicompress.errors").attr(name);
        std::string text = error.what();
        if (error.kind == Kind::limit)
            text += "; DICOMPRESS_MAX_PIXELS and DICOMPRESS_MAX_MEMORY in the environment change the limits";
        PyErr_SetString(type.ptr(), text.c_str());
    }
}

}  // namespace

NB_MODULE(native, m) {
    m.doc() = "The codec (`core/`), layer by layer.";
    if (!rounds_every_operation())
        throw std::runtime_error("compiled with fused arithmetic: streams would not be portable");
    nb::set_leak_warnings(false);  // models are cached until the interpreter ends
    nb::register_exception_translator(translate);
    const auto part = [&m](const char* name, void (*bind)(nb::module_&)) {
        nb::module_ found = m.def_submodule(name);
        bind(found);
    };
    part("coder", bind_coder);
    part("network", bind_network);
    part("codec", bind_codec);
    part("pyramid", bind_pyramid);
    part("lows", bind_lows);
    part("labels", bind_labels);
}
