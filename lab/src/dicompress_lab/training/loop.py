"""The training loop of every model: Adam, float first, quantisation-aware at the end; resumes where it stopped."""

from __future__ import annotations

import csv
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from dicompress.errors import DicompressError

from .data import load, split
from .recipe import Recipe, by_name


@dataclass(frozen=True)
class Schedule:
    """batch: patches a step. learning_rate: after the warm-up; falls to 1 % of it along a half cosine.

    exact_from: share of the steps after which the network is trained as the integer one it will become.
    """

    steps: int = 20000
    batch: int = 8
    learning_rate: float = 2e-3
    warm_up: int = 50
    exact_from: float = 0.8
    seed: int = 0

    def rate(self, step: int) -> float:
        cosine = 0.5 + 0.5 * math.cos(math.pi * step / self.steps)
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up) * (0.01 + 0.99 * cosine)

    def exact(self, step: int) -> bool:
        return step >= self.exact_from * self.steps


BETAS = (0.9, 0.99)
AHEAD = 6  # batches sampled in the background
SAVE_EVERY = 120  # seconds, or with a validation
LOG_EVERY, VALIDATE_EVERY, VALIDATION_BATCHES, VALIDATION_BATCH = 50, 500, 8, 16


def train(
    model: str, folders: Path | Sequence[Path], out: Path, config=None, schedule: Schedule | None = None, threads: int = 0,
    start: Path | None = None,
) -> Path:  # fmt: skip
    """Train `model` on the DICOM files under `folders`; write checkpoint.pt, log.csv and log.png to `out`.

    config, schedule: of the model's recipe. Every tenth series of a modality is kept for validation. Returns the
    checkpoint's path. A checkpoint in `out` is continued with its own configuration; only `schedule` may differ. start:
    a checkpoint whose weights a new training begins with.
    """
    recipe = by_name(model)
    schedule = schedule or recipe.Schedule()
    torch.set_num_threads(threads or os.cpu_count() or 1)
    out.mkdir(parents=True, exist_ok=True)
    training, validation = split(load(folders))
    run = Run(out / "checkpoint.pt", recipe, config or recipe.Config(), schedule)
    if start and not run.step:
        begin = getattr(run.network, "adopt", run.network.load_state_dict)
        begin(torch.load(start, map_location="cpu", weights_only=True)["network"])
    sample = recipe.sampler(validation, np.random.default_rng(1), VALIDATION_BATCH, run.config)
    held_out = [sample() for _ in range(VALIDATION_BATCHES)]
    batches = ahead(recipe.sampler(training, run.rng, schedule.batch, run.config))
    columns = (TextColumn("step {task.completed}/{task.total}"), BarColumn(), TextColumn("{task.description}"))
    with (
        Progress(*columns, TimeRemainingColumn()) as progress,
        open(out / "log.csv", "a", newline="") as log,
        closing(batches),
    ):
        writer = csv.writer(log)
        if log.tell() == 0:
            writer.writerow(["step", "seconds", "learning_rate", "exact", "bits", *recipe.parts, "validation"])
        task = progress.add_task("starting", total=schedule.steps, completed=run.step)
        recent = []
        while run.step < schedule.steps:
            recent.append(run.advance(next(batches)))
            if run.step % LOG_EVERY == 0 or run.step == schedule.steps:
                parts = np.mean(recent, 0)
                bits = recipe.total(parts)
                recent.clear()
                score = ""
                if run.step % VALIDATE_EVERY == 0 or run.step == schedule.steps:
                    score = f"{run.validate(held_out):.4f}"
                if score or time.monotonic() - run.saved > SAVE_EVERY:
                    run.save()
                numbers = [f"{v:.4f}" for v in (bits, *parts)]
                rate = f"{schedule.rate(run.step):.2e}"
                writer.writerow([run.step, f"{run.seconds:.0f}", rate, int(schedule.exact(run.step)), *numbers, score])
                log.flush()
                progress.update(task, completed=run.step, description=f"{bits:.3f} bits a pixel {score}")
    run.save()
    plot(out / "log.csv", out / "log.png")
    return run.path


def ahead(sample: Callable, count: int = AHEAD) -> Iterator:
    """Endless results of `sample`, in order, `count` of them drawn ahead in one background thread."""
    pool = ThreadPoolExecutor(1)
    try:
        waiting = deque(pool.submit(sample) for _ in range(count))
        while True:
            yield waiting.popleft().result()
            waiting.append(pool.submit(sample))
    finally:
        pool.shutdown(cancel_futures=True)


class Run:
    """Network, optimiser and random state of a training, and its checkpoint."""

    def __init__(self, path: Path, recipe: Recipe, config, schedule: Schedule):
        self.path, self.recipe, self.schedule, self.step, self.seconds = path, recipe, schedule, 0, 0.0
        self.saved = time.monotonic()
        self.rng = np.random.default_rng(schedule.seed)
        torch.manual_seed(schedule.seed)
        state = torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None
        if state:
            found = state.get("model", "reference")
            if found != recipe.name:
                raise DicompressError(f"{path} is a checkpoint of {found}, not of {recipe.name}")
            config = recipe.Config.from_dict(state["config"])
        self.config = config
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = recipe.network(config).to(self.device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(recipe.groups(self.network), schedule.learning_rate, betas=BETAS)
        if state:
            self.step, self.seconds = state["step"], state["record"]["seconds"]
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.rng = np.random.default_rng([schedule.seed, self.step])

    def bits(self, batch) -> torch.Tensor:
        """Mean bits a pixel of each part."""
        with torch.autocast(self.device, dtype=torch.bfloat16):
            return self.recipe.bits(self.network, moved(batch, self.device), self.schedule, self.step)

    def advance(self, batch) -> np.ndarray:
        """One step of Adam; returns the parts."""
        start = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.step) * group["factor"]
        parts = self.bits(batch)
        self.optimiser.zero_grad()
        self.recipe.loss(parts, self.schedule, self.step).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self.seconds += time.monotonic() - start
        return parts.detach().cpu().numpy()

    @torch.no_grad()
    def validate(self, batches: list) -> float:
        return float(np.mean([self.recipe.total(self.bits(b)).item() for b in batches]))

    def save(self) -> None:
        record = {"step": self.step, "seconds": self.seconds, "device": self.device, **asdict(self.schedule)}
        state = {
            "model": self.recipe.name, "config": self.config.to_dict(), "record": record, "step": self.step,
            "network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip
        beside = self.path.with_suffix(".partial")
        torch.save(state, beside)
        os.replace(beside, self.path)
        self.saved = time.monotonic()


def moved(batch, device: str):
    """A dataclass of tensors, or a list of them, on a device."""
    if isinstance(batch, list):
        return [moved(b, device) for b in batch]
    return type(batch)(**{f.name: getattr(batch, f.name).to(device) for f in fields(batch)})


def plot(log: Path, picture: Path) -> None:
    """Bits a pixel over the steps, from log.csv."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with open(log, newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for name in reader.fieldnames[4:]:
        points = [(int(r["step"]), float(r[name])) for r in rows if r[name]]
        axes.plot(*zip(*points), label=name, marker="o" if name == "validation" else None, markersize=3)
    axes.set(xlabel="step", ylabel="bits a pixel", yscale="log")
    axes.legend()
    figure.savefig(picture, dpi=120)
    pyplot.close(figure)
