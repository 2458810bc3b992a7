"""A headless Chromium, a built OHIF, and what both need; tests are skipped where one is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

OHIF = "3.13.2"
VARIABLE = "DICOMPRESS_OHIF"  # of the environment: a built OHIF's folder
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dicompress" / f"ohif-{OHIF}" / "dist"
)  # as .ci/run makes it
HOW = f"npm pack @ohif/app@{OHIF}; tar -xzf ohif-app-{OHIF}.tgz --exclude=package/dist/ort package/dist; export {VARIABLE}=$PWD/package/dist"
DRAWING = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")  # WebGL without a graphics card


def built_ohif() -> Path:
    folder = Path(os.environ.get(VARIABLE) or CACHE)
    if not (folder / "index.html").is_file():
        pytest.skip(f"OHIF is not there: {HOW}")
    return folder


@contextmanager
def chromium() -> Iterator:
    """A browser of playwright's."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=[*DRAWING, *root])
        try:
            yield browser
        finally:
            browser.close()
