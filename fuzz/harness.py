"""What the atheris fuzzers share: `--seeds FOLDER` writes the inputs that a corpus begins with; else libFuzzer's options."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris


def run(seeds: Callable[[], Iterable[bytes]], try_one: Callable[[bytes], None], mutate: Callable) -> None:
    if sys.argv[1:2] == ["--seeds"]:
        folder = Path(sys.argv[2])
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (folder / f"seed-{number}").write_bytes(seed)
        return
    atheris.Setup(sys.argv, try_one, custom_mutator=mutate)
    atheris.Fuzz()
