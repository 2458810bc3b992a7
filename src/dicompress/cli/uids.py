"""SOP Instance UIDs that changed in a run: the map of them, and files that still refer to old ones."""

from __future__ import annotations

from pathlib import Path

from ..disk import targets
from .outcome import Outcome


def changed(outcomes: list[Outcome]) -> dict[str, str]:
    """old -> new."""
    return {o.old_uid: o.new_uid for o in outcomes if o.old_uid and o.new_uid}


def write_map(path: Path, outcomes: list[Outcome]) -> None:
    """A line for each: old, tab, new. FileError."""
    pairs = {(o.old_uid, o.new_uid) for o in outcomes if o.new_uid}
    targets.write(path, "".join(f"{old}\t{new}\n" for old, new in sorted(pairs)).encode())


def stale_references(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    """(file, what it refers to that is now another object)."""
    new, found = changed(outcomes), []
    for outcome in outcomes:
        stale = sorted(outcome.references & new.keys())
        if stale:
            more = f" (and {len(stale) - 1} more such)" if len(stale) > 1 else ""
            found.append((outcome.target or outcome.source, f"refers to {stale[0]}, which is now {new[stale[0]]}{more}"))
    return found
