"""Print how far `compress --dry-run` of a sample is from what `compress` then does, as a table for docs/batches.md.

    python lab/benchmarks/dry_run.py DATA/dev

Everything is compressed once; then each share is tried, in processes of the command line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from dicompress.sampling import PREDICTED

SHARES = ("5%", "10%", "25%", "50%", "100%")


def compress(*arguments: str) -> tuple[list[dict[str, Any]], float]:
    """Outcomes, and seconds."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "dicompress", "compress", "--json", *arguments], stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()], time.perf_counter() - start


def main() -> None:
    sources = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        real, seconds = compress(*sources, "-o", f"{folder}/out")
        before, after = (sum(outcome[key] for outcome in real) for key in ("bytes_in", "bytes_out"))
        print(f"{len(real)} files, {before / 1e6:.1f} MB to {after / 1e6:.1f} MB in {seconds:.0f} s")
        print("| share asked for | tried | outcomes told right | size told, against the real one |\n|---|---|---|---|")
        for share in SHARES:
            dry, _ = compress(*sources, "-o", f"{folder}/none", "--dry-run", "--sample", share)
            tried = sum(PREDICTED not in (outcome["reason"] or "") for outcome in dry)
            status = {outcome["source"]: outcome["status"] for outcome in dry}
            right = sum(status[outcome["source"]] == outcome["status"] for outcome in real)
            error = sum(outcome["bytes_out"] for outcome in dry) / after - 1
            print(f"| {share} | {tried} | {right} of {len(real)} | {100 * error:+.2f}% |", flush=True)


if __name__ == "__main__":
    main()
