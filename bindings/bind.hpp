// One function a layer of `core/`, each of which fills a submodule of dicompress.native.
#pragma once

#include <nanobind/nanobind.h>

void bind_coder(nanobind::module_& m);
void bind_network(nanobind::module_& m);
void bind_pyramid(nanobind::module_& m);
void bind_training(nanobind::module_& m);  // into that of the pyramid
void bind_codec(nanobind::module_& m);
void bind_lows(nanobind::module_& m);
void bind_labels(nanobind::module_& m);
