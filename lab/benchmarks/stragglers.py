"""Print how long 10,000 workers take when some are slow and some are lost, as a table for docs/scale.md: a simulation.

    python lab/benchmarks/stragglers.py REPORT.jsonl... [--workers 10000] [--files 1000] [--seed 1]

Times and sizes of files are drawn from reports of `compress --json`, as measured. Each worker has `files` of them on average. One worker in
fifty is slow, by a factor of three; a worker is lost once in `--life` hours of its work and is there again after `--restart` seconds.

Ways: shards by a hash of the path, a worker each; shards balanced by size, as `--listing` has them; ten times as many shards, of which
whoever is free takes the next, anew from its begin if it was lost; and Dask clusters of `--cluster` workers,
a shard by hash each, in which whoever is free takes the next file, as fast as one scheduler hands them out (`--rate` a second). A shard
whose worker is lost goes on by `--resume`, which checks what is there already: `--check` of the time that making it took. A cluster
does again what the worker had. "at best" is all work divided by all workers, the slow ones counted as what they are.
"""

from __future__ import annotations

import argparse
import heapq
import json
from pathlib import Path

import numpy as np


def measured(reports: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and bytes of each file that was compressed."""
    lines = [json.loads(line) for report in reports for line in report.read_text().splitlines()]
    found = [(line["seconds"], line["bytes_in"]) for line in lines if line.get("status") == "compressed"]
    return np.array([s for s, _ in found]), np.array([b for _, b in found])


def losses(chance: np.random.Generator, seconds: np.ndarray, o: argparse.Namespace) -> np.ndarray:
    """Shards that take `seconds`, with what losses cost: the restart, and the check of what was there, on average half of all."""
    count = chance.poisson(seconds / (o.life * 3600))
    return seconds + count * (o.restart + o.check * seconds / 2)


def cluster(seconds: np.ndarray, factors: np.ndarray, chance: np.random.Generator, o: argparse.Namespace) -> float:
    """When the last file ends."""
    ends = chance.exponential(o.life * 3600, len(factors))
    free = [(0.0, worker) for worker in range(len(factors))]
    waiting, given, last = list(seconds[::-1]), 0.0, 0.0
    while waiting:
        now, worker = heapq.heappop(free)
        now = given = max(now, given + 1 / o.rate)
        work = waiting.pop()
        end = now + work * factors[worker]
        if end > ends[worker]:  # lost: the file goes to another, the worker comes back
            waiting.append(work)
            back = max(now, ends[worker]) + o.restart
            ends[worker] = back + chance.exponential(o.life * 3600)
            heapq.heappush(free, (back, worker))
        else:
            last = max(last, end)
            heapq.heappush(free, (end, worker))
    return last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", type=Path)
    for name, value in (("workers", 10000), ("files", 1000), ("seed", 1), ("cluster", 100)):
        parser.add_argument(f"--{name}", type=int, default=value)
    for name, fraction in (("life", 100.0), ("restart", 120.0), ("check", 0.5), ("rate", 200.0), ("slow", 0.02), ("slowness", 3.0)):
        parser.add_argument(f"--{name}", type=float, default=fraction)
    o = parser.parse_args()
    chance = np.random.default_rng(o.seed)
    times, sizes = measured(o.reports)
    drawn = chance.integers(len(times), size=o.workers * o.files)
    seconds, size = times[drawn], sizes[drawn]
    factors = np.where(chance.random(o.workers) < o.slow, o.slowness, 1.0)
    best = seconds.sum() / (1 / factors).sum()
    by_hash = np.bincount(chance.integers(o.workers, size=len(seconds)), seconds, o.workers) * factors
    order, turns = np.argsort(-size, kind="stable"), np.arange(len(size))
    place = turns % o.workers
    snake = np.where(turns // o.workers % 2, o.workers - 1 - place, place)
    by_size = np.bincount(snake, seconds[order], o.workers) * factors
    parts = 10 * o.workers  # ten shards a worker, taken one after the other by whoever is free, as job arrays do
    small = np.bincount(chance.integers(parts, size=len(seconds)), seconds, parts)
    by_turns = cluster(small, factors, chance, argparse.Namespace(**vars(o) | {"rate": 1e9}))
    clusters = np.array_split(np.arange(o.workers), max(1, o.workers // o.cluster))
    shares = np.array_split(seconds, len(clusters))  # drawn at random, as a hash does
    ends = [cluster(share, factors[some], chance, o) for share, some in zip(shares, clusters)]
    rows = {
        "shards by hash, no worker slow or lost": by_hash / factors,
        "shards by hash": losses(chance, by_hash, o),
        "shards balanced by size, no worker slow or lost": by_size / factors,
        "shards balanced by size": losses(chance, by_size, o),
        "ten times as many shards by hash": np.array([by_turns]),
        f"{len(clusters)} clusters of {o.cluster}": np.array(ends),
    }
    spread = (
        f"mean {times.mean():.2f} s, median {np.median(times):.2f}, 99 % below {np.quantile(times, 0.99):.2f}, most {times.max():.2f}"
    )
    print(f"{len(times)} measured files ({spread}); {len(seconds)} drawn for {o.workers} workers\n")
    print("| | half of them end after | the last ends after, minutes | over the best |\n|---|---:|---:|---:|")
    print(f"| at best |  | {best / 60:.1f} |  |")
    for name, found in rows.items():
        print(f"| {name} | {np.median(found) / 60:.1f} | {found.max() / 60:.1f} | {100 * (found.max() / best - 1):+.0f} % |")


if __name__ == "__main__":
    main()
