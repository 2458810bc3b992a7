"""Write docs/near.md: what a bounded error saves, beside JPEG-LS, JPEG 2000, JPEG XL, and a fixed grid of bins.

    python lab/benchmarks/near.py DATA/dev DATA/wg04

Of the first folder the first image of each series, means over series; of the second every image. All codecs get the
same unsigned pixels at full depth; every stream is decoded and its bound checked.
"""

from __future__ import annotations

import argparse
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib.metadata import version
from math import inf
from multiprocessing import get_context
from pathlib import Path

import imagecodecs
import numpy as np
from equal_psnr import PEERS, SLACK, Peers
from near_measure import CODECS, GRID, NEARS, on_grid, score, warm
from near_tables import (
    Found,
    better,
    bound_tables,
    choice_table,
    image_table,
    peer_table,
    speed_table,
    unchanged,
)  # fmt: skip
from paper_quality import LARGEST, TABLE_2, cut_table, figure_11, full_table, rebuild

from dicompress_lab.bench.environment import processor
from dicompress_lab.bench.images import Image, pixels, scan

SOME = 6  # series of each kind that are also measured on the grid and against codecs without a bound

TEXT = """# A bounded error

`near=N` lets every decoded pixel differ from the original by at most N stored units. What that saves, and how it
compares; bits a pixel with all bytes counted, one frame a stream, every stream decoded and its bound checked.

    pip install . ./lab && python lab/benchmarks/near.py DATA/{dev} DATA/{single}

{today}; {cores} cores, {processor}, Python {python};
{libraries}.

`{dev}`: the first image of each series, {count} images; means over series. `{single}`: all {singles} images (NEMA
WG-04), used for no choice in the models. Every codec gets the same unsigned pixels at full depth.

PSNR is against 2^b - 1, b the bits that the file says are stored; so is SSIM's data range. Many CT and MR files say 16
and use 10 to 13, which raises their PSNR by 18 dB and more and their SSIM to 1.0000: compare the codecs, not the kinds.

An error of 1 takes about 28 % off the lossless bits of CT, 27 % off MR, 31 % off native radiographs and half off films with
a JPEG history; an error of 3 nearly halves CT and MR, too ([results](results.md) has the lossless means).

## At the same bound

JPEG-LS (CharLS, NEAR = N) and both models with the same N. Per cent: bits against JPEG-LS. "dB gained": mean of the
differences from JPEG-LS. {unchanged}

`pyramid` needs 15 to 22 % fewer bits than JPEG-LS on CT and MR and 36 to 75 % fewer on films with a JPEG history, at a higher
PSNR. On native radiographs it is 6 to 14 % up to N = 5, less than the 15 % aimed at: most of what is left there is noise that
nothing predicts. `reference` is level with JPEG-LS on MR and native radiographs and 3 to 15 % above it on CT: its latents and
block means, 0.4 bits where little else is left, do not shrink as the error grows. One image of `{single}`, NM1, takes more bits
than with JPEG-LS: half of its pixels are zeros, which count as saturated background and stay exact (1.37 and 0.30 bits at N = 1
and 10 if they did not).

{bound}

### Image by image, `{single}`

Bits of JPEG-LS / `reference` / `pyramid`; then dB that `pyramid` gains over JPEG-LS at N = 2, and its SSIM there.

{images}

### Speed

Megapixels a second to encode / to decode, all pixels of both folders over all seconds; one thread each, {cores} images
at a time, weights loaded, encoders without verification.

{speed}

## The decoder's choice

Both models put the middle of a bin where they expect the pixel to be, given what is decoded. The alternative is a fixed
grid: the image is quantised to every (2N+1)th value from its smallest one, and `pyramid` codes the numbers of the bins
without loss. Both keep the bound. "dB at the same bytes": PSNR above the line through the points of the grid,
N = {grid}, at the bits of `pyramid`; images whose bits lie outside of that line are left out, the last
column says how many remain. Of each kind up to {some} series, evenly spaced, the first image each.

The choice is worth next to nothing while bins are narrow against the noise (CT and MR up to N = 2), 0.3 to 2 dB at N = 5, and 4
to 10 dB on smooth films.

{choice}

## At equal PSNR

Lossy JPEG 2000 (OpenJPEG, 9/7 wavelet) and JPEG XL (libjxl, effort 7), which bound no pixel's error: their bits at the
PSNR of `pyramid`, or at most {slack} dB above, found by searching their quality. JPEG XL's distance is made for
eyes, not for PSNR; it got the values as 16 bits and as values of their own depth, and the smaller stream counts. Where
a codec's lossless mode is smaller, that counts; the "lossless" column says how often. Per cent: bits of `pyramid`
against theirs, negative where `pyramid` is smaller. "Error": mean of the images' largest. The same images as in the
section above.

{better}

Films with a JPEG history are smooth: a transform puts what is left of them into few coefficients and lets single pixels go, by 90
grey levels at N = 10, where a bound pays for every pixel. Where noise is to be kept prediction wins, by less as N grows past it.

{peers}

## The paper's quality table

Its Table 2 and Fig. 11 ([the paper's claims](paper.md)) on images of the same kinds. Its pairs of MSE and PSNR imply a
peak of 255, an 8-bit scale; it gives no ratio for these PSNRs, so there is no rate to compare with. Our images are not
its images, and which of ours stands beside which of its rows is chance: the tables show at which error and rate such
numbers come about.

**Full depth.** The N, at most {largest}, whose PSNR lies nearest to the paper's, with 2^b - 1 as the peak, b the bits
of the image's largest value, as files that say 16 bits use 10 to 13; MSE on the 8-bit scale. JPEG-LS with the
NEAR whose PSNR lies nearest to that of `pyramid`, lossy JPEG 2000 at that PSNR. Bits are per pixel, ratios
against the bits that the file allocates and stores.

{full}

**8-bit rendition.** The picture scaled from its smallest and largest value to 0 ... 255, as the paper seems to do, then
coded with an error of at most 1 and 2 grey levels. PSNR, MSE and SSIM are against the rendition, so what the cut to 8
bits lost is not in them; ratios are against the original file.

{cut}

**Fig. 11**, radiographs: dB / SSIM, and for ours bits a pixel, on the 8-bit rendition. The lossy wavelet has the
threshold that brings it nearest to 27.94 dB. SReC and the paper's method code without loss, so they have a PSNR only on
pixels that were changed before: `reference`, the paper's method, with a bound of 1.

{figure}

PSNRs of 50 to 53 dB on the 8-bit scale are what an error of one grey level gives with any codec: MSE 0.4 to 0.6, SSIM 0.991 to
0.997. The paper's 47.9 dB of a chest film lies between one and two grey levels. At full depth and such PSNRs `pyramid` takes
16 to 65 % fewer bits than JPEG-LS; JPEG 2000 takes fewer still on one MR and both radiographs.
"""


def measure(image: Image, fully: bool) -> Found:
    array, name = pixels(image), image.name
    scores = {(c, n): score(c, array, n, image.bits_stored, name) for c in CODECS for n in NEARS}
    if not fully:
        return Found(image, scores, {}, {})
    peak = 2 ** max(image.bits_stored, int(array.max()).bit_length()) - 1
    searched = Peers(array, peak)
    targets = {n: scores["pyramid", n].psnr for n in NEARS}
    tries = {(c, n): searched.cheapest(c, db) for c in PEERS for n, db in targets.items() if db < inf}
    return Found(image, scores, {n: on_grid(array, n, peak, name) for n in GRID}, tries)


def firsts(images: list[Image]) -> list[Image]:
    """The first image of each series."""
    found: dict[str, Image] = {}
    for image in images:
        found.setdefault(image.series, image)
    return list(found.values())


def spaced(images: list[Image]) -> set[Image]:
    """SOME images of each kind, or all if they are fewer."""
    chosen = set()
    for kind in {image.group for image in images}:
        here = [image for image in images if image.group == kind]
        chosen |= {here[i] for i in np.linspace(0, len(here) - 1, min(SOME, len(here))).astype(int)}
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/near.md"))
    arguments = parser.parse_args()
    scanned, single = (scan([folder])[0] for folder in (arguments.series, arguments.images))
    dev, by_path = firsts(scanned), {image.path: image for image in scanned + single}
    chosen = spaced(dev)
    order = sorted(dev + single, key=lambda image: -image.pixels * (2 if image in chosen else 1))
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), initializer=warm) as pool:
        tables = [pool.submit(rebuild, row, by_path[row.path]) for row in TABLE_2 if row.path in by_path]
        found = {f.image: f for f in pool.map(measure, order, [image in chosen for image in order])}
        rebuilt = [task.result() for task in tables]
    ours, some, alone = [found[i] for i in dev], [found[i] for i in dev if i in chosen], [found[i] for i in single]
    libraries = [f"{name} {version(name)}" for name in ("dicompress", "numpy", "imagecodecs")]
    inside = [one for one in imagecodecs.version().split(", ") if one.startswith(("charls", "openjpeg", "libjxl"))]
    text = TEXT.format(
        dev=arguments.series.name, single=arguments.images.name, today=date.today(), cores=os.cpu_count(),
        processor=processor(), python=platform.python_version(), libraries=", ".join(libraries + inside),
        count=len(dev), singles=len(single), unchanged=unchanged(ours), bound=bound_tables(ours),
        images=image_table(alone),
        speed=speed_table(ours + alone), grid=", ".join(map(str, GRID)), some=SOME, choice=choice_table(some),
        better=better(some), peers=peer_table(some), full=full_table(rebuilt), cut=cut_table(rebuilt),
        figure=figure_11(rebuilt), slack=SLACK, largest=LARGEST,
    )  # fmt: skip
    arguments.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
