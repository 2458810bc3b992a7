"""The tables of the report as HTML. Lossy codecs have a body of their own: sorting never ranks them among the others."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from html import escape

from .measure import OK
from .plots import order
from .run import Outcome
from .summary import Result

MOST_ROWS = 2000  # images shown on the page; all of them are in the CSV


@dataclass(frozen=True)
class Cell:
    """What is shown (HTML), and what a column is sorted by: a number or a text; "" goes last."""

    html: str
    key: float | str = ""


Row = list[Cell]


def table(name: str, columns: list[str], bodies: list[tuple[str, list[Row]]]) -> str:
    """columns: headings as HTML. bodies: (heading or "", rows); empty ones are left out."""
    head = "".join(f'<th scope="col"><button type="button">{c}</button></th>' for c in columns)
    parts = []
    for heading, rows in bodies:
        if rows and heading:
            parts.append(f'<tbody class="heading"><tr><th colspan="{len(columns)}" scope="colgroup">{heading}</th></tr></tbody>')
        if rows:
            parts.append("<tbody>" + "\n".join(_row(cells) for cells in rows) + "</tbody>")
    return f'<div class="wide"><table id="{name}"><thead><tr>{head}</tr></thead>{"".join(parts)}</table></div>'


def by_group(summary: dict) -> str:
    columns = ["codec", "bits per sub-pixel", "against allocated bits", "against stored bits"]
    columns += [f"size against {escape(summary['baseline'])}"] if summary["baseline"] else []
    columns += ["encode ms", "decode ms", "series", "images"]
    parts = []
    for i, group in enumerate(dict.fromkeys(row["group"] for row in summary["groups"])):
        here = sorted((r for r in summary["groups"] if r["group"] == group), key=lambda r: r["bits"])
        bodies = [("", [_group_row(r, summary) for r in here if r["lossless"]])]
        bodies += [("lossy, not comparable", [_group_row(r, summary) for r in here if not r["lossless"]])]
        parts.append(f"<h3>{escape(group)}</h3>{table(f'group-{i + 1}', columns, bodies)}")
    return "".join(parts)


def by_series(summary: dict) -> str:
    codecs = order(summary)
    rows = []
    for row in summary["series"]:
        cells = [_text(row["series"]), _text(row["group"]), _number(row["images"], "d")]
        cells.append(_number(row["pixels"] / 1e6, ".2f"))
        cells += _sizes(row["bits"], codecs, summary)
        for i, codec in enumerate(codecs):
            if 0 < row["taken"].get(codec, 0) < row["images"]:
                cell = cells[4 + i]
                cells[4 + i] = Cell(f"{cell.html}<small> of {row['taken'][codec]}</small>", cell.key)
        rows.append(cells)
    return table("series", ["series", "group", "images", "megapixels", *_headings(codecs, summary)], [("", rows)])


def by_image(found: list[Result], summary: dict) -> str:
    codecs = order(summary)
    grouped: dict = defaultdict(dict)
    for r in found:
        grouped[r.image][r.codec] = r.bits
    rows = []
    for image, bits in list(grouped.items())[:MOST_ROWS]:
        size = Cell(f"{image.rows} &times; {image.columns}", image.pixels)
        depth = Cell(f"{image.bits_stored} of {image.bits_allocated}", image.bits_stored)
        rows.append([_text(image.name), _text(image.group), size, depth, *_sizes(bits, codecs, summary)])
    return table("images", ["image", "group", "size", "bits stored", *_headings(codecs, summary)], [("", rows)])


def wins(summary: dict) -> str:
    groups = list(dict.fromkeys(row["group"] for row in summary["groups"]))
    baseline = escape(summary["baseline"] or "")
    columns = ["codec", "images", "smallest alone", "smallest, shared", *(f"smallest in {escape(g)}" for g in groups)]
    columns += [f"smaller than {baseline}", "the same", f"larger than {baseline}"]
    rows = []
    for row in sorted(summary["wins"], key=lambda r: (-r["smallest"], -r["shared"], -r["wins"])):
        cells = [_codec(row["codec"], summary), *(_number(row[k], "d") for k in ("images", "smallest", "shared"))]
        cells += [_number(row["groups"].get(g, 0), "d") for g in groups]
        own = row["codec"] == summary["baseline"]
        cells += [Cell("") if own else _number(row[k], "d") for k in ("wins", "ties", "losses")]
        rows.append(cells)
    return table("wins", columns, [("", rows)])


def speed(summary: dict) -> str:
    columns = ["codec", "images", "encode MP/s", "median", "decode MP/s", "median", "encode s, all", "decode s, all"]
    columns += ["peak MB, median", "largest"]
    names = ("encode_mps", "encode_mps_median", "decode_mps", "decode_mps_median", "encode_s", "decode_s")

    def line(row: dict) -> Row:
        cells = [_codec(row["codec"], summary), _number(row["images"], "d"), *(_figures(row[n]) for n in names)]
        return cells + [_number(row[n], ".1f") for n in ("peak_mb_median", "peak_mb")]

    rows = sorted(summary["speed"], key=lambda r: -r["encode_mps"])
    lossy = [line(r) for r in rows if not r["lossless"]]
    return table("speed", columns, [("", [line(r) for r in rows if r["lossless"]]), ("lossy", lossy)])


def quality(summary: dict) -> str:
    columns = ["codec", "group", "PSNR dB", "PSNR dB, own range", "MSE", "MSE, 8-bit scale", "SSIM", "largest error"]
    columns += ["data range", "images"]
    rows = []
    for row in summary["quality"]:
        peaks = ", ".join(f"{p}" for p in row["peaks"])
        cells = [_text(row["codec"]), _text(row["group"]), _number(row["psnr"], ".2f"), _number(row["psnr_own"], ".2f")]
        cells += [_figures(row["mse"]), _figures(row["mse8"]), _number(row["ssim"], ".4f"), _number(row["max_error"], "d")]
        rows.append([*cells, Cell(peaks, row["peaks"][-1]), _number(row["images"], "d")])
    return table("quality", columns, [("", rows)])


def codecs(outcome: Outcome) -> str:
    rows = []
    for c in outcome.codecs:
        mine = [m for _, m in outcome.measurements if m.codec == c.name]
        counts = [sum(m.status == OK for m in mine), sum(m.status != OK for m in mine)]
        kind = "lossless" if c.lossless else "lossy"
        state = f"cannot run here: {c.missing}" if c.missing else c.note
        rows.append([_text(c.name), _text(c.key), _text(kind), _text(c.origin), *(_number(n, "d") for n in counts), _text(state)])
    return table("codecs", ["codec", "--codec", "kind", "what does the work", "images", "not", "remark"], [("", rows)])


def troubles(outcome: Outcome) -> str:
    """What is missing from the numbers: files by their reason, then codecs on images by theirs. "" if nothing is."""
    files, skipped = defaultdict(list), defaultdict(list)
    for r in outcome.refused:
        files[r.reason].append(r.path)
    for image, m in outcome.measurements:
        if m.status != OK:
            skipped[m.status, m.codec, m.reason].append(image.name)
    rows = [[_text("file"), _text(""), _text(reason), *_some(paths)] for reason, paths in sorted(files.items())]
    rows += [
        [_text(status.upper() if status == "failed" else status), _text(codec), _text(reason), *_some(paths)]
        for (status, codec, reason), paths in sorted(skipped.items())
    ]
    return table("troubles", ["what", "codec", "why", "how many", "which"], [("", rows)]) if rows else ""


def facts(environment: dict) -> str:
    rows = "".join(f"<tr><th scope='row'>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in environment.items())
    return f'<div class="wide"><table id="environment"><tbody>{rows}</tbody></table></div>'


def _group_row(row: dict, summary: dict) -> Row:
    part = row["images"] < row["of_images"]
    cells = [_codec(row["codec"], summary, "&dagger;" if part else "")]
    for name, form in (("bits", ".3f"), ("ratio_allocated", ".2f"), ("ratio_stored", ".2f")):
        interval = row[f"{name}_interval"]
        around = f"<small> {interval[0]:{form}}&ndash;{interval[1]:{form}}</small>" if interval else ""
        cells.append(Cell(f"{row[name]:{form}}{around}", row[name]))
    if summary["baseline"]:
        none = row["against"] is None or not row["lossless"] or row["codec"] == summary["baseline"]
        cells.append(Cell("", 0.0) if none else Cell(f"{100 * row['against']:+.1f} %".replace("-", "&minus;"), row["against"]))
    cells += [_figures(1000 * row["encode_s"]), _figures(1000 * row["decode_s"])]
    for count, of in (("series", "of_series"), ("images", "of_images")):
        text = f"{row[count]} of {row[of]}" if row[count] < row[of] else str(row[count])
        cells.append(Cell(text, row[count]))
    return cells


def _sizes(bits: dict[str, float], codecs: list[str], summary: dict) -> Row:
    """Bits of each codec; the smallest lossless one strong."""
    lossless = {row["codec"] for row in summary["overall"] if row["lossless"]}
    least = min((b for codec, b in bits.items() if codec in lossless), default=None)
    cells = []
    for codec in codecs:
        value = bits.get(codec)
        text = "" if value is None else f"{value:.3f}"
        best = value is not None and codec in lossless and value == least
        cells.append(Cell(f"<strong>{text}</strong>" if best else text, "" if value is None else value))
    return cells


def _headings(codecs: list[str], summary: dict) -> list[str]:
    lossy = {row["codec"] for row in summary["overall"] if not row["lossless"]}
    return [escape(c) + (" <small>(lossy)</small>" if c in lossy and "lossy" not in c else "") for c in codecs]


def _codec(name: str, summary: dict, mark: str = "") -> Cell:
    text = escape(name) + mark
    return Cell(f"<strong>{text}</strong>" if name == summary["baseline"] else text, name)


def _some(paths: list[str]) -> Row:
    names = ", ".join(escape(p) for p in paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return [_number(len(paths), "d"), Cell(names, paths[0])]


def _text(value: str) -> Cell:
    return Cell(escape(value), value)


def _number(value: float | None, form: str) -> Cell:
    return Cell("") if value is None else Cell(f"{value:{form}}", value)


def _figures(value: float | None) -> Cell:
    """Three significant figures, or all of a whole part."""
    if value is None:
        return Cell("")
    return Cell(f"{value:.0f}" if value >= 100 else f"{value:#.3g}".rstrip("."), value)


def _row(cells: Row) -> str:
    return "<tr>" + "".join(_cell(c) for c in cells) + "</tr>"


def _cell(cell: Cell) -> str:
    if isinstance(cell.key, str):
        return f"<td>{cell.html}</td>"
    return f'<td class="n" data-k="{cell.key:.9g}">{cell.html}</td>'
