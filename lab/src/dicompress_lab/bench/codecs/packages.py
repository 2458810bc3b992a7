"""Which optional packages are here, found without importing them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path


def why_missing(package: str, distribution: str = "", part: str = "") -> str:
    """Why `package` cannot be used; empty if it can. part: a compiled module inside it that not every build has."""
    spec = find_spec(package)
    if spec is None:
        return f"needs {distribution or package}: pip install {distribution or package}"
    if part and not any(next(Path(place).glob(f"_{part}.*"), None) for place in spec.submodule_search_locations or ()):
        return f"this {package} has no {part}: pip install -U {distribution or package}"
    return ""


def installed(distribution: str) -> str:
    """A package with its version, without one if it is not installed."""
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return distribution
