"""Which other instances a file refers to, wherever in its elements that stands."""

from __future__ import annotations

import re

from .part10 import Part10

# Referenced SOP Instance UID (0008,1155), and in File (0004,1511): in explicit VR, in implicit VR, in big-endian files.
PATTERNS = [
    re.compile(rb"(?:\x08\x00\x55\x11|\x04\x00\x11\x15)(?:UI..|..\x00\x00)([0-9][0-9.]{0,63})", re.DOTALL),
    re.compile(rb"(?:\x00\x08\x11\x55|\x00\x04\x15\x11)UI..([0-9][0-9.]{0,63})", re.DOTALL),
]


def references(part10: Part10) -> frozenset[str]:
    """SOP Instance UIDs. The elements' bytes are searched, not decoded, so that nothing in them can be in the way."""
    content, pixels = memoryview(part10.content), part10.pixels
    parts = [content[part10.body : pixels.element], content[pixels.end :]] if pixels else [content[part10.body :]]
    found = (match for part in parts for pattern in PATTERNS for match in pattern.findall(part))
    return frozenset(uid.decode("ascii") for uid in found)
