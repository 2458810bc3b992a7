"""What is to be done to files, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
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
    to: of `transcode`, one of its targets. manifest: tell what `manifest` needs of each file. dry: nothing is written.
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
    dry: bool = False


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


class Totals:
    """What is told of all outcomes of a run, without keeping them: counts, bytes and pixels; of `pack` the names of archives."""

    def __init__(self, action: str, outcomes: Iterable[Outcome] = ()):
        self.action = action
        self.count, self.bytes_in, self.bytes_out, self.pixels = 0, 0, 0, 0
        self.kinds = Counter[str]()
        self.is_bad, self.in_place = False, True
        self.readers, self.archives = set[str](), set[str]()
        for outcome in outcomes:
            self.add(outcome)

    def add(self, outcome: Outcome) -> None:
        self.count += 1
        self.is_bad |= outcome.is_bad
        self.in_place &= outcome.target in (None, outcome.source)
        self.readers.update(outcome.verified_by)
        if self.action == "pack" and outcome.target and outcome.status != FAILED:
            self.archives.add(outcome.target)
        for kind in self._kinds(outcome):
            self.kinds[kind] += 1
        if outcome.status in (FAILED, SKIPPED):
            return
        self.bytes_in, self.bytes_out = self.bytes_in + outcome.bytes_in, self.bytes_out + outcome.bytes_out
        self.pixels += outcome.pixels

    def _kinds(self, outcome: Outcome) -> Iterator[str]:
        if outcome.status in DONE.values():
            yield "done"
            if outcome.reason is not None:
                yield "remarked"
        elif outcome.status == PASSED_ON and not outcome.damaged and outcome.is_dicom:
            yield PASSED_ON
        elif outcome.status in (KEPT, SKIPPED, FAILED) and not outcome.damaged:
            yield outcome.status
        if outcome.damaged:
            yield "damaged"
        if outcome.status == PASSED_ON and not outcome.is_dicom:
            yield "others"

    def facts(self) -> dict[str, float]:
        """The ratio counts whatever was kept or passed on, too."""
        kinds = ("done", "remarked", KEPT, SKIPPED, FAILED, PASSED_ON, "damaged", "others")
        ratio = self.bytes_in / self.bytes_out if self.bytes_out else 1.0
        sizes = {"bytes_in": self.bytes_in, "bytes_out": self.bytes_out, "ratio": ratio, "pixels": self.pixels}
        return {kind: self.kinds[kind] for kind in kinds} | sizes

    def exit_status(self) -> int:
        return int(self.is_bad)
