"""Which objects are compressed, how, and when: the rules of a store (rules.toml). The first rule that fits an object decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .. import units
from ..dicom import Allowance
from ..errors import FileError
from .config import read

LOSSLESS, NEAR, LEAVE = "lossless", "near", "leave"
KEYS = ("modality", "sender", "larger", "smaller", "age", "do", "near", "near_hu", "same")
BYTES, PIXELS = "bytes", "pixels"
DEFAULT = """# What is compressed, how and when: the first rule that fits an object decides; without one it is left.
#   modality, sender   a pattern (* and ?) or a list of them; sender is what `put --sender` or a server says
#   larger, smaller    than so many bytes: "100 kB"
#   age                since it was put: "30 d", "12 h"
#   do                 "lossless"; "near" with near = N (stored values) or near_hu = X; "leave"
#   same               "bytes" (default): only what gives the same file back; "pixels": also what gives the same pixels and elements

[[rule]]
do = "lossless"
"""


@dataclass(frozen=True)
class Plan:
    """What is to be done with an object, and how long after it was put. do: LOSSLESS, NEAR or LEAVE. same: what must come back."""

    do: str = LEAVE
    near: int | None = None
    near_hu: float | None = None
    same: str = BYTES
    age: float = 0

    @property
    def allowance(self) -> Allowance | None:
        return Allowance(self.near, self.near_hu) if self.do == NEAR else None

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Plan:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Rule:
    plan: Plan
    modality: Sequence[str] = ("*",)
    sender: Sequence[str] = ("*",)
    larger: int = -1
    smaller: int | None = None

    def fits(self, modality: str, sender: str, size: int) -> bool:
        return (
            any(fnmatchcase(modality, pattern) for pattern in self.modality)
            and any(fnmatchcase(sender, pattern) for pattern in self.sender)
            and self.larger < size
            and (self.smaller is None or size < self.smaller)
        )


@dataclass(frozen=True)
class Rules:
    """digest: of the file, to see that it changed."""

    rules: Sequence[Rule] = field(default_factory=list)
    digest: str = ""

    def plan(self, modality: str | None, sender: str, size: int) -> Plan:
        return next((rule.plan for rule in self.rules if rule.fits(modality or "", sender, size)), Plan())


def load(path: Path) -> Rules:
    """FileError, with the number of the rule that is wrong."""
    values = read(path, f"{path} is missing: it has the store's rules")
    if values.keys() - {"rule"}:
        raise FileError(f"{path}: it has [[rule]]s only, no {', '.join(values.keys() - {'rule'})}")
    found = []
    for number, rule in enumerate(values.get("rule", []), 1):
        try:
            found.append(_rule(rule))
        except FileError as error:
            raise FileError(f"{path}, rule {number}: {error}") from None
    return Rules(found, hashlib.sha256(path.read_bytes()).hexdigest())


def _rule(values: Mapping[str, Any]) -> Rule:
    unknown = values.keys() - set(KEYS)
    if unknown:
        raise FileError(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(KEYS)}")
    do, same = values.get("do"), values.get("same", BYTES)
    if do not in (LOSSLESS, NEAR, LEAVE) or same not in (BYTES, PIXELS):
        raise FileError(f'do is "{LOSSLESS}", "{NEAR}" or "{LEAVE}", same is "{BYTES}" or "{PIXELS}"')
    if (do == NEAR) != bool(values.keys() & {"near", "near_hu"}):
        raise FileError(f'near or near_hu go with do = "{NEAR}", and it with one of them')
    plan = Plan(do, values.get("near"), values.get("near_hu"), same, units.seconds(values.get("age", 0)))
    try:
        _ = plan.allowance
    except ValueError as error:
        raise FileError(str(error)) from None
    smaller = units.size(values["smaller"]) if "smaller" in values else None
    larger = units.size(values["larger"]) if "larger" in values else -1
    return Rule(plan, _patterns(values, "modality"), _patterns(values, "sender"), larger, smaller)


def _patterns(values: Mapping[str, Any], name: str) -> Sequence[str]:
    found = values.get(name, "*")
    patterns = [found] if isinstance(found, str) else found
    if not isinstance(patterns, list) or not all(isinstance(one, str) for one in patterns):
        raise FileError(f"{name} is a pattern or a list of them")
    return patterns
