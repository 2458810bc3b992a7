"""`pyramid` behind the codec's three functions. Tensors: the coarsest grid, then D, H and V of each finer level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...coder import MixtureTensor, constant_parameters
from ...errors import StreamError
from ...varint import Reader, unzigzag, write_varint, zigzag
from ..base import Values
from ..weights import load
from .fit import (
    DEFAULT,
    LARGEST_OF_REFERENCE,
    LARGEST_SUM,
    ONE,
    as_decoded,
    estimate_bits,
    fit_level,
    has_blocks,
    measure_scale,
)  # fmt: skip
from .phases import PHASES, REFERENCE_SUPPORTS, SCALES, Filter, Level, LevelHeader, Reference, join, split
from .references import fit_blend, read_blend, write_blend

NAMES = {1: "d", 2: "h", 3: "v"}
FORMER_JPEG = "_former_jpeg"
MOST_LEVELS = 6
COARSEST = 16  # pixels; levels are added until no side is longer
TOP_PRIOR = [0, 0, 0, 0, 0, 0, -4096, 4096, 12288]  # the coarsest grid's mixture: three deviations around zero


@dataclass
class Plan:
    """A tile's filters, and what has been decoded of it on the way.

    blended: what it leans on, if anything, at 1/2**lowest resolution.
    """

    shape: tuple[int, int]
    values: Values
    top_scale: int
    headers: list[LevelHeader]  # by level, 0 first
    blended: np.ndarray | None = None
    lowest: int = 0
    shapes: list[tuple[int, int, int]] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    level: Level | None = None
    reference: Reference | None = None
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

    def begin(self, level: int, tensors: list[np.ndarray]) -> None:
        """Go on to a level, the tensors of the coarser ones being known."""
        low, high = self.values.low, self.values.high
        self.level, self.features = Level(self.picture(tensors, level + 1), low, high), None
        if self.blended is not None:
            step = 1 << level - self.lowest
            self.reference = Reference(self.blended[::step, ::step], self.headers[level].filters, low, high)

    def _unfold(self, residual: np.ndarray) -> np.ndarray:
        return (residual.astype(np.int64).cumsum(0).cumsum(1) % self.values.count + self.values.low).astype(np.int32)


def reduced(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """The shape of an image at 1/2**level resolution."""
    return (-(-shape[0] >> level), -(-shape[1] >> level))


class Pyramid:
    """Files of `folder`: model.json, predict_d.onnx, predict_h.onnx and predict_v.onnx, written by `dicompress export`.

    If model.json says `former_jpegs`, images that were a JPEG once have networks of their own, `predict_d_former_jpeg.onnx` and
    so on, which take no references.
    """

    name = "pyramid"

    def __init__(self, folder: Path | str | None = None, threads: int = 0, optimise: bool = True, convert=None):
        """convert: applied to every network's bytes before it runs (`runtime.float32.to_float32`, for instance)."""
        self.config, self.hash, found = load(self.name, _network_names, folder, threads, optimise, convert)
        self.most_references = 2 if self.config.get("references") else 0
        names = {phase: f"predict_{name}" for phase, name in NAMES.items()}
        self._networks = {phase: found[name] for phase, name in names.items()}
        self._for_former_jpegs = {phase: found.get(name + FORMER_JPEG) for phase, name in names.items()}

    def levels(self, shape: tuple[int, int]) -> int:
        level = 0
        while level < MOST_LEVELS and max(reduced(shape, level)) > COARSEST:
            level += 1
        return level

    def header(self, image: np.ndarray, values: Values, references: Sequence[np.ndarray] = ()) -> bytes:
        count = self.levels(image.shape)
        coarsest = image[:: 1 << count, :: 1 << count].astype(np.int64)
        spread = np.abs(np.diff(np.diff(coarsest, axis=0), axis=1)) * 256
        parts = [write_varint(measure_scale(spread)), write_varint(has_blocks(image))]
        reference = None
        if references:
            blend = fit_blend(image, references, values)
            parts.append(write_blend(blend))
            reference = blend.of(references, values)
        image = as_decoded(image, values)
        for level in range(count):
            step = 1 << level
            leaned_on = None if reference is None else reference[::step, ::step]
            filters = fit_level(image[::step, ::step], values.low, values.high, leaned_on)
            parts += [_write_filter(phase, filter_) for phase, filter_ in zip(PHASES, filters)]
        return b"".join(parts)

    def estimate(self, image: np.ndarray, values: Values, choices: Sequence[Sequence[np.ndarray]]) -> list[float]:
        blended = [fit_blend(image, c, values).of(c, values) if c else None for c in choices]
        return estimate_bits(as_decoded(image, values), values.low, values.high, blended)

    def plan(
        self, header: bytes, shape: tuple[int, int], values: Values, levels: int,
        references: Sequence[np.ndarray] = (), level: int = 0,
    ) -> Plan:  # fmt: skip
        if len(references) > self.most_references:
            raise StreamError(f"this model leans on {self.most_references} planes at most, not on {len(references)}")
        reader = Reader(header)
        top_scale, blocks = _checked_scale(reader.varint()), reader.varint()
        blended = read_blend(reader, len(references)).of(references, values) if references else None
        filters = [{phase: _read_filter(phase, reader, bool(references)) for phase in PHASES} for _ in range(levels)]
        reader.finish()
        coarser = [*(f[1].scale for f in filters[1:]), top_scale]
        headers = [LevelHeader(f, n, scale, bool(blocks)) for n, (f, scale) in enumerate(zip(filters, coarser))]
        return Plan(shape, values, top_scale, headers, blended, level)

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
            plan.begin(level, tensors)
        else:
            plan.level.put(phase - 1, tensors[k - 1][0])
        header = plan.headers[level]
        own = self._for_former_jpegs[phase] if header.blocks else None
        references = self.most_references > 0 and own is None
        base, known, channels = plan.level.describe(phase, header, (0, 0), plan.reference, references)
        inputs = {"x": channels[None]} if plan.features is None else {"x": channels[None], "features": plan.features}
        parameters, *features = (own or self._networks[phase])(**inputs)
        plan.features = features[0] if features else None
        components, scale, values = self.config["components"], header.filters[phase].scale, plan.values
        return MixtureTensor(
            *(parameters[0], components, scale, values.low, values.high, base, known),
            near=values.near,
            exact=values.exact,
        )

    def synthesise(self, plan: Plan, tensors: list[np.ndarray]) -> np.ndarray:
        return plan.picture(tensors, plan.levels[len(tensors) - 1])


def _network_names(config: dict) -> list[str]:
    kinds = ("", FORMER_JPEG) if config.get("former_jpegs") else ("",)
    return [f"predict_{name}{kind}" for kind in kinds for name in NAMES.values()]


def _write_filter(phase: int, filter_: Filter) -> bytes:
    """Twice the scale, plus 1 if coefficients follow: all but the first. Of a plane that leans on others, how many coefficients
    for these are not the zeros at their end, and these."""
    own, leaning = filter_.coefficients, filter_.of_reference
    fitted = not np.array_equal(own, DEFAULT[phase])
    parts = [write_varint(2 * filter_.scale + fitted), *(_write_numbers(own[1:]) if fitted else ())]
    if leaning is not None:
        count = int(np.flatnonzero(leaning).max(initial=-1)) + 1
        parts += [write_varint(count), *_write_numbers(leaning[:count])]
    return b"".join(parts)


def _write_numbers(numbers: np.ndarray) -> list[bytes]:
    return [write_varint(zigzag(int(n))) for n in numbers]


def _read_filter(phase: int, reader: Reader, leans: bool) -> Filter:
    code = reader.varint()
    coefficients, leaning = DEFAULT[phase], None
    if code & 1:
        rest = [unzigzag(reader.varint()) for _ in range(len(coefficients) - 1)]
        coefficients = _coefficients([ONE // 2 - sum(rest), *rest], LARGEST_SUM)
    if leans:
        count, most = reader.varint(), len(REFERENCE_SUPPORTS[phase])
        if count > most:
            raise StreamError(f"{count} coefficients for a reference are claimed; at most {most} are possible")
        found = [unzigzag(reader.varint()) for _ in range(count)]
        leaning = _coefficients(found + [0] * (most - count), LARGEST_OF_REFERENCE)
    return Filter(coefficients, _checked_scale(code >> 1), leaning)


def _coefficients(found: list[int], largest_sum: int) -> np.ndarray:
    if sum(abs(c) for c in found) > largest_sum:
        raise StreamError("the coefficients of a filter are too large")
    return np.array(found, np.int32)


def _checked_scale(scale: int) -> int:
    if not SCALES[0] <= scale <= SCALES[1]:
        raise StreamError(f"a deviation of {scale} / 256 is not possible")
    return scale
