"""Pictures that lie in a page: grey images and maps of signed errors as PNG data URIs, and the map's legend."""

from __future__ import annotations

from base64 import b64encode

import numpy as np

# From the largest negative error over none to the largest positive one; the same lightness on both sides.
POSITIONS = (-1.0, -0.5, 0.0, 0.5, 1.0)
COLOURS = ((150, 215, 255), (30, 120, 225), (48, 48, 48), (215, 85, 10), (255, 205, 110))


def png(image: np.ndarray) -> str:
    """uint8 (rows, columns) or (rows, columns, 3) as a data URI."""
    from imagecodecs import png_encode

    return "data:image/png;base64," + b64encode(png_encode(np.ascontiguousarray(image))).decode("ascii")


def colours(largest: int) -> np.ndarray:
    """RGB of each error from -largest to largest."""
    places = np.arange(-largest, largest + 1) / max(largest, 1)
    channels = [np.interp(places, POSITIONS, channel) for channel in zip(*COLOURS)]
    return np.rint(np.stack(channels, -1)).astype(np.uint8)


def error_map(error: np.ndarray, largest: int) -> str:
    return png(colours(largest)[error + largest])


def legend(largest: int, slope: float | None) -> str:
    """A colour bar with the errors under it, in stored values; in HU as well if `slope` says what one is."""
    hu = slope if slope != 1 else None
    places = ticks(largest, 9 if hu is None else 7)
    rows = [_ticks({e: f"{e:+d}" for e in places}, largest)]
    unit = "stored values (1 is 1 HU)" if slope == 1 else "stored values"
    rows += [f'<p class="unit">{unit}</p>']
    if hu is not None:
        rows += [_ticks({e: f"{e * hu:+.3g}" for e in places}, largest), '<p class="unit">HU</p>']
    bar = f'<img class="bar" src="{png(colours(largest)[None])}" alt="colours from {-largest} to {largest}">'
    return f'<div class="legend">{bar}{"".join(rows)}</div>'


def ticks(largest: int, most: int) -> list[int]:
    """Errors to be named in the legend: all if they are not more than `most`; five or three of them otherwise."""
    if 2 * largest + 1 <= most:
        return list(range(-largest, largest + 1))
    half = [(largest + 1) // 2] if largest < 1000 else []
    return [-largest, *(-h for h in half), 0, *half, largest]


def _ticks(texts: dict[int, str], largest: int) -> str:
    spans = []
    for error, text in texts.items():
        place = 100 * (error + largest + 0.5) / (2 * largest + 1)
        text = "0" if error == 0 else text.replace("-", "&minus;")
        spans.append(f'<span style="left:{place:.3f}%">{text}</span>')
    return f'<div class="ticks">{"".join(spans)}</div>'
