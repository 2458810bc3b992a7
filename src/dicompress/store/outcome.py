"""What became of an object."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

STORED, SAME, VERSION = "stored", "stored already", "stored as a further version"
COMPRESSED, LEFT, FAILED = "compressed", "left", "failed"
VERIFIED, DAMAGED = "verified", "damaged"
ROLLED_BACK, DELETED, GIVEN = "rolled back", "deleted", "given"


@dataclass(frozen=True)
class Outcome:
    """Of a version of an object. reason: why it was left or failed, or a remark. bytes_in, bytes_out: stored before and after.

    guarantee: what comes back: "bytes" as they came, "pixels" and elements as they came, or "near N": a derived image.
    source: the file that it is of, where there is one. seconds: that it took.
    """

    uid: str
    version: int
    status: str
    reason: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    guarantee: str | None = None
    source: str | None = None
    seconds: float = 0.0

    @property
    def is_bad(self) -> bool:
        return self.status in (FAILED, DAMAGED)

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
