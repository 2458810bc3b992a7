"""What is installed here: dicompress and all that it needs, by the metadata that installers leave."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..errors import DicompressError

OURS = "dicompress"


def needed(extras: frozenset[str] = frozenset()) -> dict[str, tuple[Distribution, frozenset[str]]]:
    """dicompress and, transitively, what it needs here: by canonical name, sorted, the distribution and the names of what that needs.

    extras: of dicompress, which are needed, too. DicompressError if something is not installed.
    """
    found: dict[str, tuple[Distribution, frozenset[str]]] = {}
    known: dict[str, frozenset[str]] = {}
    waiting = [(OURS, extras)]
    while waiting:
        name, extras = waiting.pop()
        before = known.get(name)
        if before is not None and extras <= before:
            continue
        known[name] = extras = extras | (before or frozenset())
        try:
            package = distribution(name)
        except PackageNotFoundError:
            raise DicompressError(f"the kit would lack {name}, which is not installed here: pip install {name}") from None
        wanted = _requirements(package, extras)
        found[name] = package, frozenset(needs for needs, _ in wanted)
        waiting += wanted
    return dict(sorted(found.items()))


def _requirements(package: Distribution, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    """Of this platform and Python: canonical names, with extras. DicompressError for an extra that there is not."""
    offered = {canonicalize_name(extra) for extra in package.metadata.get_all("Provides-Extra") or []}
    missing = sorted(extra for extra in extras if canonicalize_name(extra) not in offered)
    if missing and package.name == OURS:
        raise DicompressError(f"{package.name} has no extra {missing[0]!r}; there is {', '.join(sorted(offered))}")
    found = []
    for requirement in map(Requirement, chain(package.requires or [])):
        environments: list[dict[str, str]] = [{"extra": extra} for extra in ("", *sorted(extras))]
        if requirement.marker is None or any(requirement.marker.evaluate(environment) for environment in environments):
            found.append((str(canonicalize_name(requirement.name)), frozenset(requirement.extras)))
    return found
