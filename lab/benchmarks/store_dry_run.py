"""Print how far a dry run of a sample is from what compression then does, as a table for docs/store.md.

    python lab/benchmarks/store_dry_run.py DATA/dev DATA/volumes/dev

Every file is put into a new store, under the rule that the same pixels are enough. All are tried once; the dry runs of samples take
what they need from these trials. At last everything is compressed: a dry run of all must say that, object by object.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dicompress.errors import DicompressError
from dicompress.store import Outcome, Store, dryrun, worker, workers

SHARES = (0.02, 0.05, 0.1, 0.2, 0.34, 0.5, 1)
RULES = '[[rule]]\ndo = "lossless"\nsame = "pixels"\n'


def facts(outcome: Outcome) -> tuple[object, ...]:
    return outcome.status, outcome.bytes_in, outcome.bytes_out, outcome.guarantee


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Store.create(Path(folder) / "store", text=RULES) as store:
        for path in sorted(path for place in sys.argv[1:] for path in Path(place).rglob("*") if path.is_file()):
            try:
                store.put(path.read_bytes())
            except DicompressError as error:
                print(f"{path}: {error}", file=sys.stderr)
        trials: dict[int, Outcome] = {}

        def each(_store: Store, _action: object, ids: list[int]) -> Iterator[tuple[int, Outcome | None]]:
            """As `workers.each`, but each object is tried once."""
            missing = [number for number in ids if number not in trials]
            trials.update((number, found) for number, found in workers.each(2, store, dryrun.trial, missing) if found)
            yield from ((number, trials[number]) for number in ids)

        runs: dict[float, dict[tuple[str, int], Outcome]] = {}
        for share in sorted(SHARES, reverse=True):
            told: list[Outcome] = []
            dryrun.dry_run(store, share, told.append, each)
            runs[share] = {(one.uid, one.version): one for one in told}
        done: list[Outcome] = []
        worker.compress_due(store, 2, done.append)
        real = {(one.uid, one.version): one for one in done}
        print(f"{len(real)} objects, {sum(one.bytes_in for one in done)} -> {sum(one.bytes_out for one in done)} bytes\n")
        print(
            "| share asked for | tried | outcomes told right | size told, against the real one | objects told to the byte |",
            "|---" * 5 + "|",
            sep="\n",
        )
        for share, told_of in sorted(runs.items()):
            assert told_of.keys() == real.keys()
            tried = sum(dryrun.PREDICTED not in (one.reason or "") for one in told_of.values())
            right = sum(one.status == real[key].status for key, one in told_of.items())
            error = sum(one.bytes_out for one in told_of.values()) / sum(one.bytes_out for one in done) - 1
            same = sum(facts(one) == facts(real[key]) for key, one in told_of.items())
            print(f"| {share:.0%} | {tried} | {right} of {len(real)} | {error:+.2%} | {same} |")


if __name__ == "__main__":
    main()
