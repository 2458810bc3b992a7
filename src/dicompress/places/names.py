"""Paths below a folder, as others wrote them."""

from __future__ import annotations

import os


def is_inside(path: str) -> bool:
    """Whether a path with slashes leads into the folder that it is put behind, on this system."""
    foreign = (os.sep, ":") if os.sep != "/" else ()
    return not any(part in ("", ".", "..") for part in path.split("/")) and not any(c in path for c in ("\0", *foreign))
