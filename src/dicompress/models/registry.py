"""The models that are installed: `pyramid`, which is in the core, and what other distributions have.

Each of these is an entry point of the group `dicompress.models`: a name and a `Family`. They are looked for only when a name or a
hash is not pyramid's: that takes as long as decoding a small image.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Protocol

from ..errors import LAB, UnknownModelError
from ..native.pyramid import Pyramid
from .base import AnyModel, Model

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DEFAULT = "pyramid"
GROUP = "dicompress.models"


class Family(Protocol):
    """A model with all its weights that are installed; they stay when newer ones come."""

    current: bytes  # the hash of those with which streams are written
    for_archives: bool  # whether every later version decodes its streams

    def has(self, model_hash: bytes) -> bool:
        """Whether weights with this hash are installed."""

    def load(self, model_hash: bytes, threads: int) -> Model:
        """The model with these weights, which are installed. threads: that its networks may take, 0 for one a core."""


def names() -> list[str]:
    """All models."""
    return [DEFAULT, *(name for name in _others() if name != DEFAULT)]


def for_archives() -> list[str]:
    """The models whose streams every later version decodes."""
    return [name for name in names() if name == DEFAULT or _family(name).for_archives]


def by_name(name: str, threads: int = 0) -> AnyModel:
    """The model called `name`, with which streams are written. UnknownModelError if there is none.

    threads: of a model that is not in the core, 0 for one a core.
    """
    if name == DEFAULT:
        return _pyramid(Pyramid.current())
    if name not in _others():
        hint = "" if _others() else f"; {LAB} has more"
        raise UnknownModelError(f"no model is called {name!r}; there is {', '.join(names())}{hint}")
    return _loaded(name, _family(name).current, threads)


def by_hash(model_hash: bytes, threads: int = 0) -> AnyModel:
    """The model whose hash a stream carries, also with weights of former times. UnknownModelError if it is not installed."""
    name = name_of(model_hash)
    if name == DEFAULT:
        return _pyramid(model_hash)
    if name:
        return _loaded(name, model_hash, threads)
    raise UnknownModelError(
        f"the stream was written by model {model_hash.hex()}, which is not installed: install the version of dicompress that "
        f"wrote it or, if it was none of dicompress's own models, {LAB}"
    )


@lru_cache(maxsize=64)
def name_of(model_hash: bytes) -> str | None:
    """The name of the model with this hash, None if it is not installed."""
    if model_hash in Pyramid.all_installed():
        return DEFAULT
    return next((name for name in names()[1:] if _family(name).has(model_hash)), None)


@cache
def _pyramid(model_hash: bytes) -> Pyramid:
    model = Pyramid.installed(model_hash)
    assert model is not None  # its hash is one of those that are installed
    return model


@cache
def _loaded(name: str, model_hash: bytes, threads: int) -> Model:
    model = _family(name).load(model_hash, threads)
    if model.hash != model_hash:
        raise UnknownModelError(f"the files of model {model_hash.hex()} ({name}) are not those that were installed: install anew")
    return model


@cache
def _others() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def _family(name: str) -> Family:
    family: Family = _others()[name].load()
    return family
