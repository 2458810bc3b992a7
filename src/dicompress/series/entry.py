"""What an archive says of each file in it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import Any

from ..errors import StreamError

SLICE, WHOLE, KEPT = "slice", "compressed", "kept"  # how a file is kept
OF_THE_INDEX = ("sha256",)  # facts that stand there only
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
MOST_REFERENCES = 2
LONGEST = 1 << 28  # bytes of the facts of a million files
TIMES = 1 << 63  # ns


@dataclass(frozen=True)
class Entry:
    """A file of an archive.

    number: of the file in the archive, in the order of writing, from 0. path: with slashes, as it is given back. size, sha256: of the
    file that comes back, the latter empty where the index is lost; original_size, original_sha256: of the one that was packed, None
    where they are the same. guarantee: what comes back, as in `dicompress info`. near: by how much a pixel may
    differ. reason: why the file is kept as it was, or a remark.

    method: SLICE, elements and a stream of pixels; WHOLE, the file that `compress` makes; KEPT, its bytes. references: the entries, by
    number, whose pixels the stream leans on. group, place: of files whose pixels are alike, and the slice's place in their order, a fraction for one that
    came late.
    frames: None for a single image. shape, dtype: of its frames, as stored.
    form: how pixels lie in the file (SLICE only).
    """

    number: int
    path: str
    size: int
    method: str
    sha256: str = ""
    uid: str = ""
    guarantee: int = 1
    near: int = 0
    original_size: int | None = None
    original_sha256: str | None = None
    original_uid: str | None = None
    mode: int | None = None
    mtime_ns: int | None = None
    references: tuple[int, ...] = ()
    group: int = 0
    place: float = 0
    frames: int | None = None
    shape: tuple[int, int] | None = None
    dtype: str | None = None
    form: dict[str, int] | None = None
    reason: str | None = None
    is_dicom: bool = True
    damaged: bool = False

    def facts(self) -> dict[str, Any]:
        """For JSON, and the index: what is not as it usually is."""
        found = {f.name: (getattr(self, f.name), f.default) for f in fields(self)}
        return {name: value for name, (value, usual) in found.items() if value != usual}

    @classmethod
    def of(cls, facts: Any) -> Entry:
        """Inverse of `facts`. StreamError for nonsense."""
        try:
            named = {**facts}
            for name in ("references", "shape"):
                if named.get(name) is not None:
                    named[name] = tuple(named[name])
            entry = cls(**named)
            sound = entry._is_sound()
        except (TypeError, ValueError, AttributeError):
            sound = False
        if not sound:
            raise StreamError("an entry of the archive is none")
        return entry

    def _is_sound(self) -> bool:
        texts = (self.path, self.sha256, self.uid)
        perhaps = (self.original_uid, self.original_sha256, self.reason)
        numbers = (self.number, self.size, self.guarantee, self.near, self.group, *self.references)
        form = self.form or {}
        return (
            self.method in (SLICE, WHOLE, KEPT)
            and all(isinstance(text, str) for text in texts)
            and all(text is None or isinstance(text, str) for text in perhaps)
            and all(map(_is_count, numbers))
            and all(n is None or _is_count(n) for n in (self.original_size, self.mode, self.frames))
            and self.guarantee <= 2 and (self.mode or 0) <= 0o7777
            and (self.mtime_ns is None or (isinstance(self.mtime_ns, int) and -TIMES <= self.mtime_ns < TIMES))
            and isinstance(self.place, (int, float)) and math.isfinite(self.place)
            and len(self.references) <= MOST_REFERENCES and self.number not in self.references
            and all(isinstance(name, str) and _is_count(value) for name, value in form.items()) and form.get("level", 0) <= 9
            and (self.method != SLICE or self._has_pixels())
        )  # fmt: skip

    def _has_pixels(self) -> bool:
        shape = self.shape
        return (
            shape is not None
            and len(shape) == 2
            and all(_is_count(n) and n for n in shape)
            and self.dtype in DTYPES
            and self.frames != 0
        )

    def encode(self) -> bytes:
        """For the part itself, which says what it is without the index; checksums of the whole file are the index's."""
        return to_json({name: value for name, value in self.facts().items() if name not in OF_THE_INDEX})

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        return cls.of(from_json(data))


def to_json(facts: Any) -> bytes:
    return json.dumps(facts, separators=(",", ":")).encode("ascii")


def from_json(data: bytes) -> Any:
    """StreamError for nonsense."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise StreamError("facts of the archive are damaged") from None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62
