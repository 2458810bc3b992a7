#include "bind.hpp"

void bind_network(nanobind::module_&) {}
