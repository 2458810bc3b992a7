"""Add the golden streams of the installed models to tests/golden and, of the lab's, to lab/tests/golden; run once for every new
model or stream version.

`--anew` removes all others first: only while nothing is released.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

import dicompress
from dicompress.models import DEFAULT, by_name, for_archives

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from helpers.images import phantom  # noqa: E402


def images() -> dict[str, np.ndarray]:
    sparse = phantom(100, 90).astype(np.uint32) * 15
    blocks = np.kron(np.random.default_rng(3).normal(0, 20, (12, 14)), np.ones((8, 8))) + (phantom(96, 112, noise=9) >> 4)
    return {
        "former-jpeg": np.clip(np.rint(blocks + 60), 0, 255).astype(np.uint8),
        "ct": pydicom.dcmread(get_testdata_file("CT_small.dcm")).pixel_array,
        "mr": pydicom.dcmread(get_testdata_file("MR_small.dcm")).pixel_array,
        "odd-8-bit": (phantom(61, 47) >> 4).astype(np.uint8),
        "sparse": sparse.astype(np.uint16),
        "frames": np.stack([phantom(33, 40, s) for s in range(3)]).astype(np.int16) - 1000,
        "constant": np.full((7, 9), -1024, np.int16),
        "tiles": phantom(1030, 24),
    }


def colour() -> np.ndarray:
    """(rows, columns, samples) that go together, but not quite."""
    grey = phantom(60, 70, noise=2.0).astype(np.int32) >> 4
    noise = np.random.default_rng(5).integers(-1, 2, (60, 70, 3))
    return np.clip(np.stack([grey, grey * 3 // 4 + 20, 255 - grey], -1) + noise, 0, 255).astype(np.uint8)


def settings() -> dict[str, tuple[np.ndarray, dict]]:
    """Images that are coded in colour or with an error, and how."""
    found = images()
    return {
        "colour": (colour(), {"colour": True}),
        "near-colour": (np.stack([colour(), colour()[::-1]]), {"colour": True, "near": 2}),
        "near-ct": (found["ct"], {"near": 3}),
        "near-padding": (np.where(found["tiles"] < 300, 300, found["tiles"]), {"near": 40, "exact": [(300, 300), (900, 920)]}),
        "near-sparse": (found["sparse"] + np.uint16(7), {"near": 30}),
        "near-frames": (found["frames"], {"near": 1}),
    }


def leaning() -> dict[str, tuple[np.ndarray, dict]]:
    """Volumes whose slices lean on each other, for models whose planes can."""
    still, rng = phantom(70, 83, noise=40).astype(np.int16), np.random.default_rng(9)
    volume = np.stack([still + rng.integers(-3, 4, still.shape) for _ in range(5)]).astype(np.int16) - 900
    frames = np.stack([np.clip(colour().astype(int) + rng.integers(0, 3), 0, 255) for _ in range(3)]).astype(np.uint8)
    return {
        "volume": (volume, {"neighbours": True}),
        "near-volume": (volume * 3, {"neighbours": True, "near": 2}),
        "colour-frames": (frames, {"neighbours": True, "colour": True}),
    }


def wide() -> dict[str, np.ndarray]:
    """Values of 32 and 64 bits: by each kind of map, with and without low bits, and by Zstandard."""
    body = phantom(120, 110).astype(np.int32)
    ratio = (body / np.roll(body, 1, 1)).astype(np.float32)
    ratio[:3], ratio[3, :3] = np.nan, (np.inf, -np.inf, -0.0)
    return {
        "dose": np.stack([body * 977, body * 350 + 11]).astype(np.uint32),
        "signed": body**2 * 401 - 2**30,
        "scaled": (body * 0.000382586).astype(np.float32),
        "scaled-double": body * 0.31 - 7.77,
        "ratio": ratio,
        "double": body + np.random.default_rng(6).normal(0, 1, body.shape),
        "packed": np.tile(np.random.default_rng(4).integers(0, 2**32, 50, np.uint32), (9, 3)),
        "small-frames": np.stack([body[k : k + 6, :7] for k in range(5)]).astype(np.float32),
    }


def add_wide(folder: Path) -> None:
    """One that is there never changes."""
    index = folder / "sha256.json"
    known = json.loads(index.read_text())
    for name, image in wide().items():
        path = folder / f"{name}.dcxw"
        if not path.exists():
            path.write_bytes(dicompress.encode(image))
            known[path.name] = facts(dicompress.decode(path.read_bytes()))
    index.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def facts(decoded: np.ndarray) -> dict:
    digest = hashlib.sha256(np.ascontiguousarray(decoded).tobytes()).hexdigest()
    return {"array": [str(decoded.dtype), list(decoded.shape)], "sha256": digest}


def add(model: str, folder: Path, anew: bool) -> None:
    index = folder / "sha256.json"
    if anew:
        for path in (*folder.glob("*.dcmp"), index):
            path.unlink(missing_ok=True)
    known = json.loads(index.read_text()) if index.exists() else {}
    volumes = leaning() if by_name(model).most_references else {}
    for name, (image, bound) in ({n: (i, {}) for n, i in images().items()} | settings() | volumes).items():
        data = dicompress.encode(image, model=model, **bound)
        path = folder / f"{name}-{dicompress.inspect(data).model_hash[:8]}-v{data[4]}.dcmp"
        if path.exists():
            continue  # a golden stream never changes
        path.write_bytes(data)
        known[path.name] = facts(dicompress.decode(data))
    index.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anew", action="store_true", help="remove all golden streams first")
    anew = parser.parse_args().anew
    for model in for_archives():
        add(model, (ROOT if model == DEFAULT else ROOT / "lab") / "tests" / "golden", anew)
    add_wide(ROOT / "tests" / "golden")


if __name__ == "__main__":
    main()
