"""`pyramid` behind the codec's three functions. Tensors: the coarsest grid, then D, H and V of each finer level."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...coder import MixtureTensor, constant_parameters
from ...errors import StreamError
from ...varint import Reader, write_varint
from ..base import Values
from ..weights import load
from .fit import DEFAULT, LARGEST_SUM, ONE, as_decoded, fit_level, has_blocks, measure_scale
from .phases import PHASES, SCALES, Filter, Level, LevelHeader, join, split

NAMES = {1: "d", 2: "h", 3: "v"}
MOST_LEVELS = 6
COARSEST = 16  # pixels; levels are added until no side is longer
SYMBOLS_PER_STREAM, FEWEST_PER_STREAM = 1 << 15, 1 << 12
TOP_PRIOR = [0, 0, 0, 0, 0, 0, -4096, 4096, 12288]  # the coarsest grid's mixture: three deviations around zero


@dataclass
class Plan:
    """A tile's filters, and what has been decoded of it on the way."""

    shape: tuple[int, int]
    values: Values
    top_scale: int
    headers: list[LevelHeader]  # by level, 0 first
    shapes: list[tuple[int, int, int]] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    level: Level | None = None
    features: np.ndarray | None = None

    def __post_init__(self):
        count = len(self.headers)
        self.shapes, self.levels = [(1, *reduced(self.shape, count))], [count]
        for level in reversed(range(count)):
            rows, columns = reduced(self.shape, level)
            self.shapes += [(1, rows // 2, columns // 2), (1, -(-rows // 2), columns // 2), (1, rows // 2, -(-columns // 2))]
            self.levels += [level] * 3

    def picture(self, tensors: list[np.ndarray], level: int) -> np.ndarray:
        """The image at 1/2**level resolution, from the tensors down to that level."""
        image = self._unfold(tensors[0][0])
        for k, finer in enumerate(range(len(self.headers) - 1, level - 1, -1)):
            planes = [image, *(t[0] for t in tensors[1 + 3 * k : 4 + 3 * k])]
            image = join(planes, reduced(self.shape, finer))
        return image

    def fold(self, top: np.ndarray) -> np.ndarray:
        """p - west - north + north-west of the coarsest grid, wrapped into the range around zero."""
        residual = np.diff(np.diff(top.astype(np.int64) - self.values.low, axis=0, prepend=0), axis=1, prepend=0)
        half = self.values.count // 2
        return ((residual + half) % self.values.count - half).astype(np.int32)

    def _unfold(self, residual: np.ndarray) -> np.ndarray:
        return (residual.astype(np.int64).cumsum(0).cumsum(1) % self.values.count + self.values.low).astype(np.int32)


def reduced(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """The shape of an image at 1/2**level resolution."""
    return (-(-shape[0] >> level), -(-shape[1] >> level))


class Pyramid:
    """Files of `folder`: model.json, predict_d.onnx, predict_h.onnx and predict_v.onnx, written by `dicompress export`."""

    name = "pyramid"

    def __init__(self, folder: Path | str | None = None, threads: int = 0, optimise: bool = True, convert=None):
        """convert: applied to every network's bytes before it runs (`runtime.float32.to_float32`, for instance)."""
        names = {phase: f"predict_{name}" for phase, name in NAMES.items()}
        self.config, self.hash, networks = load(
            self.name, lambda _: names.values(), folder, threads, optimise, convert
        )
        self._networks = {phase: networks[name] for phase, name in names.items()}

    def levels(self, shape: tuple[int, int]) -> int:
        level = 0
        while level < MOST_LEVELS and max(reduced(shape, level)) > COARSEST:
            level += 1
        return level

    def header(self, image: np.ndarray, values: Values) -> bytes:
        count = self.levels(image.shape)
        coarsest = image[:: 1 << count, :: 1 << count].astype(np.int64)
        spread = np.abs(np.diff(np.diff(coarsest, axis=0), axis=1)) * 256
        parts = [write_varint(measure_scale(spread)), write_varint(has_blocks(image))]
        image = as_decoded(image, values)
        for level in range(count):
            for phase, filter_ in zip(PHASES, fit_level(image[:: 1 << level, :: 1 << level], values.low, values.high)):
                parts.append(_write_filter(phase, filter_))
        return b"".join(parts)

    def plan(self, header: bytes, shape: tuple[int, int], values: Values, levels: int) -> Plan:
        reader = Reader(header)
        top_scale, blocks = _checked_scale(reader.varint()), reader.varint()
        filters = [{phase: _read_filter(phase, reader) for phase in PHASES} for _ in range(levels)]
        reader.finish()
        coarser = [*(f[1].scale for f in filters[1:]), top_scale]
        headers = [LevelHeader(f, n, scale, bool(blocks)) for n, (f, scale) in enumerate(zip(filters, coarser))]
        return Plan(shape, values, top_scale, headers)

    def analyse(self, plan: Plan, image: np.ndarray) -> list[np.ndarray]:
        image, fine_to_coarse = image.astype(np.int32), []
        for _ in plan.headers:
            image, *phases = split(image)
            fine_to_coarse.append([np.ascontiguousarray(t)[None] for t in phases])
        return [plan.fold(image)[None], *(t for phases in reversed(fine_to_coarse) for t in phases)]

    def predict(self, plan: Plan, k: int, tensors: list[np.ndarray]) -> MixtureTensor:
        if k == 0:
            parameters = constant_parameters(TOP_PRIOR, plan.shapes[0])
            count = plan.values.count
            return MixtureTensor(parameters, 3, plan.top_scale, -(count // 2), (count - 1) // 2)
        level, phase = plan.levels[k], (k - 1) % 3 + 1
        if phase == 1:
            picture = plan.picture(tensors, level + 1)
            plan.level, plan.features = Level(picture, plan.values.low, plan.values.high), None
        else:
            plan.level.put(phase - 1, tensors[k - 1][0])
        header = plan.headers[level]
        base, known, channels = plan.level.describe(phase, header)
        inputs = {"x": channels[None]} if plan.features is None else {"x": channels[None], "features": plan.features}
        parameters, *features = self._networks[phase](**inputs)
        plan.features = features[0] if features else None
        components, scale, values = self.config["components"], header.filters[phase].scale, plan.values
        return MixtureTensor(
            *(parameters[0], components, scale, values.low, values.high, base, known, streams(plan.shapes[k])),
            near=values.near,
            exact=values.exact,
        )

    def synthesise(self, plan: Plan, tensors: list[np.ndarray]) -> np.ndarray:
        return plan.picture(tensors, plan.levels[len(tensors) - 1])


def streams(shape: tuple[int, int, int]) -> int:
    """How many sub-streams a phase is cut into: two as soon as they are worth a second core."""
    symbols = shape[1] * shape[2]
    return max(1, min(2, symbols // FEWEST_PER_STREAM), -(-symbols // SYMBOLS_PER_STREAM))


def _write_filter(phase: int, filter_: Filter) -> bytes:
    """Twice the scale, plus 1 if coefficients follow: all but the first, zigzag."""
    if np.array_equal(filter_.coefficients, DEFAULT[phase]):
        return write_varint(2 * filter_.scale)
    rest = (int(c) for c in filter_.coefficients[1:])
    return write_varint(2 * filter_.scale + 1) + b"".join(write_varint(2 * c if c >= 0 else -2 * c - 1) for c in rest)


def _read_filter(phase: int, reader: Reader) -> Filter:
    scale = reader.varint()
    coefficients = DEFAULT[phase]
    if scale & 1:
        rest = [(-(v + 1) if v & 1 else v) // 2 for v in (reader.varint() for _ in range(len(coefficients) - 1))]
        found = [ONE // 2 - sum(rest), *rest]
        if sum(abs(c) for c in found) > LARGEST_SUM:
            raise StreamError("the coefficients of a filter are too large")
        coefficients = np.array(found, np.int32)
    return Filter(coefficients, _checked_scale(scale >> 1))


def _checked_scale(scale: int) -> int:
    if not SCALES[0] <= scale <= SCALES[1]:
        raise StreamError(f"a deviation of {scale} / 256 is not possible")
    return scale
