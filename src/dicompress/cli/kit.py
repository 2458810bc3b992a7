"""`dicompress kit`: what a machine without a network needs, in a folder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..errors import DicompressError
from .report import amount

NEEDED = ("cyclonedx", "packaging")


def run(output: Path, wheel: Path | None, extras: list[str]) -> int:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise DicompressError(f"kit needs {', '.join(missing)}: pip install 'dicompress[kit]'")
    from ..kit.kit import write

    wheels = write(output, wheel, frozenset(extras))
    print(
        f"{len(wheels)} wheels, {amount(sum(path.stat().st_size for path in wheels))}; {output / 'README.md'} says how to install them"
    )
    return 0
