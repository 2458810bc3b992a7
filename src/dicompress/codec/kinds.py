"""Kinds of streams: each begins with its own mark, and is a module that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..models import AnyModel
from . import labels, modelled, wide, wrapped
from .info import StreamInfo


class Kind(Protocol):
    """MARK: the first bytes of every stream of this kind. The functions do what those of `codec` do, and raise the same errors."""

    @property
    def MARK(self) -> bytes: ...

    def decode(
        self,
        data: bytes | memoryview,
        *,
        frame: int | None,
        level: int,
        references: Sequence[np.ndarray],
        model: AnyModel | None,
        threads: int,
    ) -> np.ndarray: ...

    def inspect(self, data: bytes | memoryview) -> StreamInfo: ...

    def layout(self, data: bytes | memoryview) -> tuple[tuple[int, ...], np.dtype]: ...


KINDS: tuple[Kind, ...] = (modelled, wrapped, labels, wide)
HOLDING_ALL = labels.MARK, wide.MARK  # one stream of these may hold all frames of a file


def kind_of(data: bytes | memoryview) -> Kind:
    """What reads a stream; of none of ours, what says so."""
    return next((kind for kind in KINDS if bytes(data[: len(kind.MARK)]) == kind.MARK), modelled)
