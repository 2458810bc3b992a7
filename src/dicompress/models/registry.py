"""The models that are installed. A new model is a folder beside this file and a line here."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from ..errors import UnknownModelError
from .base import Model

DEFAULT = "pyramid"
CLASSES = {"pyramid": "Pyramid", "reference": "Reference", "l3c": "L3C", "srec": "SReC"}  # folder: class, imported when needed
COMPARISON = ("l3c", "srec")  # to measure others against; a later version may have other weights for them


def names() -> list[str]:
    """All models."""
    return list(CLASSES)


def for_archives() -> list[str]:
    """The models whose streams every later version decodes."""
    return [name for name in CLASSES if name not in COMPARISON]


@lru_cache(maxsize=None)
def by_name(name: str, threads: int = 0) -> Model:
    """The model called `name`; threads: 0 for one a core. UnknownModelError if there is none."""
    if name not in CLASSES:
        raise UnknownModelError(f"no model is called {name!r}; there is {', '.join(names())}")
    return getattr(import_module(f".{name}", __package__), CLASSES[name])(threads=threads)


def by_hash(model_hash: bytes, threads: int = 0) -> Model:
    """The model whose hash a stream carries. UnknownModelError if it is not installed."""
    for name in names():
        model = by_name(name, threads)
        if model.hash == model_hash:
            return model
    raise UnknownModelError(
        f"the stream was written by model {model_hash.hex()}, which this version of dicompress does not have; "
        "install the version that wrote it"
    )
