"""Print what processes, Dask workers and shards make of the same files, as a table for docs/scale.md.

    python lab/benchmarks/scale.py DATA/dev [--files 1000] [--rounds 3] [--keep FOLDER]
    python lab/benchmarks/scale.py --tasks 100000

The files are those of the load test: copies of real images of many kinds, no two of them equal. A round is a run each of: 1 process, 2
processes, a Dask cluster of 2 workers of one thread (started before, as clusters are), 2 shards balanced by size, at the same time with 1 process each. The
parts are what each run's own report says that its files took, added up; a run of n workers takes at best 1/n of that, and what it takes
beyond is its overhead. Rounds take turns, and the table has medians, so that what else the machine does falls on all alike.

--tasks: so many made-up tasks through `dicompress.cluster`, a thousand in flight, and the memory of the client on the way.

The report of the run with 1 process is what lab/benchmarks/cost.py reckons with.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from statistics import median
from typing import Any


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "dicompress", *map(str, arguments)]


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The file of a scheduler, which is a process of its own, as its workers are."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scheduler.json")
        shared = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
        programs = [["dask_scheduler", "--port", "0"], *[["dask_worker", "--no-nanny", "--nthreads", "1"]] * workers]
        running = []
        try:
            for name, *options in programs:
                command = [sys.executable, "-m", f"distributed.cli.{name}", *shared, *options]
                running.append(subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=folder))
                while not (file.exists() and file.stat().st_size):
                    time.sleep(0.1)
            yield str(file)
        finally:
            for process in running:
                process.terminate()
                process.wait()


def timed(commands: list[list[str]], reports: list[Path]) -> float:
    """Seconds until all of them ended."""
    start = time.perf_counter()
    files = [report.open("w") for report in reports]
    runs = [subprocess.Popen(command, stdout=file) for command, file in zip(commands, files)]
    for run in runs:
        run.wait()
    seconds = time.perf_counter() - start
    for file in files:
        file.close()
    return seconds


def lines(reports: list[Path]) -> list[dict[str, Any]]:
    found = [json.loads(line) for report in reports for line in report.read_text().splitlines()]
    return [line for line in found if "source" in line]


def ways(source: Path, target: Path, address: str, listing: Path) -> dict[str, tuple[int, list[list[str]]]]:
    """By name: how many work at a time, and the commands."""
    base = ("compress", source, "-o", target, "--json")
    return {
        "1 process": (1, [command(*base, "--jobs", 1)]),
        "2 processes": (2, [command(*base, "--jobs", 2)]),
        "2 Dask workers": (2, [command(*base, "--dask", address)]),
        "2 shards": (2, [command(*base, "--jobs", 1, "--listing", listing, "--shard", f"{n}/2") for n in range(2)]),
    }


def compare(data: Path, count: int, rounds: int, keep: Path | None) -> None:
    from load_files import make_files

    with tempfile.TemporaryDirectory() as work, cluster(2) as address:
        source, target = Path(work, "in"), Path(work, "out")
        made = make_files(data, source, count)
        listing = Path(work, "files.txt")
        listing.write_text("".join(f"{file.path.stat().st_size}\t{file.path.name}\n" for file in made))
        megapixels = sum(file.pixels for file in made) / 1e6
        seconds: dict[str, list[tuple[float, float]]] = {}
        for number in range(rounds):
            for name, (workers, commands) in ways(source, target, address, listing).items():
                rmtree(target, ignore_errors=True)
                reports = [Path(keep or work, f"{name.replace(' ', '-')}-{number}-{n}.jsonl") for n in range(len(commands))]
                taken = timed(commands, reports)
                found = lines(reports)
                assert len(found) == len(made), (name, len(found), len(made))
                parts = sum(line["seconds"] for line in found) / workers
                seconds.setdefault(name, []).append((taken, parts))
                print(f"round {number}: {name}: {taken:.1f} s, parts {parts:.1f} s, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        print(f"{len(made)} files, {megapixels:.0f} megapixels, {rounds} rounds, load {os.getloadavg()[0]:.1f} at the end\n")
        print("| | seconds | megapixels a second | its parts, seconds | overhead |\n|---|---:|---:|---:|---:|")
        for name, found_ in seconds.items():
            taken, parts = median(t for t, _ in found_), median(p for _, p in found_)
            over = median(100 * (t / p - 1) for t, p in found_)
            print(f"| {name} | {taken:.1f} | {megapixels / taken:.2f} | {parts:.1f} | {over:+.1f} % |")


def twice(item: int, tell: Callable[[Any], None]) -> int:
    return item * 2


def tasks(count: int) -> None:
    from dicompress import cluster as clustered
    from dicompress.cluster import Cluster

    clustered.AHEAD = 500  # in flight as with a thousand workers, not as with these two
    with cluster(2) as address, Cluster(address) as workers:
        print("| tasks done | seconds | client, MB |\n|---:|---:|---:|")
        start = time.perf_counter()
        for done, _ in enumerate(workers.run(twice, iter(range(count))), 1):
            if done % max(1, count // 10) == 0:
                print(f"| {done} | {time.perf_counter() - start:.0f} | {resident():.0f} |", flush=True)
        print(f"\n{count / (time.perf_counter() - start):.0f} tasks a second")


def resident() -> float:
    """Memory of this process, in MB."""
    try:
        text = Path("/proc/self/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS"))) / 1e3
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder for the reports")
    parser.add_argument("--tasks", type=int)
    options = parser.parse_args()
    if options.tasks:
        tasks(options.tasks)
    else:
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
        compare(options.data, options.files, options.rounds, options.keep)


if __name__ == "__main__":
    main()
