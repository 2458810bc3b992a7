"""The tables of docs/near.md from what near.py measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from equal_psnr import PEERS, Try
from near_measure import CODECS, NEARS, OURS, PEER, Score, gain

from dicompress_lab.bench.images import Image
from dicompress_lab.bench.summary import series_means


@dataclass(frozen=True)
class Found:
    """Of one image. scores: (codec, N) -> Score. Of some images grid: N -> (bits, PSNR), peers: (codec, N) -> Try."""

    image: Image
    scores: dict[tuple[str, int], Score]
    grid: dict[int, tuple[float, float]]
    peers: dict[tuple[str, int], Try]


def groups(found: list[Found]) -> dict[str, list[Found]]:
    return {kind: [f for f in found if f.image.group == kind] for kind in sorted({f.image.group for f in found})}


def mean(found: list[Found], value: Callable[[Found], float]) -> float:
    """Of each series, then over series; nan of nothing."""
    means = series_means((f.image.series, value(f)) for f in found)
    return float(np.mean(list(means.values()))) if means else float("nan")


def changed(found: list[Found], near: int) -> list[Found]:
    """Those that every codec changed: the others have no PSNR."""
    return [f for f in found if all(f.scores[c, near].psnr < inf for c in CODECS)]


def unchanged(found: list[Found]) -> str:
    left = {f.image.path for near in NEARS for f in found if f not in changed(found, near)}
    if not left:
        return "No image came back unchanged."
    return f"{len(left)} images came back unchanged at some N and are not in the means of its PSNR."


def table(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [heads, *rows]]
    return "\n".join([lines[0], "|---" * len(heads) + "|", *lines[1:]])


def against(value: float, other: float) -> str:
    return f"{100 * (value / other - 1):+.1f} %"


def bound_tables(found: list[Found]) -> str:
    heads = ["N", f"{PEER}: bits", "dB", "SSIM"] + [
        head for c in OURS[::-1] for head in (f"`{c}`: bits", "against", "dB", "dB gained", "SSIM")
    ]
    parts = []
    for kind, here in groups(found).items():
        rows = []
        for n in NEARS:
            with_psnr, row = changed(here, n), [str(n)]
            for codec in (PEER, *OURS[::-1]):
                bits, theirs = (mean(here, lambda f: f.scores[c, n].bits) for c in (codec, PEER))
                row += [f"{bits:.3f}"] + ([against(bits, theirs)] if codec != PEER else [])
                row.append(f"{mean(with_psnr, lambda f: f.scores[codec, n].psnr):.2f}")
                if codec != PEER:
                    row.append(f"{mean(with_psnr, lambda f: f.scores[codec, n].psnr - f.scores[PEER, n].psnr):+.2f}")
                row.append(f"{mean(here, lambda f: f.scores[codec, n].ssim):.4f}")
            rows.append(row)
        parts.append(f"**{kind}** ({len({f.image.series for f in here})} series)\n\n{table(heads, rows)}")
    return "\n\n".join(parts)


def image_table(found: list[Found]) -> str:
    rows = []
    for f in found:
        cells = [" / ".join(f"{f.scores[c, n].bits:.3f}" for c in CODECS) for n in NEARS]
        ours, theirs = f.scores["pyramid", 2], f.scores[PEER, 2]
        gained = f"{ours.psnr - theirs.psnr:+.2f}" if f in changed(found, 2) else ""
        rows.append([f.image.file.stem, *cells, gained, f"{ours.ssim:.4f}"])
    return table(["", *(f"N = {n}" for n in NEARS), "dB gained, N = 2", "SSIM"], rows)


def speed_table(found: list[Found]) -> str:
    size = sum(f.image.pixels for f in found) / 1e6
    rows = []
    for n in NEARS:
        took = [[sum(getattr(f.scores[c, n], way) for f in found) for way in ("encode_s", "decode_s")] for c in CODECS]
        rows.append([str(n), *(f"{size / encoding:.2f} / {size / decoding:.2f}" for encoding, decoding in took)])
    return table(["N", *CODECS], rows)


def choice_table(found: list[Found]) -> str:
    rows = []
    for kind, here in groups(found).items():
        for n in NEARS:
            both = [f for f in here if f.scores["pyramid", n].psnr < inf and f.grid[n][1] < inf]
            gains = {f.image: gain(f.scores["pyramid", n], f.grid) for f in both}
            inside = [f for f in both if gains[f.image] is not None]
            bits, fixed = mean(here, lambda f: f.scores["pyramid", n].bits), mean(here, lambda f: f.grid[n][0])
            dbs = mean(both, lambda f: f.scores["pyramid", n].psnr), mean(both, lambda f: f.grid[n][1])
            gained = f"{mean(inside, lambda f: gains[f.image]):+.2f}" if inside else ""
            row = [kind, str(n), f"{bits:.3f}", f"{dbs[0]:.2f}", f"{fixed:.3f}", f"{dbs[1]:.2f}", against(bits, fixed)]
            rows.append([*row, gained, f"{len(inside)} of {len(here)}"])
    heads = ["", "N", "`pyramid`: bits", "dB", "fixed grid: bits", "dB", "against"]
    return table([*heads, "dB at the same bytes", "images"], rows)


def peer_table(found: list[Found]) -> str:
    rows = []
    for kind, here in groups(found).items():
        for n in NEARS:
            here_too = [f for f in here if (PEERS[0], n) in f.peers]
            bits = mean(here_too, lambda f: f.scores["pyramid", n].bits)
            row = [kind, str(n), f"{bits:.3f}", f"{mean(here_too, lambda f: f.scores['pyramid', n].psnr):.2f}"]
            for c in PEERS:
                theirs = mean(here_too, lambda f: f.peers[c, n].bits)
                error = mean(here_too, lambda f: f.peers[c, n].error)
                whole = sum(f.peers[c, n].psnr == inf for f in here_too)
                row += [f"{theirs:.3f}", against(bits, theirs), f"{error:.1f}", f"{whole} of {len(here_too)}"]
            rows.append(row)
    heads = ["", "N", "`pyramid`: bits", "dB"]
    return table(heads + [h for c in PEERS for h in (f"{c}: bits", "against", "error", "lossless")], rows)


def better(found: list[Found]) -> str:
    """Where a codec without a bound needs fewer bits on average, in words."""
    told = []
    for c in PEERS:
        where = {}
        for kind, here in groups(found).items():
            for n in NEARS:
                both = [f for f in here if (c, n) in f.peers]
                if mean(both, lambda f: f.peers[c, n].bits) < mean(both, lambda f: f.scores["pyramid", n].bits):
                    where.setdefault(kind, []).append(str(n))
        places = "; ".join(f"{kind} at N = {', '.join(ns)}" for kind, ns in where.items())
        told.append(f"{c} needs fewer bits than `pyramid`: {places or 'nowhere'}.")
    return " ".join(told) + " Everywhere else `pyramid` needs fewer."
