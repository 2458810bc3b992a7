"""The models of this package, on one thread, without the verification that `dicompress.encode` does by default."""

from __future__ import annotations

import numpy as np

from ..codec import Codec, Encode
from .packages import installed, why_missing

MODELS = {"l3c": "L3C", "srec": "SReC", "reference": "reference", "pyramid": "pyramid"}  # registry: tables
SLOW = ("l3c", "srec", "reference")


def codecs() -> list[Codec]:
    return [_codec(model, name) for model, name in MODELS.items()]


def _codec(model: str, name: str) -> Codec:
    from ...models import by_name

    origin = f"{installed('dicompress')}, weights {by_name(model, threads=1).hash.hex()}"
    missing = why_missing("onnxruntime") if model in SLOW else ""
    return Codec(name, _encoder(model), decode, origin, slow=model in SLOW, missing=missing)


def _encoder(model: str) -> Encode:
    def encode(image: np.ndarray) -> bytes:
        import dicompress

        return dicompress.encode(image, model=model, threads=1, verify=False)

    return encode


def decode(data: bytes, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    import dicompress

    return dicompress.decode(data, threads=1)
