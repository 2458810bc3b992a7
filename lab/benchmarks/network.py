"""How fast each kernel of this processor runs the installed networks of `pyramid`, on one core.

    python lab/benchmarks/network.py [--side 256]

Grids of side x side pixels with random activations; the least processor time of many runs, the copying of the input included.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from dicompress.native import network

NAMES = ("D", "H", "V", "D of former JPEGs", "H of former JPEGs", "V of former JPEGs")
SECONDS = 1.0  # a network


def least_time(net: network.Network, kernel: network.Kernel, side: int) -> float:
    rng, least, end = np.random.default_rng(0), np.inf, time.perf_counter() + SECONDS
    x = rng.integers(90, 167, (side, side, net.inputs), dtype=np.uint8)
    features = rng.integers(90, 167, (side, side, net.features_in), dtype=np.uint8) if net.features_in else None
    while least == np.inf or time.perf_counter() < end:
        start = time.thread_time()
        net.run(x, features, kernel=kernel)
        least = min(least, time.thread_time() - start)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256)
    side = parser.parse_args().side
    for data in network.installed_weights():
        weights = network.Weights(data)
        print(f"pyramid {network.hash(data).hex()}, {side} x {side} pixels")
        for kernel in network.kernels():
            times = [least_time(net, kernel, side) for net in weights.networks]
            row = ", ".join(f"{name} {1e3 * t:.2f}" for name, t in zip(NAMES, times))
            print(f"  {kernel.name:8} ms: {row}; D, H and V together {1e3 * sum(times[:3]):.2f}")


if __name__ == "__main__":
    main()
