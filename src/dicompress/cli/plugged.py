"""Commands of other distributions: entry points of the group `dicompress.commands`, each a function as typer takes it.

They are looked for when a command is none of ours or all are listed: that takes a tenth of a start.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup

from ..errors import LAB

GROUP = "dicompress.commands"
OF_LAB = ("bench", "train", "export")
# Of typer's apps; markdown: paragraphs, whatever their lines.
LIKE: dict[str, Any] = {"rich_markup_mode": "markdown", "add_completion": False, "pretty_exceptions_enable": False}


class Commands(TyperGroup):
    """Ours, then the others."""

    def list_commands(self, ctx: Any) -> list[str]:
        ours = super().list_commands(ctx)
        return [*ours, *(name for name in _entry_points() if name not in ours)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or _plugged(cmd_name)


def _plugged(name: str) -> Any:
    """None if there is no such command; exit status 2 if it is one of the lab, which is not installed."""
    point = _entry_points().get(name)
    if point is None and name in OF_LAB:
        print(f"dicompress: {name} needs {LAB}", file=sys.stderr)
        sys.exit(2)
    if point is None:
        return None
    app = typer.Typer(**LIKE)
    app.command(name)(point.load())
    return typer.main.get_command(app)


@cache
def _entry_points() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}
