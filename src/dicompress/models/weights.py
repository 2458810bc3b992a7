"""The files of an installed model: model.json and its networks, as `dicompress export` writes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path

from ..runtime import Network


def load(
    model: str,
    names: Callable[[dict], Iterable[str]],
    folder: Path | str | None,
    threads: int,
    optimise: bool,
    convert: Callable[[bytes], bytes] | None,
) -> tuple[dict, bytes, dict[str, Network]]:
    """(configuration, hash, networks by name) from `folder`, or from the weights that come with `model` if it is None.

    names: those of the networks that a configuration asks for. The hash covers all files that change a stream. convert:
    applied to every network's bytes before it runs.
    """
    folder = Path(folder) if folder else files("dicompress") / "models" / model / "weights"
    config = (folder / "model.json").read_bytes()
    configuration = json.loads(config)
    networks = {name: (folder / f"{name}.onnx").read_bytes() for name in names(configuration)}
    digest = hashlib.sha256(config + b"".join(networks.values())).digest()[:8]
    running = {n: Network(convert(b) if convert else b, threads, optimise) for n, b in networks.items()}
    return configuration, digest, running
