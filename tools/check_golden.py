"""Decode golden streams on this processor and compare the pixels; exit status 1 if any differ. Needs dicompress alone."""

import argparse
import hashlib
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np

import dicompress

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
SMALL = 5000  # pixels of an image that `--write` encodes again


def processor_features() -> list[str]:
    """What numpy's dispatcher found."""
    core = np._core if hasattr(np, "_core") else np.core
    return [name for name, there in core._multiarray_umath.__cpu_features__.items() if there]


def facts(array: np.ndarray) -> dict:
    """An image's entry in sha256.json."""
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"array": [str(array.dtype), list(array.shape)], "sha256": digest}


def check(path: Path, expected: dict) -> tuple[str, np.ndarray | None]:
    """("ok", the pixels), or what is wrong."""
    try:
        pixels = dicompress.decode(path.read_bytes(), threads=1)
    except dicompress.DicompressError as error:
        return f"differs: {error}", None
    return ("ok" if facts(pixels) == expected else "differs"), pixels


def write_again(folder: Path, name: str, data: bytes, pixels: np.ndarray) -> dict[str, dict]:
    """Encode a small image with its model, exactly and within 2, into `folder`; {file: what it must decode to}."""
    info = dicompress.inspect(data)
    if info.near or info.rows * info.columns * info.frames > SMALL:
        return {}
    written = {}
    for near in (0, 2):
        again = dicompress.encode(pixels, model=info.model, colour=info.samples > 1, near=near, threads=1)
        written[f"near-{near}-{name}"] = facts(dicompress.decode(again, threads=1))
        (folder / f"near-{near}-{name}").write_bytes(again)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=GOLDEN, help="of streams and their sha256.json")
    parser.add_argument("--processor", default=platform.machine(), help="what the table calls this one")
    parser.add_argument("--write", type=Path, help="a folder to encode small images into again, for others to check")
    options = parser.parse_args()
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    print(f"{options.processor}: {platform.machine()}, {versions}\n{' '.join(processor_features())}", flush=True)
    expected = json.loads((options.folder / "sha256.json").read_text())
    wrong, written, start = 0, {}, time.perf_counter()
    for name, entry in expected.items():
        before = time.perf_counter()
        result, pixels = check(options.folder / name, entry)
        print(f"{options.processor:12} {name:32} {time.perf_counter() - before:6.1f} s  {result}", flush=True)
        wrong += result != "ok"
        if options.write and result == "ok":
            options.write.mkdir(parents=True, exist_ok=True)
            written |= write_again(options.write, name, (options.folder / name).read_bytes(), pixels)
    if options.write:
        (options.write / "sha256.json").write_text(json.dumps(written, indent=1) + "\n")
    again = f", {len(written)} encoded again" if options.write else ""
    took = time.perf_counter() - start
    print(f"{options.processor}: {len(expected) - wrong} of {len(expected)} ok{again}, {took:.0f} s", flush=True)
    sys.exit(1 if wrong or not expected else 0)


if __name__ == "__main__":
    main()
