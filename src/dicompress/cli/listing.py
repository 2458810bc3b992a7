"""What is in an archive of a series, without decoding it: `list` and `info`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

from ..dicom.describe import GUARANTEES
from ..places import Place
from ..series.entry import Entry
from ..series.reader import Archive
from . import files, output, unpacking


def show(path: Place, as_json: bool) -> int:
    """A line a file. Exit status 1 if the archive is damaged."""
    files.check_named(path)
    with Archive(path) as archive:
        for number, entry in sorted(archive.entries.items()):
            place = archive.places[number]
            size = place.end - place.start
            if as_json:
                output.line(json.dumps(_facts(archive, entry, size)))
            else:
                output.line(f"{entry.size:>12} {size:>12}  {_told(entry):24}  {output.printable(entry.path)}")
        if archive.problems:
            print(output.printable(f"{path}: {unpacking.problems(archive)}"), file=sys.stderr)
    return int(bool(archive.problems))


def facts(path: Place) -> dict[str, Any]:
    """Of a whole archive."""
    files.check_named(path)
    with Archive(path) as archive:
        entries = archive.entries.values()
        original = sum(entry.original_size or entry.size for entry in entries)
        return {
            "series": archive.series,
            "files": len(entries),
            **dict(sorted(Counter(entry.method for entry in entries).items())),
            "leaning_on_others": sum(bool(entry.references) for entry in entries),
            "guarantees": sorted({GUARANTEES[entry.guarantee] for entry in entries}),
            "largest_error": max((entry.near for entry in entries), default=0),
            "original_bytes": original,
            "archive_bytes": archive.size,
            "ratio": original / archive.size,
            "problems": archive.problems,
        }


def _facts(archive: Archive, entry: Entry, size: int) -> dict[str, Any]:
    return {
        "archive": str(archive.path),
        "path": entry.path,
        "method": entry.method,
        "guarantee": GUARANTEES[entry.guarantee],
        "near": entry.near,
        "uid": entry.uid or None,
        "original_uid": entry.original_uid,
        "bytes": entry.size,
        "original_bytes": entry.original_size or entry.size,
        "archive_bytes": size,
        "sha256": entry.sha256 or None,
        "leans_on": [archive.entries[n].path for n in entry.references if n in archive.entries],
        "reason": entry.reason,
    }


def _told(entry: Entry) -> str:
    near = f", error up to {entry.near}" if entry.near else ""
    return f"{entry.method}{near}"
