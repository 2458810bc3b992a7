"""What is to be done to files, and what became of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..dicom import Allowance

COMPRESSED, RESTORED, VERIFIED, STRIPPED, TRANSCODED = "compressed", "restored", "verified", "stripped", "transcoded"
DONE = {  # by action
    "compress": COMPRESSED, "pack": COMPRESSED, "decompress": RESTORED, "unpack": RESTORED, "extract": RESTORED, "verify": VERIFIED,
    "strip": STRIPPED, "transcode": TRANSCODED,
}  # fmt: skip
KEPT, PASSED_ON, SKIPPED, FAILED = "kept", "passed on", "skipped", "failed"
COPY, SKIP, FAIL = "copy", "skip", "fail"  # what to do with files that are no DICOM


@dataclass(frozen=True)
class Job:
    """What a worker does to a file. action: a key of DONE. model: None for the default. allowance: of errors in pixels.

    record: write a restore record.
    resume: keep targets that are what the source gives, do damaged ones again. force: replace whatever else is there.
    in_place: results replace their sources. others: COPY, SKIP or FAIL; None: FAIL for files named as sources, else COPY.
    to: of `transcode`, one of its targets. manifest: tell what `manifest` needs of each file.
    """

    action: str
    model: str | None = None
    force: bool = False
    resume: bool = False
    threads: int = 0
    allowance: Allowance | None = None
    record: bool = True
    in_place: bool = False
    others: str | None = None
    to: str = ""
    manifest: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. reason: why it was passed on or failed, or a remark.

    is_dicom, damaged: as in `PassedOn`. old_uid, new_uid: SOP Instance UIDs, where they differ. warnings: of libraries.
    references: SOP Instance UIDs that the file refers to. verified_by: libraries that read the same values from a transcoded file.
    manifest: what a line of it tells of the bytes, if there is one.
    """

    source: str
    target: str | None
    status: str
    reason: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    pixels: int = 0
    seconds: float = 0.0
    is_dicom: bool = True
    damaged: bool = False
    old_uid: str | None = None
    new_uid: str | None = None
    warnings: tuple[str, ...] = ()
    references: frozenset[str] = frozenset()
    verified_by: tuple[str, ...] = ()
    manifest: dict[str, Any] | None = None

    @property
    def is_bad(self) -> bool:
        return self.status == FAILED or self.damaged

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return {name: value for name, value in asdict(self).items() if name not in ("references", "manifest")}


def exit_status(outcomes: list[Outcome]) -> int:
    return int(any(o.is_bad for o in outcomes))


def totals(outcomes: list[Outcome]) -> dict[str, float]:
    """Counts, bytes and pixels of a batch. The ratio counts whatever was kept or passed on, too."""
    written = [o for o in outcomes if o.status not in (FAILED, SKIPPED)]
    bytes_in, bytes_out = sum(o.bytes_in for o in written), sum(o.bytes_out for o in written)
    passed_on = [o for o in outcomes if o.status == PASSED_ON]
    return {
        "done": sum(o.status in DONE.values() for o in outcomes),
        "remarked": sum(o.status in DONE.values() and o.reason is not None for o in outcomes),
        **{status: sum(o.status == status and not o.damaged for o in outcomes) for status in (KEPT, SKIPPED, FAILED)},
        PASSED_ON: sum(o.is_dicom and not o.damaged for o in passed_on),
        "damaged": sum(o.damaged for o in outcomes),
        "others": sum(not o.is_dicom for o in passed_on),
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
        "ratio": bytes_in / bytes_out if bytes_out else 1.0,
        "pixels": sum(o.pixels for o in written),
    }
