"""What compressing and restoring a file gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.uid import UID


@dataclass(frozen=True)
class Compressed:
    """What `compress_file` gives.

    data: the compressed file. pixels: how many, of all frames. near: by how much a pixel may differ from the original's; 0 for not at
    all. remark: why there is no error although one was allowed. uids: SOP Instance UID of the original and of the derived image,
    if they differ. references: SOP Instance UIDs that the original's elements refer to, if an error was allowed.
    """

    data: bytes
    pixels: int
    near: int
    remark: str | None = None
    uids: tuple[str, str] | None = None
    references: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PassedOn:
    """What `compress_or_pass_on` gives for a file that is better left as it is: `reason` says why.

    is_dicom: False for what is no DICOM file at all. damaged: it is one, but cut short or unreadable. references: as above.
    """

    reason: str
    is_dicom: bool = True
    damaged: bool = False
    references: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Restored:
    """What `restore_file` gives.

    data: the restored file. pixels: how many, of all frames. near: by how much a pixel may differ from the original's; if not 0, the
    file is a derived image. edited: elements were changed after compression; they are kept as changed. remark: None if `data` is
    what was compressed, by its checksum; else why it cannot be (changed elements, no restore record), and what it is instead.
    """

    data: bytes | bytearray
    pixels: int
    near: int
    edited: bool = False
    remark: str | None = None


@dataclass(frozen=True)
class Stripped:
    """What `strip_file` gives. data: the compressed file without its restore record. remark: what cannot be had back without it."""

    data: bytes
    remark: str


@dataclass(frozen=True)
class Transcoded:
    """What `transcode_file` gives.

    data: the file. syntax: its transfer syntax. pixels: how many, of all frames. verified: libraries that read the same values from
    it. remark: what else there is to tell, such as why it is in another syntax than was asked for.
    """

    data: bytes
    syntax: UID
    pixels: int
    verified: tuple[str, ...]
    remark: str | None = None
