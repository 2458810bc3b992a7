"""The report's three files: a page for people, a row a measurement for spreadsheets, everything for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template

from . import tables
from .environment import environment, where
from .images import Image
from .measure import OK, Measurement
from .plots import plots
from .run import Outcome
from .summary import Result, results, summary

QUALITY = ("peak", "psnr", "psnr_own", "mse", "mse8", "ssim", "max_error")


def files(outcome: Outcome, jobs: int, command: str) -> dict[str, bytes]:
    """Suffix -> contents: ".html", ".csv", ".json"."""
    statistics, machine = summary(outcome.measurements, outcome.codecs), environment(jobs, command)
    return {
        ".csv": _csv(outcome).encode(),
        ".json": _json(outcome, statistics, machine).encode(),
        ".html": page(outcome, statistics, machine).encode(),
    }


def page(outcome: Outcome, statistics: dict, machine: dict) -> str:
    """One HTML page that needs nothing else."""
    found = results(outcome.measurements)
    drawn = plots(statistics) if found else {}
    images, megapixels = len(outcome.images), sum(i.pixels for i in outcome.images) / 1e6
    files = len({i.path for i in outcome.images})
    groups = ", ".join(dict.fromkeys(row["group"] for row in statistics["groups"]))
    fields = {
        "images": f"{images} images ({files} files, {megapixels:.1f} megapixels)" if images != files
        else f"{images} image{'s' * (images != 1)} ({megapixels:.1f} megapixels)",
        "series": str(len({i.series for i in outcome.images})),
        "groups": escape(groups),
        "count": str(len({r.codec for r in found})),
        "date": escape(machine["date"][:10]),
        "jobs": str(machine["images at a time"]),
        "baseline": escape(statistics["baseline"] or "none"),
        "warnings": "".join(f'<p class="warning">{escape(text)}</p>' for text in _warnings(outcome, machine)),
        **{f"plot_{name}": drawn.get(name, "<p>(nothing to draw)</p>") for name in ("ratio", "seconds", "bits", "speed")},
        "by_group": tables.by_group(statistics),
        "by_series": tables.by_series(statistics),
        "by_image": tables.by_image(found, statistics),
        "by_image_note": f"The first {tables.MOST_ROWS} of {images}; the CSV has all." if images > tables.MOST_ROWS else "",
        "wins": tables.wins(statistics),
        "speed": tables.speed(statistics),
        "quality": _quality(statistics),
        "codecs": tables.codecs(outcome),
        "troubles": tables.troubles(outcome) or "<p>Everything was measured.</p>",
        "environment": tables.facts(machine),
    }  # fmt: skip
    return Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8")).substitute(fields)


def _quality(statistics: dict) -> str:
    return tables.quality(statistics) if statistics["quality"] else "<p>No lossy codec was measured.</p>"


def _warnings(outcome: Outcome, machine: dict) -> Iterator[str]:
    for name in dict.fromkeys(m.codec for m in outcome.failed):
        mine = [m for m in outcome.failed if m.codec == name]
        count = f"{len(mine)} of {len(outcome.images)} images"
        yield f"{name} failed on {count} ({mine[0].reason}); they are left out of its numbers."
    places = sorted({m.where for _, m in outcome.measurements})
    if places != [where(machine["images at a time"])]:
        yield f"Times were taken under more than one condition, or under another than today's: {'; '.join(places)}."


def _csv(outcome: Outcome) -> str:
    text = io.StringIO(newline="")
    rows = [_flat(image, m, outcome) for image, m in outcome.measurements]
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["path"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(image: Image, m: Measurement, outcome: Outcome) -> dict:
    """A measurement with the facts of its image and what follows from both."""
    lossless = {c.name: c.lossless for c in outcome.codecs}[m.codec]
    row = {
        "path": image.path, "frame": image.frame, "group": image.group, "modality": image.modality, "series": image.series,
        "rows": image.rows, "columns": image.columns, "samples": image.samples, "bits_allocated": image.bits_allocated,
        "bits_stored": image.bits_stored, "digest": m.digest, "codec": m.codec, "origin": m.origin, "lossless": lossless,
        "status": m.status, "reason": m.reason, "bytes": m.size, "encode_s": m.encode_s, "decode_s": m.decode_s,
        "peak_mb": m.peak_mb,
    }  # fmt: skip
    derived = ("bits", "ratio_allocated", "ratio_stored", "encode_mps", "decode_mps")
    result = Result(image, m)
    row |= {name: getattr(result, name) if m.status == OK else None for name in derived}
    return row | {name: (m.quality or {}).get(name) for name in QUALITY} | {"where": m.where}


def _json(outcome: Outcome, statistics: dict, machine: dict) -> str:
    codecs = [
        {"name": c.name, "key": c.key, "origin": c.origin, "lossless": c.lossless, "missing": c.missing, "note": c.note}
        for c in outcome.codecs
    ]
    value = {
        "environment": machine,
        "codecs": codecs,
        "summary": statistics,
        "not_measured": [asdict(r) for r in outcome.refused],
        "measurements": [_flat(image, m, outcome) for image, m in outcome.measurements],
    }
    return json.dumps(value, ensure_ascii=False, indent=1)
