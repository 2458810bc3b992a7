"""The models that are installed. `pyramid` is in the core; another model is a folder beside this file and a line here."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from ..errors import UnknownModelError
from ..native.pyramid import Pyramid
from .base import Model
from .weights import CURRENT, installed

DEFAULT = "pyramid"
CLASSES = {"reference": "Reference", "l3c": "L3C", "srec": "SReC"}  # folder: class, imported when needed
COMPARISON = ("l3c", "srec")  # to measure others against; a later version may have other weights for them


def names() -> list[str]:
    """All models."""
    return [DEFAULT, *CLASSES]


def for_archives() -> list[str]:
    """The models whose streams every later version decodes."""
    return [name for name in names() if name not in COMPARISON]


def by_name(name: str, threads: int = 0) -> Model:
    """The model called `name`, with which streams are written. UnknownModelError if there is none.

    threads: of a model on onnxruntime, 0 for one a core.
    """
    if name == DEFAULT:
        return _pyramid(Pyramid.current())
    if name not in CLASSES:
        raise UnknownModelError(f"no model is called {name!r}; there is {', '.join(names())}")
    return _installed(name, CURRENT[name], threads)


def by_hash(model_hash: bytes, threads: int = 0) -> Model:
    """The model whose hash a stream carries, also with weights of former times. UnknownModelError if it is not installed."""
    name = name_of(model_hash)
    if name == DEFAULT:
        return _pyramid(model_hash)
    if name:
        return _installed(name, model_hash.hex(), threads)
    raise UnknownModelError(
        f"the stream was written by model {model_hash.hex()}, which this version of dicompress does not have; "
        "install the version that wrote it"
    )


@lru_cache(maxsize=64)
def name_of(model_hash: bytes) -> str | None:
    """The name of the model with this hash, None if it is not installed."""
    if model_hash in Pyramid.all_installed():
        return DEFAULT
    return next((name for name in CLASSES if installed(name, model_hash.hex()).is_dir()), None)


@lru_cache(maxsize=None)
def _pyramid(model_hash: bytes) -> Model:
    return Pyramid.installed(model_hash)


@lru_cache(maxsize=None)
def _installed(name: str, model_hash: str, threads: int) -> Model:
    model_class = getattr(import_module(f".{name}", __package__), CLASSES[name])
    model = model_class(installed(name, model_hash), threads=threads)
    if model.hash.hex() != model_hash:
        raise UnknownModelError(f"the files of model {model_hash} ({name}) are not those that were installed: install anew")
    return model
