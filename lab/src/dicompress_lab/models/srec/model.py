"""`srec` behind the codec's three functions. Tensors: the coarsest means, then a level: remainders and three pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dicompress.coder import MixtureTensor, constant_parameters
from dicompress.errors import UnsupportedImageError
from dicompress.models import Values

from ..reference.normalise import from_plane_residual, plane_residual, scale_header, scale_of
from ..weights import load
from .levels import CODED, CORNERS, LEVELS, ORDER, REMAINDER, REMAINDER_COMPONENTS, Level, corner_shape, halve, join

TENSORS = 1 + CODED  # a level


@dataclass
class Plan:
    """A tile's normalisation, and what has been decoded of it on the way."""

    shape: tuple[int, int]
    values: Values
    scale: int
    shapes: list[tuple[int, int, int]] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    level: Level | None = None
    context: np.ndarray | None = None  # from the network run last

    def __post_init__(self):
        self.shapes = [(1, *self.reduced(LEVELS))]
        for level in range(LEVELS, 0, -1):
            finer = self.reduced(level - 1)
            self.shapes += [(1, *self.reduced(level)), *((1, *corner_shape(finer, k)) for k in range(CODED))]
        self.levels = [0] * len(self.shapes)

    def reduced(self, level: int) -> tuple[int, int]:
        """The shape of the image after so many halvings."""
        return tuple(-(-n >> level) for n in self.shape)

    def means(self, tensors: list[np.ndarray]) -> np.ndarray:
        """The finest of the mean images that `tensors` give."""
        image = from_plane_residual(tensors[0][0], self.values.count) + self.values.low
        for done, first in enumerate(range(1, len(tensors) - CODED, TENSORS), 1):
            remainder, *pixels = (t[0] for t in tensors[first : first + TENSORS])
            image = join(image, remainder, pixels, self.reduced(LEVELS - done), self.values.low, self.values.high)
        return image


class SReC:
    """Files of `folder`: model.json and predict3_1.onnx ... predict1_3.onnx as written by `dicompress export`."""

    name = "srec"
    most_references = 0

    def __init__(self, folder: Path | str | None = None, threads: int = 0, optimise: bool = True, convert=None):
        """convert: applied to every network's bytes before it runs (`runtime.float32.to_float32`, for instance)."""
        self.config, self.hash, self._networks = load(self.name, _network_names, folder, threads, optimise, convert)
        self._coding = {"distribution": self.config["mixture"], "adaptive": self.config["adaptive"]}

    def levels(self, shape: tuple[int, int]) -> int:
        return 0  # a mean image is not the picture at every second pixel

    def header(self, image: np.ndarray, values: Values) -> bytes:
        return scale_header(image)

    def plan(self, header: bytes, shape: tuple[int, int], values: Values, levels: int) -> Plan:
        if values.near:
            raise UnsupportedImageError("srec codes means and their remainders, which bear no error; use another model")
        return Plan(shape, values, scale_of(header))

    def analyse(self, plan: Plan, image: np.ndarray) -> list[np.ndarray]:
        fine_to_coarse = []
        for _ in range(LEVELS):
            means, remainder = halve(image)
            pixels = (image[r::2, c::2] for r, c in CORNERS[:CODED])
            fine_to_coarse.append([np.ascontiguousarray(t, np.int32)[None] for t in (remainder, *pixels)])
            image = means
        residual = plane_residual(image - plan.values.low, plan.values.count)
        return [residual[None], *(t for tensors in reversed(fine_to_coarse) for t in tensors)]

    def predict(self, plan: Plan, k: int, tensors: list[np.ndarray]) -> MixtureTensor:
        components, count = self.config["components"], plan.values.count
        if k == 0:
            parameters = constant_parameters(self.config["prior"], plan.shapes[0])
            return MixtureTensor(parameters, components, plan.scale, -(count // 2), (count - 1) // 2, **self._coding)
        done, pixel = divmod(k - 1, TENSORS)
        number, pixel = LEVELS - done, pixel - 1
        if pixel < 0:
            parameters = constant_parameters(self.config["remainder_priors"][number - 1], plan.shapes[k])
            return MixtureTensor(parameters, REMAINDER_COMPONENTS, 256, *REMAINDER, **self._coding)
        if pixel == 0:
            plan.level = Level(plan.means(tensors), tensors[k - 1][0], plan.scale, plan.values.low, plan.values.high)
        else:
            plan.level.put(tensors[k - 1][0])
        inputs = {"planes": plan.level.known_planes()[None]}
        if plan.context is not None:
            rows, columns = plan.level.base.shape
            inputs["context"] = np.ascontiguousarray(plan.context[..., :rows, :columns])
        parameters, *context = self._networks[network_name(number, pixel)](**inputs)
        plan.context = context[0] if context else None
        base = plan.level.base.astype(np.int32)
        return MixtureTensor(parameters[0], components, plan.scale, plan.values.low, plan.values.high, base, **self._coding)

    def synthesise(self, plan: Plan, tensors: list[np.ndarray]) -> np.ndarray:
        return plan.means(tensors)


def network_name(level: int, pixel: int) -> str:
    """Of the network that predicts a pixel of the blocks of a level, the finest being 1."""
    return f"predict{level}_{pixel + 1}"


def _network_names(config: dict) -> list[str]:
    return [network_name(level, k) for level, k in ORDER]
