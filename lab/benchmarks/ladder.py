"""Write docs/ladder.md: the paper's changes to L3C one by one, and SReC, all trained alike.

    python lab/benchmarks/ladder.py DATA/train DATA/dev --steps 1000 -o docs/ladder.md

Every network is trained from nothing on the first folder, with the same patches in the same order, exported to integers,
and then codes one image a series of the second folder. The networks take turns in training; what was interrupted resumes.
Needs torch.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from macs import a_pixel, weights

import dicompress
from dicompress.models.pyramid import Pyramid
from dicompress_lab.bench.images import Image, pixels, scan
from dicompress_lab.models.l3c import L3C
from dicompress_lab.models.reference import Reference
from dicompress_lab.models.srec import SReC
from dicompress_lab.training import data, recipe
from dicompress_lab.training.l3c.recipe import L3CConfig
from dicompress_lab.training.loop import Run, ahead
from dicompress_lab.training.pyramid.network import Config as PyramidConfig
from dicompress_lab.training.reference.network import Config

RATE = 1e-3  # of learning
SIDE = 512  # of larger images, the upper left part
TIMED, REPEATS = 5, 3
TURN = 100  # steps of one rung before the next has its turn

TEXT = """# The paper's changes to L3C, one by one

    pip install torch '.[train,bench]'
    python lab/benchmarks/ladder.py DATA/train DATA/{folder} --steps {steps} --batch {batch}

{today}. Every network was trained alike from nothing: {steps} steps of {batch} patches of 128 x 128 pixels, the same patches
in the same order, Adam with the learning rate falling from {rate} along a half cosine, quantisation-aware at the end; 32
channels, the same way in for 8 to 16 bits, learned priors; `pyramid` draws as many patches, of its levels. One run each, and
a short one. Then each coded the first image of each of the {count} series of `{folder}`, at most {side} x {side} pixels of it;
bits a pixel, means over series, all bytes; every stream decoded and compared. Multiply-adds and weights of the convolutions.

{table}

Seconds of processor time a megapixel to encode / to decode, on one thread, of {timed} images of each kind (or as many as there are), the best of
{repeats}, the rungs taking turns.

{times}

[paper](paper.md) says what follows from it.
"""

MODELS = {"l3c": L3C, "reference": Reference, "srec": SReC, "pyramid": Pyramid}
START, PAPER = L3CConfig(), Config()
DILATED = replace(START, dilations=PAPER.dilations, slope=PAPER.slope)


@dataclass(frozen=True)
class Rung:
    """label: what changed. checkpoint: rungs of one checkpoint share their training. model: its recipe and class."""

    label: str
    checkpoint: str
    model: str
    config: object


RUNGS = [
    Rung("L3C: 16 residual blocks a scale, ESPCN and ASPP, 10 logistics", "l3c", "l3c", START),
    Rung("dilated residual blocks, LeakyReLU", "drb", "l3c", DILATED),
    Rung("separable convolutions, pixel attention for ESPCN, ASPP", "pa", "l3c", replace(DILATED, upsampler="attention")),
    Rung("4 Gaussians for 10 logistics", "gmm", "reference", replace(PAPER, adaptive=False)),
    Rung("adaptive arithmetic coding: `reference`", "gmm", "reference", PAPER),
    Rung("8 residual blocks a scale", "eight", "reference", replace(PAPER, dilations=(1, 2, 4, 8))),
    Rung("SReC", "srec", "srec", None),
    Rung("`pyramid`, without references", "pyramid", "pyramid", PyramidConfig(references=False)),
]


def train(rungs: list[Rung], folder: Path, steps: int, batch: int, work: Path) -> None:
    """Bring every rung's checkpoint in `work` to so many steps; they take turns, so all have as many at any time."""
    runs = {}
    for rung in rungs:
        kind = recipe.by_name(rung.model)
        anneal = {"anneal": max(1, 3 * steps // 10)} if hasattr(kind.Schedule, "anneal") else {}
        schedule = kind.Schedule(steps=steps, batch=batch, learning_rate=RATE, **anneal)
        run = Run(work / f"{rung.checkpoint}.pt", kind, rung.config or kind.Config(), schedule)
        if run.step < steps:
            runs.setdefault(rung.checkpoint, run)
    if not runs:
        return
    training = data.split(data.load(folder))[0]
    while behind := [name for name, run in runs.items() if run.step < steps]:
        name = min(behind, key=lambda name: runs[name].step)
        run, bits = runs[name], []
        rng = np.random.default_rng([run.schedule.seed, run.step])  # so an interruption changes no patches
        with closing(ahead(run.recipe.sampler(training, rng, batch, run.config))) as batches:
            for _ in range(min(TURN, steps - run.step)):
                bits.append(run.recipe.total(run.advance(next(batches))))
        run.save()
        took = f"{run.seconds / run.step:.2f} s a step"
        print(f"{name}: step {run.step} of {steps}, {np.mean(bits):.3f} bits a pixel, {took}", flush=True)


def exported(rung: Rung, work: Path) -> Path:
    """The folder of the rung's integer network."""
    kind = recipe.by_name(rung.model)
    state = torch.load(work / f"{rung.checkpoint}.pt", map_location="cpu", weights_only=True)
    network = kind.network(rung.config or kind.Config.from_dict(state["config"]))
    network.load_state_dict(state["network"])
    folder = work / f"{RUNGS.index(rung)}"
    kind.export(network, folder, {"model": rung.model, "training": state["record"]})
    return folder


@cache
def loaded(model: str, folder: Path):
    return MODELS[model](folder, threads=1)


def code(job: tuple[str, Path, Image]) -> float:
    """Bits a pixel of one image under the model in a folder."""
    model, image = loaded(*job[:2]), pixels(job[2])[:SIDE, :SIDE]
    coded = dicompress.encode(image, model=model, threads=1, verify=False)
    if not np.array_equal(dicompress.decode(coded, model=model, threads=1), image):
        raise SystemExit(f"{job[2].path}: {model.name} is not lossless")
    return 8 * len(coded) / image.size


def rates(rungs: list[Rung], folders: list[Path], images: list[Image]) -> list[dict[str, float]]:
    """For each rung the mean bits a pixel of every group."""
    found = []
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for rung, folder in zip(rungs, folders):
            bits = defaultdict(list)
            for image, value in zip(images, pool.map(code, [(rung.model, folder, image) for image in images])):
                bits[image.group].append(value)
            found.append({group: float(np.mean(values)) for group, values in sorted(bits.items())})
            print(f"{rung.label}: {found[-1]}", flush=True)
    return found


def speed(rungs: list[Rung], folders: list[Path], images: list[Image]) -> list[tuple[float, float]]:
    """Seconds of one thread a megapixel to encode and to decode: the best of REPEATS, the rungs taking turns."""
    took = np.full((len(folders), 2, REPEATS, len(images)), 0.0)
    arrays = [pixels(image)[:SIDE, :SIDE] for image in images]
    for repeat in range(REPEATS):
        for n, image in enumerate(arrays):
            for i, (rung, folder) in enumerate(zip(rungs, folders)):
                model = loaded(rung.model, folder)
                start = time.process_time()
                coded = dicompress.encode(image, model=model, threads=1, verify=False)
                middle = time.process_time()
                dicompress.decode(coded, model=model, threads=1)
                took[i, :, repeat, n] = middle - start, time.process_time() - middle
    return [tuple(t) for t in took.min(2).sum(2) / sum(a.size for a in arrays) * 1e6]


def table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--only", nargs="+", metavar="CHECKPOINT", help="the rungs of these checkpoints alone")
    parser.add_argument("--work", type=Path, default=Path("build/ladder"), help="folder for checkpoints and networks")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/ladder.md"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    rungs = [rung for rung in RUNGS if not arguments.only or rung.checkpoint in arguments.only]
    train(rungs, arguments.train, arguments.steps, arguments.batch, arguments.work)
    folders = [exported(rung, arguments.work) for rung in rungs]
    images = list({image.series: image for image in reversed(scan([arguments.images])[0])}.values())
    found = rates(rungs, folders, images)
    timed = [speed(rungs, folders, [image for image in images if image.group == group][:TIMED]) for group in found[0]]
    rows, times = [], []
    for rung, folder, bits, seconds in zip(rungs, folders, found, zip(*timed)):
        both, decoder = a_pixel(folder)
        numbers = [f"{v:.3f}" for v in bits.values()]
        rows.append([rung.label, *numbers, f"{decoder / 1e3:.1f} k", f"{both / 1e3:.1f} k", f"{weights(folder) / 1e3:.0f} k"])
        times.append([rung.label, *(f"{encoding:.2f} / {decoding:.2f}" for encoding, decoding in seconds)])
    heads = ["", *found[0]]
    text = TEXT.format(
        table=table([*heads, "decoder's multiply-adds a pixel", "with the encoder's", "weights"], rows),
        times=table(heads, times), steps=arguments.steps, batch=arguments.batch, folder=arguments.images.name,
        count=len(images), rate=RATE, side=SIDE, timed=TIMED, repeats=REPEATS, today=date.today(),
    )  # fmt: skip
    arguments.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
