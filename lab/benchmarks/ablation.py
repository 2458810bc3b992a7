"""Write docs/ablation.md: what each part of `pyramid` is worth.

    python lab/benchmarks/ablation.py DATA/dev DATA/train DATA/volumes/train -o docs/ablation.md

Two tables: parts of the adaptive stage left out, with the shipped weights, on one image a series of the first folder; and
parts of the network left out, each variant trained alike from nothing on the other folders for a few hundred steps and
compared on patches of their validation series, before adaptation. Variants that are trained already, in the folder of
checkpoints, are not trained again. Needs torch.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import torch

from dicompress.models import Values, by_name
from dicompress.native import coder
from dicompress.native import pyramid as native
from dicompress_lab.training import data, recipe
from dicompress_lab.training.loop import Run, ahead
from dicompress_lab.training.pyramid import data as patches
from dicompress_lab.training.pyramid.data import Sampler
from dicompress_lab.training.pyramid.network import Config
from dicompress_lab.training.pyramid.recipe import PyramidSchedule

SHIPPED = Path(__file__).parent.parent / "checkpoints/pyramid-32-1-0-0-references.pt"
SHIPPED_STEPS = 18000
WITHOUT = {
    "everything": {},
    "without the shift of the mean": {"shift": False},
    "without the width of the deviation": {"width": False},
    "without the share of flat areas": {"flat": False},
    "without all three": {"shift": False, "width": False, "flat": False},
}


def group_of(path: Path) -> str | None:
    kind = next((part for part in path.parts[::-1] if part in ("ct", "mr", "cr")), None)
    if kind == "cr":
        return "CR, JPEG history" if pydicom.dcmread(path).get("LossyImageCompression") == "01" else "CR, native"
    return kind and kind.upper()


def adaptive_stage(folder: Path) -> str:
    """Ideal code lengths with parts of the coder's adaptation left out; means over the first images of the series."""
    model = by_name("pyramid")
    bits = defaultdict(lambda: defaultdict(list))
    for path in sorted({p.parent: p for p in sorted(folder.rglob("*.dcm"), reverse=True)}.values()):
        group, image = group_of(path), pydicom.dcmread(path).pixel_array[:1024, :1024].astype(np.int32)
        low, high = int(image.min()), int(image.max())
        values = Values(low, high)
        tile = native.Tile(model, model.header(image, values), image.shape, values, model.levels(image.shape))
        tile.analyse(image)
        predicted = [(*tile.predict(k), tile.symbols[None]) for k in range(len(tile.tensors))]
        for name, options in WITHOUT.items():
            parts = {"shift": True, "width": True, "flat": True} | options
            total = sum(coder.code_length(t, p, b, known, spec, **parts) for p, b, known, spec, t in predicted)
            bits[name][group].append(total / image.size)
        parts = {"shift": True, "width": True, "flat": True}
        filtered = sum(coder.code_length(t, p, b, None, spec, **parts) for p, b, _, spec, t in predicted)
        bits["the filter of `reference` instead"][group].append(filtered / image.size)
    groups = sorted(next(iter(bits.values())))
    lines = ["| | " + " | ".join(groups) + " |", "|---" * (len(groups) + 1) + "|"]
    for name, found in bits.items():
        lines.append(f"| {name} | " + " | ".join(f"{np.mean(found[g]):.3f}" for g in groups) + " |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Variant:
    config: Config = field(default_factory=Config)
    fitted: bool = True


def wide(features: int) -> Config:
    return Config(features=features, narrow=features)


VARIANTS = {
    "as it is: 32 channels, a block in D, references": Variant(),
    "no references": Variant(Config(references=False)),
    "16 channels": Variant(wide(16)),
    "48 channels": Variant(wide(48)),
    "no block in D": Variant(Config(dilations=((), (), ()))),
    "two blocks in D, rates 1 and 2, one each in H and V": Variant(Config(dilations=((1, 2), (1,), (1,)))),
    "no attention": Variant(Config(attention=False)),
    "squeeze and excitation for pixel attention": Variant(Config(attention="squeeze and excitation")),
    "CBAM for pixel attention": Variant(Config(attention="cbam")),
    "the mean of four neighbours instead of fitted filters": Variant(fitted=False),
    "one Gaussian": Variant(Config(components=1)),
    "five Gaussians": Variant(Config(components=5)),
    "logistics instead of Gaussians": Variant(Config(mixture="logistic")),
}


class SamePatches(Sampler):
    """Draws what a network with references would draw, and gives it to one without, or to one that shall do without."""

    alone: bool = False

    def neighbours(self, image: data.TrainingImage) -> list[data.TrainingImage]:
        found = super().neighbours(image)
        return [] if self.alone else found


def sampler(images: data.Images, seed: int, config: Config, alone: bool, known: Sampler | None) -> Sampler:
    """known: another one of the same images, whose fits it shares."""
    found = SamePatches(images, np.random.default_rng(seed), references=True)
    found.references, found.alone = config.references, alone or not config.references
    if known:
        found.fits, found.blocks, found.blends = known.fits, known.blocks, known.blends
    return found


def trained(folders: list[Path], steps: int, out: Path) -> str:
    training, validation = data.split(data.load(folders))
    pyramid, fewest, known = recipe.by_name("pyramid"), patches.FEWEST, {}
    schedule = PyramidSchedule(steps=steps)
    heads = ["variant", "weights", "D", "H", "V", "mean", "coded alone", "int8 minus float"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, variant in VARIANTS.items():
        patches.FEWEST = fewest if variant.fitted else 1 << 60
        run = Run(out / f"{name}.pt", pyramid, variant.config, schedule)
        if run.step < steps:
            draw = sampler(training, schedule.seed, variant.config, False, known.get(variant.fitted))
            known[variant.fitted] = draw
            batches = ahead(partial(draw.batch, schedule.batch))
            while run.step < steps:
                run.advance(next(batches))
            batches.close()
            run.save()
        lines.append(row(name, run, validation))
        print(lines[-1], f"{run.seconds / steps:.2f} s a step", flush=True)
    patches.FEWEST = fewest
    lines.append(row(f"the first, as shipped, after {SHIPPED_STEPS:,} steps", Run(SHIPPED, pyramid, Config(), schedule), validation))
    return "\n".join(lines)


@torch.no_grad()
def row(name: str, run: Run, validation: data.Images) -> str:
    """Bits of a trained network on the same patches, as integers, with neighbours and without, and in floating point."""
    held_out, alone = (sampler(validation, 1, run.config, a, None) for a in (False, True))
    held_out, alone = ([s.batch(16) for _ in range(12)] for s in (held_out, alone))
    run.step = run.schedule.steps
    parts = np.mean([run.bits(b).numpy() for b in held_out], 0)
    unaided = np.mean([run.bits(b).numpy() for b in alone])
    run.step = 0
    floating = np.mean([run.bits(b).numpy() for b in held_out])
    cells = [f"{sum(p.numel() for p in run.network.parameters()) / 1e3:.0f} k"]
    cells += [*(f"{v:.3f}" for v in (*parts, parts.mean(), unaided)), f"{parts.mean() - floating:+.3f}"]
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("train", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--work", type=Path, default=Path("build/ablation"), help="folder for checkpoints")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/ablation.md"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    stage = adaptive_stage(arguments.images)
    print(stage, flush=True)
    networks = trained(arguments.train, arguments.steps, arguments.work)
    text = f"""# What each part of `pyramid` is worth

    pip install torch '.[train,bench]'
    python lab/benchmarks/ablation.py DATA/dev DATA/train DATA/volumes/train --steps {arguments.steps}

## The adaptive stage

Ideal code lengths in bits a pixel (-log2 p after adaptation; no headers, sparse histograms not packed), the shipped weights,
means over the first images of the series of `{arguments.images.name}`, at most 1024 x 1024 pixels of each, nothing leaned on.
The network was trained to leave flat areas to their share.

{stage}

## The network

Every variant trained alike from nothing: {arguments.steps} steps of 8 patches, the same patches in the same order, Adam with the
learning rate falling from 2e-3 along a half cosine, quantisation-aware from three quarters on. Bits a pixel of the phases on
192 patches of validation series, before adaptation, flat pixels left out; about half of the patches lean on neighbours, and
"coded alone" is the mean of the same patches if none does. One run each: differences below 0.01 may be chance, and what pays
only after long training does not show. "int8 minus float": the same weights executed both ways. A third of the weights is
about the multiply-adds a pixel.

{networks}

Squeeze and excitation (Hu, Shen, Sun, CVPR 2018) and CBAM (Woo, Park, Lee, Kweon, ECCV 2018) stand where pixel attention does, with a
quarter of the channels inside, 8-bit activations and a sigmoid in steps of 1/256. They are trained and not exported. To be exact
they would need, in place of floating-point pooling:

- both: for every channel the sum of its uint8 activations over the plane as an integer of 32 bits or more (float32 holds sums of
  2**16 of them at most), a division by the number of positions that rounds alike everywhere, the two small layers as integer
  convolutions of one position, the sigmoid as a table of 256 bytes;
- CBAM also maxima, which are exact as they are, the mean over channels as a sum and a shift (there are 32), and a 7x7 convolution.

A pixel's distribution would depend on the whole plane, so a plane could not be coded in bands, and a mean over 64 x 64 positions in
training is another one than over an image.
"""
    arguments.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
