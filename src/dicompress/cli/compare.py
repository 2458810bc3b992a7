"""`dicompress compare`: two files in, a page out."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from ..disk import targets
from ..errors import DicompressError, FileError
from . import files

NEEDED = ("imagecodecs", "skimage")


def run(original: Path, compressed: Path, output: Path) -> int:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise DicompressError(f"compare needs {', '.join(missing)}: pip install 'dicompress[compare]'")
    from ..compare import compare, page

    target = _page(output)
    if target.resolve() in (original.resolve(), compressed.resolve()):
        raise FileError(f"{target} is one of the files to compare")
    comparison = compare((original, _read(original)), (compressed, _read(compressed)))
    targets.write(target, page(comparison).encode())
    for text in comparison.warnings:
        print(f"{compressed}: {text}", file=sys.stderr)
    found = comparison.figures
    told = "identical pixels" if found.psnr is None else f"largest error: {found.max_error}, PSNR: {found.psnr:.2f} dB"
    print(f"{told}; page: {target}")
    return 0


def _read(path: Path) -> bytes:
    try:
        return files.read(path)
    except FileError as error:
        raise FileError(f"{path}: {error}") from None


def _page(output: Path) -> Path:
    if output.is_dir():
        return output / "compare.html"
    return output if output.suffix == ".html" else output.with_name(f"{output.name}.html")
