"""A store of DICOM objects that compresses behind the scenes (docs/store.md). Needs the extra: store."""

from .outcome import Outcome
from .store import Store

__all__ = ["Outcome", "Store"]
