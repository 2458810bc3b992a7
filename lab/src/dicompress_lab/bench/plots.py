"""The plots of the report as SVG. They read in grey: dark is the baseline, hatched is lossy, filled is encoding."""

from __future__ import annotations

import io
import re

from .labels import nearest, place

DARK, MIDDLE, LIGHT, LINE = "#16324f", "#8a99a8", "#dfe5ea", "#333333"
STYLE = {"font.size": 9, "svg.fonttype": "path", "hatch.linewidth": 0.6, "axes.titlesize": 10, "axes.titleweight": "bold"}
ACROSS = 4  # panels in a row


def plots(summary: dict) -> dict[str, str]:
    """Name -> SVG: "ratio", "seconds", "bits", and "speed" where there is a baseline."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        drawn = {"ratio": ratio(summary), "seconds": seconds(summary), "bits": bits(summary)}
        if sum(row["against"] is not None and row["lossless"] for row in summary["overall"]) > 1:
            drawn["speed"] = size_and_speed(summary)
    return drawn


def ratio(summary: dict) -> str:
    """Bars: against allocated bits; below each, lighter, against stored bits."""
    most = _most(summary, "ratio_allocated")

    def draw(axes, y, row):
        _bar(axes, y + 0.17, 0.4, row, "ratio_allocated", summary["baseline"], most, "{:.2f}")
        stored = min(row["ratio_stored"], most)
        axes.barh(y - 0.2, stored, 0.22, color=LIGHT, edgecolor=MIDDLE, linewidth=0.6)

    return _panels("ratio", summary, draw, "compression ratio", (0, most * 1.22))


def bits(summary: dict) -> str:
    most = _most(summary, "bits")

    def draw(axes, y, row):
        _bar(axes, y, 0.62, row, "bits", summary["baseline"], most, "{:.2f}")

    return _panels("bits", summary, draw, "bits per sub-pixel", (0, most * 1.22))


def seconds(summary: dict) -> str:
    """Dots on a log axis: encoding filled, decoding hollow."""
    times = [row[name] for row in summary["groups"] for name in ("encode_s", "decode_s")]
    low, high = min(times), max(times)

    def draw(axes, y, row):
        colour = DARK if row["codec"] == summary["baseline"] else "#5c6b7a"
        axes.plot([row["encode_s"], row["decode_s"]], [y, y], color=MIDDLE, linewidth=1, zorder=1)
        axes.plot(row["decode_s"], y, "s", color="white", markeredgecolor=colour, markersize=5.5, zorder=2)
        axes.plot(row["encode_s"], y, "o", color=colour, markersize=4.5, zorder=3)

    return _panels("seconds", summary, draw, "seconds per image (log scale)", (low / 1.6, high * 1.6), log=True)


def size_and_speed(summary: dict) -> str:
    """Lossless codecs: size against the baseline, over megapixels a second; encoding and decoding side by side."""
    from matplotlib.ticker import FuncFormatter

    sizes = {r["codec"]: 100 * r["against"] for r in summary["overall"] if r["lossless"] and r["against"] is not None}
    rows = [row for row in summary["speed"] if row["codec"] in sizes]
    figure, axes = _figure(11, 5, 1, 2)
    for axis, way in zip(axes, ("encode", "decode")):
        speeds = [row[f"{way}_mps"] for row in rows]
        heights = [sizes[row["codec"]] for row in rows]
        axis.set_xscale("log")
        axis.set_xlim(min(speeds) / 2, max(speeds) * 2)
        spread = max(heights) - min(heights) or 1
        axis.set_ylim(min(heights) - 0.1 * spread, max(heights) + 0.1 * spread)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g} %" if value else "0"))
        axis.set_title(f"{way[:-1]}ing")
        axis.set_xlabel("megapixels a second, one thread (log scale); faster to the right")
        axis.set_ylabel(f"size against {summary['baseline']}; smaller below")
        axis.grid(color="#e4e8ec", linewidth=0.7)
        axis.set_axisbelow(True)
        for row, x, y in zip(rows, speeds, heights):
            ours = row["codec"] == summary["baseline"]
            axis.plot(x, y, "D" if ours else "o", color=DARK if ours else "#5c6b7a", markersize=7 if ours else 5, zorder=3)
    figure.tight_layout()
    for axis, way in zip(axes, ("encode", "decode")):
        _name_points(figure, axis, [(row["codec"], row[f"{way}_mps"], sizes[row["codec"]]) for row in rows])
    return _svg(figure, "speed")


def order(summary: dict) -> list[str]:
    """Codecs as the plots and tables list them: the smallest first, lossy ones behind all others."""
    ranked = sorted(summary["overall"], key=lambda r: (not r["lossless"], r["against"] is None, r["against"] or 0))
    return [row["codec"] for row in ranked]


def _name_points(figure, axis, named: list[tuple[str, float, float]]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [axis.text(0, 0, name, fontsize=8.5, visible=True) for name, _, _ in named]
    extents = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    points = [tuple(axis.transData.transform((x, y))) for _, x, y in named]
    area = axis.get_window_extent()
    sizes = [(e.width, e.height) for e in extents]
    boxes = place(points, sizes, (area.x0 + 2, area.y0 + 2, area.x1 - 2, area.y1 - 2))
    back = axis.transData.inverted()
    for text, point, box in zip(texts, points, boxes):
        text.set_position(back.transform((box[0], box[1])))
        text.set_verticalalignment("bottom")
        end = nearest(box, point)
        (x0, y0), (x1, y1) = back.transform(point), back.transform(end)
        if (end[0] - point[0]) ** 2 + (end[1] - point[1]) ** 2 > 12**2:
            axis.plot([x0, x1], [y0, y1], color=MIDDLE, linewidth=0.6, zorder=1, scalex=False, scaley=False)


def _most(summary: dict, name: str) -> float:
    """The end of an axis for lossless codecs; a lossy bar that goes on behind it is cut and says its number."""
    found = [row for row in summary["groups"] if row["lossless"]] or summary["groups"]
    return max(max(row[name], *(row[f"{name}_interval"] or (0,))) for row in found)


def _bar(axes, y: float, height: float, row: dict, name: str, baseline: str | None, most: float, form: str) -> None:
    value, interval = row[name], row[f"{name}_interval"]
    shown = min(value, most)
    look = {"color": DARK if row["codec"] == baseline else MIDDLE, "edgecolor": DARK, "linewidth": 0.6}
    if not row["lossless"]:
        look |= {"color": "white", "hatch": "////"}
    axes.barh(y, shown, height, **look)
    if interval and value <= most:
        light = "white" if row["codec"] == baseline and row["lossless"] else "black"
        axes.plot([min(i, most) for i in interval], [y, y], color="black", linewidth=1, zorder=3)
        axes.plot([interval[0], min(interval[1], value)], [y, y], color=light, linewidth=1, zorder=4)
    end = max(shown, interval[1] if interval and value <= most else 0)
    text = form.format(value) if value < 100 else f"{value:.0f}"
    text += " ▸" if value > most else ""
    axes.annotate(text, (end, y), (3, 0), textcoords="offset points", va="center", fontsize=7.5)


def _panels(name: str, summary: dict, draw, label: str, limits: tuple[float, float], log: bool = False) -> str:
    """One panel a group; the codecs have the same lines in all of them."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    codecs = order(summary)
    groups = list(dict.fromkeys(row["group"] for row in summary["groups"]))
    lossy = {row["codec"] for row in summary["overall"] if not row["lossless"]}
    across = min(ACROSS, len(groups))
    down = -(-len(groups) // across)
    figure, axes = _figure(max(5.5, 1.7 + 2.35 * across), down * (0.9 + 0.31 * len(codecs)), down, across)
    lines = {codec: -i - (0.4 if codec in lossy else 0) for i, codec in enumerate(codecs)}
    for i, axis in enumerate(axes):
        if i >= len(groups):
            axis.set_visible(False)
            continue
        here = {row["codec"]: row for row in summary["groups"] if row["group"] == groups[i]}
        series = max(row["of_series"] for row in here.values())
        axis.set_title(f"{groups[i]} ({series})")
        if log:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.xaxis.set_minor_formatter(NullFormatter())
        for codec, row in here.items():
            draw(axis, lines[codec], row)
        for codec in lines.keys() - here.keys():
            at = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 7.5}
            axis.annotate("not measured", (0.02, lines[codec]), **at)
        axis.set_xlim(*limits)
        axis.set_ylim(min(lines.values()) - 0.6, 0.6)
        names = [f"{c} (lossy)" if c in lossy and "lossy" not in c else c for c in codecs] if i % across == 0 else [""] * len(codecs)
        axis.set_yticks([lines[c] for c in codecs], names)
        axis.tick_params(axis="y", length=0)
        axis.set_xlabel(label)
        axis.grid(axis="x", color="#e4e8ec", linewidth=0.7)
        axis.set_axisbelow(True)
        if lossy and len(lossy) < len(codecs):
            axis.axhline(-(len(codecs) - len(lossy)) + 0.3, color=LINE, linewidth=0.7, linestyle="--")
    figure.tight_layout(w_pad=0.6)
    return _svg(figure, name)


def _figure(width: float, height: float, down: int, across: int):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure, name: str) -> str:
    """The <svg> element alone, without metadata or any address; ids are the plot's own."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)  # in HTML these are understood without being named
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text).replace("<svg ", '<svg role="img" ', 1)
