"""The files of an installed model on onnxruntime: model.json and its networks, as `dicompress export` writes them.

They lie in `<model>/weights/<hash>/`, and stay: a stream names its model by hash, and a model that is trained anew gets a folder beside.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from ..runtime import Network

# With which streams are written; all that are installed can be read.
CURRENT = {
    "reference": "f00c87716ab5195c",
    "l3c": "b9ca1ee53351c71f",
    "srec": "49cca81db24cd087",
}


def installed(model: str, model_hash: str) -> Path:
    """The folder of a model's weights; it need not exist. model_hash: in hexadecimal."""
    return Path(__file__).with_name(model) / "weights" / model_hash  # importlib.resources takes 12 ms to import


def load(
    model: str,
    names: Callable[[dict], Iterable[str]],
    folder: Path | str | None,
    threads: int,
    optimise: bool,
    convert: Callable[[bytes], bytes] | None,
) -> tuple[dict, bytes, dict[str, Network]]:
    """(configuration, hash, networks by name) from `folder`, or from the weights with which `model` writes if it is None.

    names: those of the networks that a configuration asks for. The hash covers all files that change a stream. convert:
    applied to every network's bytes before it runs.
    """
    folder = Path(folder) if isinstance(folder, str) else folder or installed(model, CURRENT[model])
    config = (folder / "model.json").read_bytes()
    configuration = json.loads(config)
    networks = {name: (folder / f"{name}.onnx").read_bytes() for name in names(configuration)}
    digest = hashlib.sha256(config + b"".join(networks.values())).digest()[:8]
    running = {n: Network(convert(b) if convert else b, threads, optimise) for n, b in networks.items()}
    return configuration, digest, running
