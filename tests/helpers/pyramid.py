"""The model `pyramid` in numpy, for decoding, as docs/format.md says: an oracle of `core/pyramid`. Its networks run natively."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dicompress.coder import MixtureTensor, constant_parameters
from dicompress.models import Values
from dicompress.native import network as native

from .streams import Cursor

PARITIES = ((0, 0), (1, 1), (0, 1), (1, 0))  # A, D, H, V: row and column in the 2x2 block
PHASES = (1, 2, 3)  # D, H, V
MARGIN = 2
ZERO = 128  # of uint8 activations
BLOCK = 8
TOP_PRIOR = [0, 0, 0, 0, 0, 0, -4096, 4096, 12288]
BLOCKS_AT = {1: 9, 2: 11, 3: 11}  # the first channel that tells of a former JPEG's blocks
USED = {phase: first + BLOCK + 3 for phase, first in BLOCKS_AT.items()}
SUPPORTS = {
    1: ((1, 1), (1, -1), (1, 3), (1, -3), (3, 1), (3, -1), (3, 3), (3, -3)),
    2: ((0, 1), (1, 0), (0, 3), (3, 0), (1, 2), (1, -2), (2, 1), (2, -1), (2, 3), (2, -3), (3, 2), (3, -2)),
    3: ((1, 0), (0, 1), (3, 0), (0, 3), (2, 1), (2, -1), (1, 2), (1, -2), (1, 1), (1, -1), (1, 3), (1, -3), (3, 1), (3, -1)),
}
_OWN = ((0, 2), (0, -2), (2, 0), (-2, 0))
_DIAGONAL = ((1, 1), (1, -1), (-1, 1), (-1, -1))
REFERENCE_SUPPORTS = {
    1: ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), *_OWN),
    2: ((0, 0), (1, 0), (-1, 0), *_DIAGONAL, *_OWN),
    3: ((0, 0), (0, 1), (0, -1), *_DIAGONAL, *_OWN),
}


def channels(phase: int, references: bool) -> int:
    return -(-(USED[phase] + 10 * references) // 4) * 4


def reduced(shape: tuple[int, int], level: int) -> tuple[int, int]:
    return (-(-shape[0] >> level), -(-shape[1] >> level))


def split(image: np.ndarray) -> list[np.ndarray]:
    return [image[r::2, c::2] for r, c in PARITIES]


def numbers(pixels: np.ndarray, values: Values) -> np.ndarray:
    """As they are coded: brought into the range; of ranks, how many values are smaller."""
    if values.listed is None:
        return np.clip(pixels, values.low, values.high).astype(np.int32)
    return np.minimum(np.searchsorted(values.listed, pixels), values.high).astype(np.int32)


def log2_32(value: int) -> int:
    return (value**32).bit_length() - 1


@dataclass
class Filter:
    coefficients: list[int]  # a pair of opposite neighbours each
    scale: int
    of_reference: list[int] | None = None


@dataclass
class Header:
    """top_scale; blocks; gains and offset of a blend; filters of D, H and V by level, 0 first."""

    top_scale: int
    blocks: bool
    blend: tuple[list[int], int]
    levels: list[dict[int, Filter]]

    @classmethod
    def read(cls, data: bytes, levels: int, references: int) -> Header:
        cursor = Cursor(data)
        top, blocks = cursor.varint(), bool(cursor.varint())
        numbers = [cursor.signed() for _ in range(references + 1)] if references else [0]
        filters = [{p: cls._filter(cursor, p, references) for p in PHASES} for _ in range(levels)]
        cursor.end()
        return cls(top, blocks, (numbers[:-1], numbers[-1]), filters)

    @staticmethod
    def _filter(cursor: Cursor, phase: int, references: int) -> Filter:
        code, pairs = cursor.varint(), len(SUPPORTS[phase])
        rest = [cursor.signed() for _ in range(pairs - 1)] if code & 1 else [128] + [0] * (pairs - 2)
        leaning, own = None, len(REFERENCE_SUPPORTS[phase])
        if references:
            leaning = [cursor.signed() for _ in range(cursor.varint())]
            leaning += [0] * (own - len(leaning))
        return Filter([256 - sum(rest), *rest], code >> 1, leaning)


class Planes:
    """A, D, H and V of a level, with a margin that repeats their borders; int64."""

    def __init__(self, kept: np.ndarray):
        self.grid = kept.shape
        self.all = np.zeros((4, *(n + 2 * MARGIN for n in self.grid)), np.int64)
        self.put(0, kept)

    def put(self, plane: int, pixels: np.ndarray) -> None:
        rows, columns = (g - s for g, s in zip(self.grid, pixels.shape))
        if pixels.size:
            pixels = np.pad(pixels, ((MARGIN, MARGIN + rows), (MARGIN, MARGIN + columns)), mode="edge")
        self.all[plane] = pixels if pixels.size else self.all[0]

    def at(self, phase: int, offset: tuple[int, int]) -> np.ndarray:
        """The pixels at `offset` from those of a phase."""
        (row, r), (column, c) = (divmod(p + o, 2) for p, o in zip(PARITIES[phase], offset))
        first = row + MARGIN, column + MARGIN
        return self.all[PARITIES.index((r, c)), first[0] : first[0] + self.grid[0], first[1] : first[1] + self.grid[1]]

    def interpolate(self, phase: int, coefficients: list[int]) -> np.ndarray:
        """In 1/256 of a value."""
        pairs = zip(coefficients, SUPPORTS[phase])
        return sum(k * (self.at(phase, (r, c)) + self.at(phase, (-r, -c))) for k, (r, c) in pairs) >> 1


class Reference:
    """What a level leans on: its planes, and their deviations from their interpolations."""

    def __init__(self, image: np.ndarray, filters: dict[int, Filter]):
        parts = split(image)
        self.planes = Planes(parts[0])
        self.deviations = Planes(np.zeros_like(parts[0]))
        for phase in PHASES:
            base = self.planes.interpolate(phase, filters[phase].coefficients)
            self.planes.put(phase, parts[phase])
            inside = self.planes.all[phase, MARGIN:-MARGIN, MARGIN:-MARGIN]
            self.deviations.put(phase, np.clip(256 * inside - base, -(1 << 22), 1 << 22))

    def adds(self, phase: int, coefficients: list[int]) -> np.ndarray:
        taps = zip(coefficients, REFERENCE_SUPPORTS[phase])
        return sum(k * self.deviations.at(phase, offset) for k, offset in taps) >> 6


def _distances(distance: np.ndarray, scale: int) -> list[np.ndarray]:
    """Activations of 1/32 and of 1/2 of a deviation."""
    away = distance * ((1 << 24) // scale)
    return [np.clip(away + (1 << 23 - bits) >> 24 - bits, -128, 127) + ZERO for bits in (5, 1)]


@dataclass
class Level:
    """Describes the phases of a level, one after the other."""

    planes: Planes
    filters: dict[int, Filter]
    number: int
    coarser_scale: int
    blocks: bool
    low: int
    high: int
    reference: Reference | None = None
    before: tuple[np.ndarray, int] | None = None  # base and scale of the phase before

    def describe(self, phase: int, references: bool, origin: tuple[int, int] = (0, 0)) -> tuple[np.ndarray, ...]:
        """(base, four known pixels, the network's input (rows, columns, channels))."""
        filter_, planes = self.filters[phase], self.planes
        base = planes.interpolate(phase, filter_.coefficients)
        copied = added = None
        if self.reference:
            copied = np.clip(base + self.reference.deviations.at(phase, (0, 0)) + 128 >> 8, self.low, self.high)
            added = self.reference.adds(phase, filter_.of_reference)
            base = base + added
        known = [planes.at(phase, (s * r, s * c)) for r, c in SUPPORTS[phase][:2] for s in (1, -1)]
        found = [a for pixels in known for a in _distances(256 * pixels - base, filter_.scale)]
        place = (base >> 8) - self.low
        found.append(np.clip(place * ((255 << 24) // (self.high - self.low)) >> 24, 0, 255))
        if phase > 1:
            found += _distances(256 * planes.all[phase - 1, MARGIN:-MARGIN, MARGIN:-MARGIN] - self.before[0], self.before[1])
        self.before = base, filter_.scale
        found += self._places(origin)
        own, of_d = log2_32(filter_.scale), log2_32(self.filters[1].scale)
        for value in (own // 4 - 100, of_d - own, log2_32(self.coarser_scale) - of_d):
            found.append(np.full(planes.grid, min(max(value, -128), 127) + ZERO))
        if references and self.reference:
            for k in PHASES:
                found += _distances(self._deviation(k), filter_.scale)
            found += _distances(256 * (planes.at(0, (0, 0)) - self.reference.planes.at(0, (0, 0))), filter_.scale)
            found += _distances(added, filter_.scale)
        inputs = np.full((*planes.grid, channels(phase, references)), ZERO, np.uint8)
        inputs[..., : len(found)] = np.stack(found, -1)
        if self.reference:
            known[1] = copied
        return base, np.stack(known), inputs

    def _deviation(self, plane: int) -> np.ndarray:
        """Of the reference, not limited."""
        its = self.reference.planes
        return 256 * its.all[plane, MARGIN:-MARGIN, MARGIN:-MARGIN] - its.interpolate(plane, self.filters[plane].coefficients)

    def _places(self, origin: tuple[int, int]) -> list[np.ndarray]:
        """Which of a block's kept rows and columns this is: one channel of four each is not zero; of two at level 1."""
        marks = np.full((BLOCK, *self.planes.grid), ZERO)
        if self.blocks and self.number < 2:
            count, value = (4, ZERO + 64) if self.number == 0 else (2, ZERO - 64)
            for k in range(count):
                marks[k, (k - origin[0]) % count :: count] = value
                marks[4 + k, :, (k - origin[1]) % count :: count] = value
        return list(marks)


@dataclass
class Plan:
    shape: tuple[int, int]
    values: Values
    header: Header
    blended: np.ndarray | None
    lowest: int
    shapes: list[tuple[int, int, int]] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    level: Level | None = None
    features: np.ndarray | None = None

    def __post_init__(self):
        count = len(self.header.levels)
        self.shapes, self.levels = [(1, *reduced(self.shape, count))], [count]
        for level in reversed(range(count)):
            rows, columns = reduced(self.shape, level)
            self.shapes += [(1, rows // 2, columns // 2), (1, -(-rows // 2), columns // 2), (1, rows // 2, -(-columns // 2))]
            self.levels += [level] * 3


class Pyramid:
    """Like a model of `dicompress.models`, less what only the encoder does."""

    def __init__(self, weights: bytes):
        self.networks = native.Weights(weights).networks
        self.references = bool(weights[5] & 1)

    def plan(self, header: bytes, shape, values: Values, levels: int, references=(), level: int = 0) -> Plan:
        found, blended = Header.read(header, levels, len(references)), None
        if references:
            gains, offset = found.blend
            total = sum(g * r.astype(np.int64) for g, r in zip(gains, references)) + offset + (1 << 13)
            blended = numbers(total >> 14, values)
        return Plan(shape, values, found, blended, level)

    def analyse(self, plan: Plan, image: np.ndarray) -> list[np.ndarray]:
        fine_to_coarse = []
        for _ in plan.header.levels:
            image, *phases = split(image)
            fine_to_coarse.append([np.ascontiguousarray(t)[None].astype(np.int32) for t in phases])
        top = np.diff(np.diff(image.astype(np.int64) - plan.values.low, axis=0, prepend=0), axis=1, prepend=0)
        half = plan.values.count // 2
        top = (top + half) % plan.values.count - half
        return [top[None].astype(np.int32), *(t for phases in reversed(fine_to_coarse) for t in phases)]

    def predict(self, plan: Plan, k: int, tensors: list[np.ndarray]) -> MixtureTensor:
        values = plan.values
        if k == 0:
            parameters = constant_parameters(TOP_PRIOR, plan.shapes[0])
            return MixtureTensor(parameters, 3, plan.header.top_scale, -(values.count // 2), (values.count - 1) // 2)
        number, phase = plan.levels[k], (k - 1) % 3 + 1
        if phase == 1:
            self._begin(plan, number, tensors)
        else:
            plan.level.planes.put(phase - 1, tensors[k - 1][0])
        others = 3 if plan.header.blocks and len(self.networks) > 3 else 0
        base, known, inputs = plan.level.describe(phase, self.references and not others)
        parameters, plan.features = self.networks[others + phase - 1].run(inputs, plan.features)[:2]
        base, known = base.astype(np.int32), known.astype(np.int32)
        scale = plan.level.filters[phase].scale
        return MixtureTensor(
            parameters, len(parameters) // 3, scale, values.low, values.high, base, known, near=values.near, exact=values.exact
        )

    def _begin(self, plan: Plan, number: int, tensors: list[np.ndarray]) -> None:
        filters, coarser = plan.header.levels[number], [*(f[1].scale for f in plan.header.levels), plan.header.top_scale][number + 1]
        reference, plan.features = None, None
        if plan.blended is not None:
            step = 1 << number - plan.lowest
            reference = Reference(plan.blended[::step, ::step], filters)
        planes, values = Planes(self.synthesise(plan, tensors)), plan.values
        plan.level = Level(planes, filters, number, coarser, plan.header.blocks, values.low, values.high, reference)

    def synthesise(self, plan: Plan, tensors: list[np.ndarray]) -> np.ndarray:
        values, count = plan.values, len(plan.header.levels)
        image = tensors[0][0].astype(np.int64).cumsum(0).cumsum(1) % values.count + values.low
        for level in range(count - 1, plan.levels[len(tensors) - 1] - 1, -1):
            first, finer = 1 + 3 * (count - 1 - level), np.empty(reduced(plan.shape, level), np.int64)
            for (r, c), part in zip(PARITIES, (image, *(t[0] for t in tensors[first : first + 3]))):
                finer[r::2, c::2] = part
            image = finer
        return image.astype(np.int32)
