"""Train `reference`: Adam on 128x128 patches, float first, quantisation-aware at the end; resumes where it stopped."""

from __future__ import annotations

import csv
import math
import os
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from . import data
from .network import Config, Reference


@dataclass(frozen=True)
class Schedule:
    """batch: patches a step. learning_rate: after the warm-up; falls to 1 % of it along a half cosine.

    exact_from: share of the steps after which the network is trained as the integer one it will become.
    settled_from: share of the steps after which E is frozen and D learns the rounding of the encoder (`to_levels`).
    anneal: steps over which the weight of the bits of z grows from a quarter; z would die out without it.
    latent_weight: what it grows to. Straight-through gradients seem to make E spend more on z than x gets back; of 1, 2 and
    4 the weight 2 did best (one short run each, see the model card). Once E is frozen the weight is 1.
    """

    steps: int = 20000
    batch: int = 8
    learning_rate: float = 2e-3
    warm_up: int = 50
    exact_from: float = 0.8
    settled_from: float = 0.9
    anneal: int = 800
    latent_weight: float = 2.0
    seed: int = 0

    def rate(self, step: int) -> float:
        cosine = 0.5 + 0.5 * math.cos(math.pi * step / self.steps)
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up) * (0.01 + 0.99 * cosine)


PRIOR_RATE = 10  # the constants of the prior move this much faster than weights
LOG_EVERY, VALIDATE_EVERY, VALIDATION_PATCHES = 50, 500, 128
COLUMNS = ["step", "seconds", "learning_rate", "exact", "bits", "x", "z1", "z2", "z3", "thumbnail", "validation"]


def train(folder: Path, out: Path, config: Config = Config(), schedule: Schedule = Schedule(), threads: int = 0) -> Path:
    """Train on the DICOM files under `folder`; write checkpoint.pt, log.csv and log.png to `out`.

    Every tenth series of a modality is kept for validation. Returns the checkpoint's path. A checkpoint in `out` is
    continued with its own configuration; only `schedule` may differ.
    """
    torch.set_num_threads(threads or os.cpu_count() or 1)
    out.mkdir(parents=True, exist_ok=True)
    training, validation = split(data.load(folder))
    run = Run(out / "checkpoint.pt", config, schedule)
    held_out = [data.sample(validation, np.random.default_rng(1), 16) for _ in range(VALIDATION_PATCHES // 16)]
    columns = (TextColumn("step {task.completed}/{task.total}"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn()) as progress, open(out / "log.csv", "a", newline="") as log:
        writer = csv.writer(log)
        if log.tell() == 0:
            writer.writerow(COLUMNS)
        task = progress.add_task("starting", total=schedule.steps, completed=run.step)
        recent = []
        while run.step < schedule.steps:
            recent.append(run.advance(data.sample(training, run.rng, schedule.batch)))
            if run.step % LOG_EVERY == 0 or run.step == schedule.steps:
                parts = np.mean(recent, 0)
                recent.clear()
                score = ""
                if run.step % VALIDATE_EVERY == 0 or run.step == schedule.steps:
                    score = f"{run.validate(held_out):.4f}"
                    run.save()
                numbers = [f"{v:.4f}" for v in (parts.sum(), *parts)]
                rate = f"{schedule.rate(run.step):.2e}"
                writer.writerow([run.step, f"{run.seconds:.0f}", rate, int(run.exact), *numbers, score])
                log.flush()
                progress.update(task, completed=run.step, description=f"{parts.sum():.3f} bits a pixel {score}")
    run.save()
    plot(out / "log.csv", out / "log.png")
    return run.path


class Run:
    """Network, optimiser and random state of a training, and its checkpoint."""

    def __init__(self, path: Path, config: Config, schedule: Schedule):
        self.path, self.schedule, self.step, self.seconds = path, schedule, 0, 0.0
        self.rng = np.random.default_rng(schedule.seed)
        torch.manual_seed(schedule.seed)
        state = torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None
        if state:
            config = config_of(state)
        self.config = config
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = Reference(config).to(self.device, memory_format=torch.channels_last)
        priors = [*self.network.prior.parameters(), *self.network.thumbnail_prior.parameters()]
        rest = [p for p in self.network.parameters() if all(p is not q for q in priors)]
        groups = [{"params": rest, "factor": 1}, {"params": priors, "factor": PRIOR_RATE}]
        self.optimiser = torch.optim.Adam(groups, schedule.learning_rate, betas=(0.9, 0.99))
        if state:
            self.step, self.seconds = state["step"], state["record"]["seconds"]
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.rng = np.random.default_rng([schedule.seed, self.step])

    @property
    def exact(self) -> bool:
        return self.step >= self.schedule.exact_from * self.schedule.steps

    @property
    def settled(self) -> bool:
        return self.step >= self.schedule.settled_from * self.schedule.steps

    def bits(self, batch: data.Batch) -> torch.Tensor:
        """Mean bits a pixel of each tensor, image first."""
        on_device = {f.name: torch.from_numpy(getattr(batch, f.name)).to(self.device) for f in fields(batch)}
        with torch.autocast(self.device, dtype=torch.bfloat16):
            parts = self.network(data.Batch(**on_device), self.exact, self.settled)
        return torch.stack([p.mean() for p in parts]) / batch.x[0].size

    def advance(self, batch: data.Batch) -> np.ndarray:
        """One step of Adam on the sum of all bits (paper Eq. 6); returns the parts."""
        start = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.step) * group["factor"]
        parts = self.bits(batch)
        grown = 0.25 + (self.schedule.latent_weight - 0.25) * min(1.0, self.step / self.schedule.anneal)
        weight = 1.0 if self.settled else grown
        self.optimiser.zero_grad()
        (parts[0] + weight * parts[1:].sum()).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self.seconds += time.monotonic() - start
        return parts.detach().cpu().numpy()

    @torch.no_grad()
    def validate(self, batches: list[data.Batch]) -> float:
        return float(np.mean([self.bits(b).sum().item() for b in batches]))

    def save(self) -> None:
        record = {"step": self.step, "seconds": self.seconds, "device": self.device, **asdict(self.schedule)}
        state = {
            "config": self.config.to_dict(), "record": record, "step": self.step,
            "network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip
        beside = self.path.with_suffix(".partial")
        torch.save(state, beside)
        os.replace(beside, self.path)


def config_of(state: dict) -> Config:
    return Config(**state["config"] | {"dilations": tuple(state["config"]["dilations"])})


def split(images) -> tuple[dict, dict]:
    """Every tenth series of a modality to validation; a modality with fewer than ten series trains only."""
    training, validation = {}, {}
    for modality, series in images.items():
        names = sorted(series)
        held = names[9::10]
        training[modality] = {n: series[n] for n in names if n not in held}
        if held:
            validation[modality] = {n: series[n] for n in held}
    return training, validation or training


def plot(log: Path, picture: Path) -> None:
    """Bits a pixel over the steps, from log.csv."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with open(log, newline="") as file:
        rows = list(csv.DictReader(file))
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for name in COLUMNS[4:]:
        points = [(int(r["step"]), float(r[name])) for r in rows if r[name]]
        axes.plot(*zip(*points), label=name, marker="o" if name == "validation" else None, markersize=3)
    axes.set(xlabel="step", ylabel="bits a pixel", yscale="log")
    axes.legend()
    figure.savefig(picture, dpi=120)
    pyplot.close(figure)
