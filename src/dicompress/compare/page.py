"""The page of `dicompress compare`: original, restored and error side by side, and the figures under them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from string import Template

from pydicom.multival import MultiValue

from ..dicom import DICOMPRESS
from ..dicom.pixels import GREY
from ..dicom.pixels import layout as image_of
from ..dicom.syntax import name as syntax_name
from .colour import Colour, error_of
from .comparison import Comparison, Source
from .pictures import error_map, legend, png
from .window import grey

# Of the compressed file; keyword and heading.
SAYS = {
    "LossyImageCompression": "Lossy Image Compression (0028,2110)",
    "LossyImageCompressionRatio": "Lossy Image Compression Ratio (0028,2112)",
    "LossyImageCompressionMethod": "Lossy Image Compression Method (0028,2114)",
    "DerivationDescription": "Derivation Description (0008,2111)",
}
Row = tuple[str, str, str]  # id, heading, value as HTML


def page(comparison: Comparison) -> str:
    """One HTML page that needs nothing else. It names no patient."""
    original, compressed, found = comparison.original, comparison.compressed, comparison.figures
    a, b = original.pixels[found.worst], compressed.pixels[found.worst]
    low, high = min(int(a.min()), int(b.min())), max(int(a.max()), int(b.max()))
    in_colour = original.layout.interpretation not in GREY
    shown = (int(a.min()), int(a.max()))
    to_picture = Colour(original.dataset, original.layout) if in_colour else grey(original.dataset, found.worst, low, high, shown)
    error_text = f"restored &minus; original{', of the sample that is off most' if a.ndim > 2 else ''}; grey is unchanged"
    fields = {
        "names": f"{escape(original.path.name)} &middot; {escape(compressed.path.name)}",
        "kind": ", ".join(_kind(original)),
        "warnings": "".join(f'<p class="warning">{escape(text)}</p>' for text in comparison.warnings),
        "verdict": _verdict(comparison),
        "rows": str(original.layout.rows),
        "columns": str(original.layout.columns),
        "original": png(to_picture(a)),
        "restored": png(to_picture(b)),
        "error": error_map(error_of(a, b), comparison.scale),
        "window": escape(to_picture.text),
        "legend": legend(comparison.scale, comparison.slope) if comparison.scale else "",
        "error_text": error_text if comparison.scale else "none: identical",
        "figures": _table("figures", _figures(comparison)),
        "files": _files(comparison),
        "says": _says(compressed),
    }  # fmt: skip
    return Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8")).substitute(fields)


def _kind(source: Source) -> list[str]:
    layout, names = source.layout, [source.dataset.get(k) for k in ("Modality", "SeriesDescription")]
    size = f"{layout.rows} &times; {layout.columns}"
    return [*(escape(str(n)) for n in names if n), f"{size} &times; {layout.frames}" if layout.frames > 1 else size]


def _verdict(comparison: Comparison) -> str:
    found, frames = comparison.figures, comparison.original.layout.frames
    if not found.max_error:
        text = "The pixels are identical."
    else:
        values = "value" if found.max_error == 1 else "values"
        text = f"No pixel differs by more than {found.max_error} stored {values}{_hu(comparison, found.max_error)}."
    if frames == 1:
        return text
    which = "the one with the largest mean squared error" if found.max_error else "the middle one"
    return f"{text} Shown: frame {found.worst + 1} of {frames}, {which}."


def _figures(comparison: Comparison) -> list[Row]:
    found, near = comparison.figures, comparison.near
    share, ssim = 100 * found.unchanged / found.pixels, found.ssim
    if found.max_error:  # must not be rounded to what identical images have
        share, ssim = min(share, 99.99), ssim and min(ssim, 0.999999)
    none = "none: identical"
    rows = [("near", "bound the file promises", _lossless_or(near))] if near is not None else []
    return [
        *rows,
        ("max_error", "largest error", f"{found.max_error}{_hu(comparison, found.max_error)}"),
        ("mean_error", "mean error (bias)", _number(found.mean_error, "+.4g") + _hu(comparison, found.mean_error)),
        ("unchanged", "unchanged pixels", f"{share:.2f} % ({found.unchanged:,} of {found.pixels:,})"),
        ("mse", "MSE", _number(found.mse, ".4g")),
        ("mse8", "MSE on the 8-bit scale", _number(found.mse8, ".4g")),
        ("psnr", f"PSNR against {found.peak}", none if found.psnr is None else f"{found.psnr:.2f} dB"),
        ("psnr_own", "PSNR against own range", none if not found.mse else _or_blank(found.psnr_own, ".2f", " dB")),
        ("ssim", "SSIM", _or_blank(ssim, ".6f")),
    ]


def _files(comparison: Comparison) -> str:
    original, compressed = comparison.original, comparison.compressed
    layout, coded = original.layout, comparison.compressed.coded_bytes
    pixels = comparison.figures.pixels
    facts: dict[str, Callable[[Source], str]] = {
        "rows, columns, frames": _shape,
        "transfer syntax": _syntax,
        "bits stored of allocated": lambda s: f"{s.layout.bits_stored} of {s.layout.bits_allocated}",
        "file, bytes": lambda s: f"{s.size:,}",
        "coded pixel data, bytes": lambda s: "" if s.coded_bytes is None else f"{s.coded_bytes:,}",
    }
    both = [(heading, escape(fact(original)), escape(fact(compressed))) for heading, fact in facts.items()]
    head = '<thead><tr><th></th><th scope="col">original</th><th scope="col">compressed</th></tr></thead>'
    body = "".join(f'<tr><th scope="row">{h}</th><td class="n">{a}</td><td class="n">{b}</td></tr>' for h, a, b in both)
    rows = [("file_ratio", "file ratio", f"{original.size / compressed.size:.3f}")]
    if coded:
        image = image_of(original.dataset)  # of YBR_FULL_422 with half the colours
        allocated = image.nbytes / coded
        stored = allocated * layout.bits_stored / layout.bits_allocated
        rows += [
            ("bits_per_pixel", "bits a pixel", f"{8 * coded / pixels:.3f}"),
            ("ratio_allocated", f"pixel data ratio, {layout.bits_allocated} bits allocated", f"{allocated:.3f}"),
            ("ratio_stored", f"pixel data ratio, {layout.bits_stored} bits stored", f"{stored:.3f}"),
        ]
    return f'<div class="wide"><table id="files">{head}<tbody>{body}</tbody></table></div>{_table("sizes", rows)}'


def _shape(source: Source) -> str:
    layout = source.layout
    return f"{layout.rows}\u00a0×\u00a0{layout.columns}\u00a0×\u00a0{layout.frames}"


def _syntax(source: Source) -> str:
    if source.syntax == DICOMPRESS and source.info:
        return f"dicompress, {source.info.model or 'unknown model'}"
    return syntax_name(source.syntax)


def _says(compressed: Source) -> str:
    rows = []
    for name, heading in SAYS.items():
        value = compressed.dataset.get(name)
        if value not in (None, ""):
            values = value if isinstance(value, MultiValue) else [value]
            rows.append((name, heading, ", ".join(escape(str(v)) for v in values)))
    return _table("says", rows, "") if rows else "<p>Nothing about lossy compression or derivation.</p>"


def _table(name: str, rows: list[Row], kind: str = "n") -> str:
    """kind: class of the values; n for numbers."""
    lines = "".join(f'<tr><th scope="row">{h}</th><td class="{kind}" id="{i}">{v}</td></tr>' for i, h, v in rows)
    return f'<div class="wide"><table id="{name}"><tbody>{lines}</tbody></table></div>'


def _hu(comparison: Comparison, value: float) -> str:
    """The value in HU, in brackets, where all frames agree what one is."""
    if comparison.slope is None or not comparison.same_slope:
        return ""
    return f" ({_number(value * comparison.slope, '.4g')} HU)"


def _lossless_or(near: int) -> str:
    return str(near) if near else "0: lossless"


def _or_blank(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"


def _number(value: float, form: str) -> str:
    return "0" if value == 0 else f"{value:{form}}".replace("-", "&minus;")
