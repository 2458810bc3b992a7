"""Durations, sizes and shares as people write them."""

from __future__ import annotations

import re

from .errors import FileError

SECONDS = {"": 1, "s": 1, "min": 60, "h": 3600, "d": 86400, "day": 86400, "days": 86400}
BYTES = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
SHARES = {"": 1.0, "%": 0.01}


def seconds(value: object) -> float:
    """Of "30 d", "12 h", "10 min" or a number of seconds. FileError."""
    return _number(value, SECONDS, "a duration")


def size(value: object) -> int:
    """In bytes, of "100 kB" or a number. FileError."""
    return int(_number(value, BYTES, "a size"))


def share(value: object) -> float:
    """Above 0, at most 1, of "1 %" or 0.01. FileError."""
    found = _number(value, SHARES, "a share")
    if not 0 < found <= 1:
        raise FileError(f"{value} is no share: above 0, at most 100 %")
    return found


def _number(value: object, units: dict[str, int] | dict[str, float], what: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) *([A-Za-z%]*)", str(value).strip())
    if match is None or match[2] not in units or isinstance(value, bool):
        raise FileError(f"{value!r} is not {what}: a number and one of {', '.join(filter(None, units))}")
    return float(match[1]) * units[match[2]]
