"""What the entry points of the group `dicompress.models` name. Another model is a folder beside this file and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from dicompress.models import Model

from .weights import CURRENT, installed


@dataclass(frozen=True)
class Family:
    """A model and the folders of its weights (`dicompress.models.Family`). kind: its class, imported when needed."""

    name: str
    kind: str
    for_archives: bool = False  # if not: to measure others against; a later version may have other weights

    @property
    def current(self) -> bytes:
        return bytes.fromhex(CURRENT[self.name])

    def has(self, model_hash: bytes) -> bool:
        return installed(self.name, model_hash.hex()).is_dir()

    def load(self, model_hash: bytes, threads: int) -> Model:
        model_class = getattr(import_module(f".{self.name}", __package__), self.kind)
        model: Model = model_class(installed(self.name, model_hash.hex()), threads=threads)
        return model


reference = Family("reference", "Reference", for_archives=True)
l3c = Family("l3c", "L3C")
srec = Family("srec", "SReC")
