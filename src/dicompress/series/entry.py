"""What an archive says of each file in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import StreamError

SLICE, WHOLE, KEPT = "slice", "compressed", "kept"  # how a file is kept
OF_THE_INDEX = ("sha256",)  # facts that stand there only
TIMES = 1 << 63  # ns


@dataclass(frozen=True)
class Entry:
    """A file of an archive.

    number: of the file in the archive, in the order of writing, from 0. path: with slashes, as it is given back. size, sha256: of the
    file that comes back, the latter empty where the index is lost; original_size, original_sha256: of the one that was packed, None
    where they are the same. guarantee: what comes back, as in `dicompress info`. near: by how much a pixel may
    differ. reason: why the file is kept as it was, or a remark.

    method: SLICE, elements and a stream of pixels; WHOLE, the file that `compress` makes; KEPT, its bytes. references: the entries, by
    number, whose pixels the stream leans on. group, place: of files whose pixels are alike, and the slice's place in their order.
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
    place: int = 0
    frames: int | None = None
    shape: tuple[int, int] | None = None
    dtype: str | None = None
    form: dict[str, int] | None = None
    reason: str | None = None
    is_dicom: bool = True
    damaged: bool = False

    def facts(self) -> dict[str, Any]:
        """For JSON, and the index: what is not as it usually is."""
        usual = {f.name: f.default for f in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @classmethod
    def of(cls, facts: Any) -> Entry:
        """Inverse of `facts`. StreamError for nonsense."""
        try:
            named = {**facts}
            for name in ("references", "shape"):
                if named.get(name) is not None:
                    named[name] = tuple(int(n) for n in named[name])
            entry = cls(**named)
            sound = (
                entry.method in (SLICE, WHOLE, KEPT)
                and all(isinstance(text, str) for text in (entry.path, entry.sha256, entry.uid))
                and all(isinstance(n, int) and n >= 0 for n in (entry.number, entry.size, entry.guarantee, entry.near, entry.group, entry.place))
                and entry.guarantee <= 2
                and all(n >= 0 for n in entry.references)
                and (entry.mode is None or (isinstance(entry.mode, int) and 0 <= entry.mode <= 0o7777))
                and (entry.mtime_ns is None or (isinstance(entry.mtime_ns, int) and -TIMES <= entry.mtime_ns < TIMES))
            )
        except (TypeError, ValueError):
            sound = False
        if not sound:
            raise StreamError("an entry of the archive is none")
        return entry

    def encode(self) -> bytes:
        """For the part itself, which says what it is without the index; checksums of the whole file are the index's."""
        facts = {name: value for name, value in self.facts().items() if name not in OF_THE_INDEX}
        return json.dumps(facts, separators=(",", ":")).encode("ascii")

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        try:
            return cls.of(json.loads(data))
        except ValueError:
            raise StreamError("an entry of the archive is none") from None
