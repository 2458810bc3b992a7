#include "bind.hpp"

void bind_codec(nanobind::module_&) {}
