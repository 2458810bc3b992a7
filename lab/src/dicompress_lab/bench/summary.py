"""Statistics of measurements: means over series, intervals, wins and losses. Nothing here is drawn or printed.

A mean is one over series, of each series' mean over its images, so that a long series does not outvote the others.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .codec import Codec
from .images import GRAPHICS, Image
from .measure import OK, Measurement

RESAMPLES, SEED, FEWEST = 2000, 0, 3
BASELINE = "pyramid"


@dataclass(frozen=True)
class Result:
    """One image under one codec that gave it back."""

    image: Image
    found: Measurement

    @property
    def codec(self) -> str:
        return self.found.codec

    @property
    def bits(self) -> float:
        """Bits per sub-pixel; a grey pixel has one sample."""
        return 8 * self.found.size / (self.image.pixels * self.image.samples)

    @property
    def ratio_allocated(self) -> float:
        return self.image.bits_allocated / self.bits

    @property
    def ratio_stored(self) -> float:
        return self.image.bits_stored / self.bits

    @property
    def encode_s(self) -> float:
        return self.found.encode_s

    @property
    def decode_s(self) -> float:
        return self.found.decode_s

    @property
    def encode_mps(self) -> float:
        return self.image.pixels / 1e6 / self.found.encode_s

    @property
    def decode_mps(self) -> float:
        return self.image.pixels / 1e6 / self.found.decode_s


def results(measurements: list[tuple[Image, Measurement]]) -> list[Result]:
    return [Result(image, m) for image, m in measurements if m.status == OK]


def summary(measurements: list[tuple[Image, Measurement]], codecs: list[Codec]) -> dict:
    """Plain lists of rows, ready for JSON. Rows of lossy codecs say so, and take no part in wins."""
    found = results(measurements)
    present = [c for c in codecs if any(r.codec == c.name for r in found)]
    lossless = [c.name for c in present if c.lossless]
    baseline = BASELINE if BASELINE in lossless else next(iter(lossless), None)
    groups = by_group(found, present, baseline)
    return {
        "baseline": baseline,
        "groups": groups,
        "overall": overall(groups, present),
        "series": by_series(found),
        "wins": wins([r for r in found if r.codec in lossless], lossless, baseline),
        "speed": speed(found, present),
        "quality": [row for c in present if not c.lossless for row in quality(found, c.name)],
    }


def series_means(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """(series, value of an image) -> series: mean."""
    grouped = defaultdict(list)
    for series, value in values:
        grouped[series].append(value)
    return {series: float(np.mean(v)) for series, v in grouped.items()}


def bootstrap(values: list[float]) -> tuple[float, float] | None:
    """The 95 % percentile interval of the mean; None for fewer than three values. The same on every run."""
    if len(values) < FEWEST:
        return None
    drawn = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(np.asarray(values)[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def by_group(found: list[Result], codecs: list[Codec], baseline: str | None) -> list[dict]:
    """A row for each group and codec: means over series, their intervals, and bits against the baseline's on the images
    that both took (`against`, -0.05 is 5 % fewer)."""
    rows = []
    for group in sorted({r.image.group for r in found}):
        here = [r for r in found if r.image.group == group]
        reference = {r.image: r for r in here if r.codec == baseline}
        of_series = len({r.image.series for r in here})
        for codec in codecs:
            mine = [r for r in here if r.codec == codec.name]
            if not mine:
                continue
            row = {"group": group, "codec": codec.name, "lossless": codec.lossless}
            row |= {"images": len(mine), "of_images": len({r.image for r in here}), "of_series": of_series}
            for name in ("bits", "ratio_allocated", "ratio_stored"):
                means = list(series_means((r.image.series, getattr(r, name)) for r in mine).values())
                row |= {"series": len(means), name: float(np.mean(means)), f"{name}_interval": bootstrap(means)}
            for name in ("encode_s", "decode_s"):
                row[name] = float(np.mean(list(series_means((r.image.series, getattr(r, name)) for r in mine).values())))
            row["against"] = _against(mine, reference)
            rows.append(row)
    return rows


def overall(groups: list[dict], codecs: list[Codec]) -> list[dict]:
    """The mean of `against` over the groups, each group counting alike; only for codecs that have it in every group.

    Colour and graphics count only where there is nothing else: few codecs take them.
    """
    groups = [row for row in groups if not row["group"].startswith(GRAPHICS)] or groups
    count = len({row["group"] for row in groups})
    rows = []
    for codec in codecs:
        values = [r["against"] for r in groups if r["codec"] == codec.name and r["against"] is not None]
        mean = float(np.mean(values)) if len(values) == count else None
        rows.append({"codec": codec.name, "lossless": codec.lossless, "against": mean})
    return rows


def by_series(found: list[Result]) -> list[dict]:
    """A row for each series: images, pixels, and each codec's mean bits and all its bytes."""
    grouped = defaultdict(list)
    for r in found:
        grouped[r.image.group, r.image.series].append(r)
    rows = []
    for (group, series), here in sorted(grouped.items()):
        images = {r.image for r in here}
        row = {"group": group, "series": series, "images": len(images), "pixels": sum(i.pixels for i in images)}
        row |= {"bits": {}, "bytes": {}, "taken": {}}
        for codec in dict.fromkeys(r.codec for r in here):
            mine = [r for r in here if r.codec == codec]
            row["bits"][codec] = float(np.mean([r.bits for r in mine]))
            row["bytes"][codec] = sum(r.found.size for r in mine)
            row["taken"][codec] = len(mine)
        rows.append(row)
    return rows


def wins(found: list[Result], codecs: list[str], baseline: str | None) -> list[dict]:
    """For each codec, by bytes: on how many images it is the smallest, alone or beside others, in all and by group; and
    how often it is smaller than the baseline, the same, larger, on the images that both took."""
    sizes: dict[Image, dict[str, int]] = defaultdict(dict)
    for r in found:
        sizes[r.image][r.codec] = r.found.size
    rows = []
    for codec in codecs:
        best = [(i, [c for c in s if s[c] == min(s.values())]) for i, s in sizes.items()]
        first = [(image, names) for image, names in best if codec in names]
        pairs = [(s[codec], s[baseline]) for s in sizes.values() if codec in s and baseline in s]
        groups = defaultdict(int)
        for image, _ in first:
            groups[image.group] += 1
        rows.append({
            "codec": codec, "images": sum(codec in s for s in sizes.values()),
            "smallest": sum(len(names) == 1 for _, names in first), "shared": sum(len(names) > 1 for _, names in first),
            "groups": dict(groups), "baseline": baseline, "wins": sum(a < b for a, b in pairs),
            "ties": sum(a == b for a, b in pairs), "losses": sum(a > b for a, b in pairs),
        })  # fmt: skip
    return rows


def speed(found: list[Result], codecs: list[Codec]) -> list[dict]:
    """For each codec: megapixels a second as all pixels over all seconds, and the median image's; memory in MB."""
    rows = []
    for codec in codecs:
        mine = [r for r in found if r.codec == codec.name]
        peaks = [r.found.peak_mb for r in mine if r.found.peak_mb is not None]
        row = {"codec": codec.name, "lossless": codec.lossless, "images": len(mine)}
        for way in ("encode", "decode"):
            seconds = sum(getattr(r, f"{way}_s") for r in mine)
            row[f"{way}_mps"] = sum(r.image.pixels for r in mine) / 1e6 / seconds
            row[f"{way}_mps_median"] = statistics.median(getattr(r, f"{way}_mps") for r in mine)
            row[f"{way}_s"] = seconds
        row |= {"peak_mb_median": statistics.median(peaks) if peaks else None, "peak_mb": max(peaks, default=None)}
        rows.append(row)
    return rows


def quality(found: list[Result], codec: str) -> list[dict]:
    """Of a lossy codec, by group: means over series; the largest error of all. Images that came back whole have no PSNR."""
    rows = []
    mine = [r for r in found if r.codec == codec]
    for group in sorted({r.image.group for r in mine}):
        here = [r for r in mine if r.image.group == group]
        row = {"codec": codec, "group": group, "images": len(here)}
        row["peaks"] = sorted({r.found.quality["peak"] for r in here})
        for name in ("psnr", "psnr_own", "mse", "mse8", "ssim"):
            values = [(r.image.series, r.found.quality[name]) for r in here if r.found.quality[name] is not None]
            row[name] = float(np.mean(list(series_means(values).values()))) if values else None
        row["max_error"] = max(r.found.quality["max_error"] for r in here)
        rows.append(row)
    return rows


def _against(mine: list[Result], reference: dict[Image, Result]) -> float | None:
    common = [r for r in mine if r.image in reference]
    if not common:
        return None
    ours = series_means((r.image.series, r.bits) for r in common)
    theirs = series_means((r.image.series, reference[r.image].bits) for r in common)
    return float(np.mean(list(ours.values())) / np.mean(list(theirs.values())) - 1)
