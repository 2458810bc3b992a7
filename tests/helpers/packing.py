"""Packing runs to be disturbed, and what archives hold afterwards."""

from pathlib import Path

from dicompress.disk.targets import is_partial
from dicompress.series import Archive

from .archives import make_series


def series(folder: Path, count: int = 3, slices: int = 4) -> Path:
    """Folders 0, 1 ... with a series each, and a file that is none."""
    for n in range(count):
        make_series(folder / f"{n}", range(slices), f"1.2.{n}")
    (folder / "notes.txt").write_text("no image")
    return folder


def archives(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if not is_partial(path.name)) if folder.exists() else []


def assert_whole(source: Path, target: Path) -> dict[str, int]:
    """Every archive is complete and right. How many files are in each."""
    found = {}
    for path in archives(target):
        with Archive(path) as archive:
            assert not archive.problems, archive.problems
            assert_right(source, archive)
            found[path.name] = len(archive.entries)
    return found


def assert_right(source: Path, archive: Archive) -> None:
    for number, entry in archive.entries.items():
        assert archive.restore(number) == (source / entry.path).read_bytes()
