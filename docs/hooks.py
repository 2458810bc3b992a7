"""What the site has beside docs/: documents of the repository's other folders, the reference of the commands, links that fit there."""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PLACES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "core/dicompress.h": "reference/c.md",
    "fuzz/README.md": "fuzzing.md",
    "lab/README.md": "lab.md",
}
COMMANDS = "reference/commands.md"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
FETCHED = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="((?:https?:)?//[^"]*)')
log = logging.getLogger("mkdocs.hooks")  # its warnings fail a strict build


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the documents of other folders, and the commands."""
    for source, place in PLACES.items():
        if source.endswith(".md"):
            files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    files.append(File.generated(config, COMMANDS, content=commands()))
    return files


def commands() -> str:
    """Markdown of all commands, as `--help` tells them."""
    from typer import Context
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    from dicompress.cli.app import app

    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=Context(command, info_name="dicompress"), name="dicompress")
    return text.replace("# `dicompress`", "# Command line", 1)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between documents, as they lie in the repository, to links between pages; what is no page stays as text."""
    place = page.file.src_uri
    source = next((s for s, p in PLACES.items() if p == place), f"docs/{place}")

    def link(match: re.Match[str]) -> str:
        text, target = match.groups()
        path, _, anchor = target.partition("#")
        if not path or ":" in path:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        found = PLACES.get(path) or path.removeprefix("docs/")
        if files.get_file_from_path(found):
            return f"[{text}]({posixpath.relpath(found, posixpath.dirname(place))}{'#' * bool(anchor)}{anchor})"
        if not (ROOT / path).exists():
            log.warning("%s: there is no %s", source, target)
        return text

    return LINK.sub(link, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """A page needs nothing from the network."""
    for address in FETCHED.findall(output):
        log.warning("%s fetches %s", page.file.src_uri, address)
    return output
