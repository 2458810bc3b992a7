"""An integer network on onnxruntime's CPU provider."""

from __future__ import annotations

import os
from functools import cached_property

import numpy as np


class Network:
    """A network from the bytes of an ONNX file; the session is made on first use.

    threads: 0 for one a core. optimise: let the runtime rewrite the graph (the results do not change).
    """

    def __init__(self, onnx: bytes, threads: int = 0, optimise: bool = True):
        self._onnx, self._threads, self._optimise = onnx, threads or os.cpu_count() or 1, optimise

    @cached_property
    def _session(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the cores to the coder
        options.enable_cpu_mem_arena = False  # images differ in size; an arena would keep the largest for ever
        level = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_ENABLE_ALL if self._optimise else level.ORT_DISABLE_ALL
        return onnxruntime.InferenceSession(self._onnx, options, providers=["CPUExecutionProvider"])

    def __call__(self, **inputs: np.ndarray) -> list[np.ndarray]:
        """Outputs in the order of the file, for inputs by name."""
        return self._session.run(None, inputs)
