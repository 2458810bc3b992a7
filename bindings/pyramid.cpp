#include "bind.hpp"

void bind_pyramid(nanobind::module_&) {}
