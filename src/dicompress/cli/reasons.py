"""Equal reasons, told for a few files and counted for all."""

from __future__ import annotations

import re
from collections.abc import Iterable

TOLD = 3  # files of a kind
# Tags stay; what is quoted, and numbers, are what reasons of one kind differ in.
_VARIES = re.compile(r"""(\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\))|(?<!\w)'[^']*'(?!\w)|"[^"]*"|(?<!\w)-?\d[\d.]*""")


def kind_of(text: str, names: Iterable[str | None] = ()) -> str:
    """The text without numbers, quotations and these names."""
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(name, "…")
    return _VARIES.sub(lambda match: match[1] or ("…" if match[0][0] in "'\"" else "N"), text)


class Tally:
    """Texts by kind. most: how many are told at all."""

    def __init__(self, told: int = TOLD, most: int | None = None):
        self.told, self.most, self.lines = told, most, 0
        self.texts: dict[str, tuple[str | None, int]] = {}  # of a kind: the text, if all are equal; how many; how many told
        self.untold: set[str] = set()

    def add(self, text: str, names: Iterable[str | None] = ()) -> bool:
        """Count it. Whether it is to be told."""
        kind = kind_of(text, names)
        same, count = self.texts.get(kind, (text, 0))
        self.texts[kind] = (text if same == text else None, count + 1)
        if count >= self.told or (self.most is not None and self.lines >= self.most):
            self.untold.add(kind)
            return False
        self.lines += 1
        return True

    def summary(self) -> list[tuple[int, str]]:
        """(how many files, the text or its kind) of those that were not all told, the most frequent first."""
        counted = [(count, text or kind) for kind, (text, count) in self.texts.items() if kind in self.untold]
        return sorted(counted, key=lambda item: (-item[0], item[1]))
