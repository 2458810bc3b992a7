"""Print bytes and seconds to the early and the exact picture of files in OHIF over a thin line, for docs/service.md.

    python lab/benchmarks/viewer.py OHIF FILE ... [--line 1] [--delay 40] [--rounds 3]

OHIF: the folder of a built one. The files are stored and compressed, where that gives back at least the same pixels, and served by a
gateway on this machine; a headless Chromium opens the study of each, with its line throttled to so many Mbit/s and its delay in ms. OHIF's own
files are in its cache already; what they take is printed first. Seconds are those from the request of the first picture to when it is drawn
and the sign says what it is, the best of the rounds; "opened" those from opening the page. Each round asks a gateway that has decoded nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
from playwright.sync_api import BrowserContext, sync_playwright
from pydicom.data import get_testdata_file

from dicompress.server.serve import Gateway
from dicompress.server.settings import Settings
from dicompress.store import Store, worker

RULES = '[[rule]]\ndo = "lossless"\nsame = "pixels"\n'
WAIT = 300_000  # ms
SIGN = "document.querySelector('.dicompress-sign')?.dataset.quality"
DRAWN = """
    window.drawn = {};
    document.addEventListener('CORNERSTONE_IMAGE_RENDERED', () => requestAnimationFrame(() => {
      const quality = document.querySelector('.dicompress-sign')?.dataset.quality;
      if (quality) window.drawn[quality] ??= performance.now();
    }), true);
"""


def main() -> None:
    arguments = parsed()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    rounds = [measured(arguments, first=number == 0) for number in range(arguments.rounds)]
    print("| image | stored | early | exact | early of exact | early, s | exact, s | opened, early, s | opened, exact, s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for found in zip(*rounds):
        title, stored, early, exact, *_ = found[0]
        times = (f"{min(one[k] for one in found):.1f}" for k in range(4, 8))
        print(f"| {title} | {stored:,} | {early:,} | {exact:,} | {100 * early / exact:.1f} % | {' | '.join(times)} |")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ohif", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--line", type=float, default=1.0, help="Mbit/s")
    parser.add_argument("--delay", type=float, default=40.0, help="ms")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def measured(arguments: argparse.Namespace, first: bool) -> list[tuple[Any, ...]]:
    """(title, bytes stored, of the early picture, of the exact one, seconds to both, and since opening) of each file."""
    with tempfile.TemporaryDirectory() as folder, Store.create(Path(folder) / "store", text=RULES) as store:
        other = Path(get_testdata_file("CT_small.dcm"))  # brings OHIF's files into the browser's cache
        for path in (other, *arguments.files):
            store.put(path.read_bytes())
        outcomes = []
        worker.compress_due(store, 1, outcomes.append)
        sizes = {outcome.uid: outcome.bytes_out or outcome.bytes_in for outcome in outcomes}
        with Gateway(store, Settings(web_port=0, dicom_port=0, viewer=arguments.ohif)) as gateway, browser() as context:
            url = f"http://127.0.0.1:{gateway.web_port}"
            own = opened(context, url, other, None)
            if first:
                total = sum(one["transferSize"] for one in own["resources"] if "/studies" not in one["name"])
                print(f"OHIF's own files, once: {total:,} bytes")
            return [row(path, sizes, opened(context, url, path, arguments)) for path in arguments.files]


def row(path: Path, sizes: dict[str, int], found: dict[str, Any]) -> tuple[Any, ...]:
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    title = f"{dataset.Modality} {dataset.Columns} × {dataset.Rows}, {dataset.BitsStored} bits ({path.stem})"
    early, exact = (next(one for one in found["resources"] if part in one["name"]) for part in ("/early/1", "/frames/1"))
    begin, drawn = early["startTime"], found["drawn"]
    last = drawn.get("exact", drawn.get("stored"))
    times = (drawn["early"] - begin, last - begin, drawn["early"], last)
    return (
        title, sizes[str(dataset.SOPInstanceUID)], early["encodedBodySize"], exact["encodedBodySize"], *(time / 1000 for time in times),
    )  # fmt: skip


@contextmanager
def browser() -> Iterator[BrowserContext]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    options = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=options + root)
        context = started.new_context(viewport={"width": 1300, "height": 820})
        context.add_init_script(DRAWN)
        yield context
        started.close()


def opened(context: BrowserContext, url: str, path: Path, thin: argparse.Namespace | None) -> dict[str, Any]:
    page = context.new_page()
    if thin:
        speed = thin.line * 1e6 / 8
        line = context.new_cdp_session(page)
        line.send("Network.enable")
        line.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": thin.delay, "downloadThroughput": speed, "uploadThroughput": speed,
        })  # fmt: skip
    uid = pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID
    page.goto(f"{url}/viewer?StudyInstanceUIDs={uid}", timeout=WAIT)
    page.wait_for_function(f"['exact', 'stored'].includes({SIGN}) && (window.drawn.exact ?? window.drawn.stored)", timeout=WAIT)
    resources = json.loads(page.evaluate("JSON.stringify(performance.getEntriesByType('resource'))"))
    found = {"drawn": page.evaluate("window.drawn"), "resources": resources}
    page.close()
    return found


if __name__ == "__main__":
    main()
