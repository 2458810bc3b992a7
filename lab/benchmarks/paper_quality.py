"""The paper's Table 2 and Fig. 11 on images of the same kinds, for near.py: PSNR, MSE and SSIM of a bounded error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from equal_psnr import PEERS, Peers
from near_measure import CODECS, PEER, Score, score

from dicompress.compare.quality import quality
from dicompress_lab.bench.codecs import wavelet
from dicompress_lab.bench.images import Image, pixels

LARGEST = 255  # error that can be asked for
EIGHT = (1, 2)  # errors on renditions
THRESHOLDS = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)  # of the lossy wavelet, in pixel ranges
FIGURE_11 = {"lossy wavelet": (27.94, 0.8874), "SReC": (45.48, 0.9765), "the paper's method": (47.92, 0.9837)}


@dataclass(frozen=True)
class Row:
    """A row of the paper's Table 2, and an image of ours of that kind."""

    kind: str
    path: str
    psnr: float
    mse: float
    ssim: float


# Our images by Body Part Examined or, where files do not say, by the picture.
TABLE_2 = (
    Row("CT lung", "dev/ct/162a06b2/0001.dcm", 52.23, 0.38, 0.9963),
    Row("CT lung", "dev/ct/2cf47341/0001.dcm", 53.36, 0.29, 0.9946),
    Row("MR brain", "dev/mr/9bddb236/0010.dcm", 52.19, 0.39, 0.9897),
    Row("MR brain", "dev/mr/6935c8fb/0012.dcm", 51.44, 0.46, 0.9891),
    Row("MR brain", "wg04/MR1.dcm", 50.96, 0.52, 0.9874),
    Row("CR chest", "dev/cr/42783c45/0001.dcm", 47.92, 1.04, 0.9837),
    Row("CR chest", "wg04/RG1.dcm", 48.14, 0.98, 0.9841),
    Row("CT brain", "wg04/CT2.dcm", 50.51, 0.57, 0.9891),
)


@dataclass(frozen=True)
class Rebuilt:
    """full: codec -> (N, score) at full depth, `pyramid` nearest to the paper's PSNR, JPEG-LS nearest to `pyramid`;
    peer: JPEG 2000's bits and PSNR there. cut: (codec, N) -> score on the 8-bit rendition; wavelet: bits, PSNR and SSIM
    there, of radiographs."""

    row: Row
    image: Image
    full: dict[str, tuple[int, Score]]
    peer: tuple[float, float]
    cut: dict[tuple[str, int], Score]
    wavelet: tuple[float, float, float] | None


def rebuild(row: Row, image: Image) -> Rebuilt:
    array = pixels(image)
    used = int(array.max()).bit_length()
    ours = nearest("pyramid", array, used, row.psnr, row.path)
    full = {"pyramid": ours, PEER: nearest(PEER, array, used, ours[1].psnr, row.path)}
    peer = Peers(array, 2**used - 1).cheapest(PEERS[0], ours[1].psnr)
    small = rendition(array)
    cut = {(codec, near): score(codec, small, near, 8, row.path) for codec in CODECS for near in EIGHT}
    lossy = lossy_wavelet(small) if row.kind.startswith("CR") else None
    return Rebuilt(row, image, full, (peer.bits, peer.psnr), cut, lossy)


def nearest(codec: str, array: np.ndarray, used: int, psnr: float, name: str) -> tuple[int, Score]:
    """The N whose PSNR lies nearest to one that is wanted, by bisection."""
    tried: dict[int, Score] = {}
    first, last = 1, min(LARGEST, np.iinfo(array.dtype).max // 2)  # JPEG-LS allows no more
    while first <= last:
        near = (first + last) // 2
        tried[near] = score(codec, array, near, used, name)
        if tried[near].psnr > psnr:
            first = near + 1
        else:
            last = near - 1
    return min(tried.items(), key=lambda item: abs(item[1].psnr - psnr))


def rendition(array: np.ndarray) -> np.ndarray:
    """From the image's smallest and largest value to 0 ... 255."""
    low, high = int(array.min()), int(array.max())
    return np.rint((array - float(low)) * (255 / max(high - low, 1))).astype(np.uint8)


def lossy_wavelet(array: np.ndarray) -> tuple[float, float, float]:
    """(bits, PSNR, SSIM) at the threshold whose PSNR lies nearest to the paper's."""
    found = []  # the codec's rule with other numbers
    for threshold in THRESHOLDS:
        wavelet.THRESHOLD, wavelet.STEP = threshold, threshold / 2
        data = wavelet.encode(array)
        q = quality(array, wavelet.decode(data, array.shape, array.dtype), 8)
        found.append((8 * len(data) / array.size, q["psnr"], q["ssim"]))
    return min(found, key=lambda one: abs(one[1] - FIGURE_11["lossy wavelet"][0]))


def full_table(found: list[Rebuilt]) -> str:
    lines = [
        "| | the paper: dB, MSE, SSIM | `pyramid`: N | dB | MSE | SSIM | bits | ratio, allocated | ratio, stored "
        "| JPEG-LS: N | dB | bits | JPEG 2000: dB | bits |",
        "|---" * 14 + "|",
    ]
    for one in found:
        (near, ours), (peer_near, peer) = one.full["pyramid"], one.full[PEER]
        lines.append(
            f"| {title(one)} | {one.row.psnr:.2f}, {one.row.mse:.2f}, {one.row.ssim:.4f} | {near} | {ours.psnr:.2f} "
            f"| {ours.mse8:.2f} | {ours.ssim:.4f} | {ours.bits:.3f} | {ratios(one, ours)} "
            f"| {peer_near} | {peer.psnr:.2f} | {peer.bits:.3f} | {one.peer[1]:.2f} | {one.peer[0]:.3f} |"
        )
    return "\n".join(lines)


def cut_table(found: list[Rebuilt]) -> str:
    lines = [
        "| | N | `pyramid`: dB | MSE | SSIM | bits | ratio, allocated | ratio, stored "
        "| `reference`: dB | bits | JPEG-LS: dB | bits |",
        "|---" * 12 + "|",
    ]
    for one in found:
        for near in EIGHT:
            ours = one.cut["pyramid", near]
            others = " | ".join(f"{s.psnr:.2f} | {s.bits:.3f}" for s in (one.cut[c, near] for c in ("reference", PEER)))
            lines.append(
                f"| {title(one)} | {near} | {ours.psnr:.2f} | {ours.mse8:.2f} | {ours.ssim:.4f} | {ours.bits:.3f} "
                f"| {ratios(one, ours)} | {others} |"
            )
    return "\n".join(lines)


def figure_11(found: list[Rebuilt]) -> str:
    """dB / SSIM / bits a pixel on the rendition of each radiograph."""
    found = [one for one in found if one.wavelet]
    heads = "".join(f" | {title(one)}" for one in found)
    lines = [f"| | the paper{heads} |", "|---" * (2 + len(found)) + "|"]

    def line(name: str, paper: str, cells: list[tuple[float, float, float]]) -> None:
        told = "".join(f" | {db:.2f} / {ssim:.4f} / {bits:.3f}" for bits, db, ssim in cells)
        lines.append(f"| {name} | {paper}{told or ' |' * len(found)} |")

    paper = {name: f"{db:.2f} / {ssim:.4f}" for name, (db, ssim) in FIGURE_11.items()}
    line("lossy wavelet", paper["lossy wavelet"], [one.wavelet for one in found])
    line("SReC", paper["SReC"], [])
    for codec in CODECS:
        for near in EIGHT:
            said = paper["the paper's method"] if codec == "reference" and near == 1 else ""
            scores = [one.cut[codec, near] for one in found]
            line(f"{codec}, N = {near}", said, [(s.bits, s.psnr, s.ssim) for s in scores])
    return "\n".join(lines)


def title(one: Rebuilt) -> str:
    return f"{one.row.kind}, {one.row.path.removesuffix('.dcm').removesuffix('/0001')}"


def ratios(one: Rebuilt, found: Score) -> str:
    return f"{one.image.bits_allocated / found.bits:.1f} | {one.image.bits_stored / found.bits:.1f}"
