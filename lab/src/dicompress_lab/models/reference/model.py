"""`reference` behind the codec's three functions. Tensors: thumbnail residual, z(3), z(2), z(1), the image."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dicompress.coder import MixtureTensor, constant_parameters
from dicompress.models import Values

from ..weights import load
from . import normalise

ZERO = 128  # of uint8 activations
LEVEL = 4  # activation steps between two levels of z
FINE = 8  # steps of E's output between two levels of z
DEAD_ZONE = 410  # 1/4096 of a level: how far the prediction draws z before it is rounded
CODING = {"mixture": "distribution", "adaptive": "adaptive"}  # model.json: MixtureTensor; where it says nothing, the defaults


@dataclass
class Plan:
    """One image's normalisation and what has been computed on the way."""

    shape: tuple[int, int]
    values: Values
    scale: int
    shapes: list[tuple[int, int, int]]
    levels: list[int]
    base: np.ndarray | None = None  # padded (rows, columns), 1/256 of a pixel value
    context: np.ndarray | None = None  # from the predictor run last
    ready: dict[int, MixtureTensor] = field(default_factory=dict)  # what `analyse` predicted on its way

    def surface(self, residual: np.ndarray) -> np.ndarray:
        """The base, from tensor 0."""
        if self.base is None:
            small = normalise.from_plane_residual(residual[0], self.values.count)
            self.base = normalise.base(small + self.values.low)
        return self.base


class Reference:
    """Files of `folder`: model.json, extract.onnx, predict1.onnx ... as written by `dicompress export`."""

    name = "reference"
    most_references = 0

    def __init__(self, folder: Path | str | None = None, threads: int = 0, optimise: bool = True, convert=None):
        """convert: applied to every network's bytes before it runs (`runtime.float32.to_float32`, for instance)."""
        self.config, self.hash, self._networks = load(self.name, _network_names, folder, threads, optimise, convert)
        self.scales, self.half = self.config["scales"], self.config["levels"] // 2
        self._coding = {key: self.config[name] for name, key in CODING.items() if name in self.config}

    def levels(self, shape: tuple[int, int]) -> int:
        return 0  # z and the thumbnail are no pixels

    def header(self, image: np.ndarray, values: Values) -> bytes:
        return normalise.scale_header(image, values.near)

    def plan(self, header: bytes, shape: tuple[int, int], values: Values, levels: int) -> Plan:
        scale = normalise.scale_of(header)
        rows, columns = (-(-n // normalise.BLOCK) for n in shape)
        latent = [(self.config["channels"], rows << s, columns << s) for s in range(self.scales)]
        shapes = [(1, rows, columns), *latent, (1, *shape)]
        return Plan(shape, values, scale, shapes, [0] * len(shapes))

    def analyse(self, plan: Plan, image: np.ndarray) -> list[np.ndarray]:
        padded = normalise.pad(image)
        residual = normalise.plane_residual(normalise.thumbnail(padded) - plan.values.low, plan.values.count)[None]
        pixels = normalise.network_input(padded, plan.surface(residual), plan.scale)
        fine = self._networks["extract"](pixels=pixels[None, None].astype(np.float32))
        tensors = [residual]
        for k, z in enumerate(reversed(fine), 1):
            plan.ready[k] = self.predict(plan, k, tensors)
            tensors.append(self._to_levels(z[0].astype(np.int32) - ZERO, plan.ready[k]))
        return [*tensors, image[None].astype(np.int32)]

    def _to_levels(self, fine: np.ndarray, mixture: MixtureTensor) -> np.ndarray:
        """Round z, in eighths of a level, near-ties towards the mean of the heaviest component (as in training)."""
        channels, rows, columns = fine.shape
        logits, means, _ = np.moveaxis(mixture.parameters.reshape(channels, 3, -1, rows, columns), 1, 0)
        mean = np.take_along_axis(means, logits.argmax(1, keepdims=True), 1)[:, 0]
        z = fine * np.float32(4096 / FINE)  # integers below 2**24, as the parameters
        z = np.rint((z - np.clip(z - mean, -DEAD_ZONE, DEAD_ZONE)) / np.float32(4096))
        return np.clip(z, -self.half, self.half).astype(np.int32)

    def predict(self, plan: Plan, k: int, tensors: list[np.ndarray]) -> MixtureTensor:
        if k in plan.ready:
            return plan.ready.pop(k)
        if k == 0:
            count = plan.values.count
            parameters = constant_parameters(self.config["thumbnail_prior"], plan.shapes[0])
            low, high = -(count // 2), (count - 1) // 2
            return MixtureTensor(parameters, self.config["components"], plan.scale, low, high, **self._coding)
        if k == 1:
            parameters = constant_parameters(self.config["prior"], plan.shapes[1])
        else:
            z = (tensors[k - 1][None] * LEVEL + ZERO).astype(np.uint8)
            inputs = {"z": z} if plan.context is None else {"z": z, "context": plan.context}
            parameters, *context = self._networks[f"predict{self.scales + 2 - k}"](**inputs)
            parameters, plan.context = parameters[0], context[0] if context else None
        if k <= self.scales:
            components = self.config["latent_components"]
            return MixtureTensor(parameters, components, 256, -self.half, self.half, **self._coding)
        base, components, values = plan.surface(tensors[0]), self.config["components"], plan.values
        bound = {"near": values.near, "exact": values.exact}
        return MixtureTensor(parameters, components, plan.scale, values.low, values.high, base, **bound, **self._coding)

    def synthesise(self, plan: Plan, tensors: list[np.ndarray]) -> np.ndarray:
        return tensors[-1][0]


def _network_names(config: dict) -> list[str]:
    return ["extract", *(f"predict{s}" for s in range(1, config["scales"] + 1))]
