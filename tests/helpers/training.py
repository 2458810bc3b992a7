"""Images to train on, and networks as if they had been trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .files import make
from .images import phantom


def write_images(folder: Path) -> Path:
    """Three series of a phantom, and a file that is no image."""
    for number in range(3):
        path = folder / f"series{number}" / "0001.dcm"
        path.parent.mkdir()
        path.write_bytes(make(phantom(160, 150, number)))
    (folder / "notes.txt").write_text("no image")
    return folder


def shake(network: Any, gain: float) -> None:
    """Random biases and larger weights: activations that saturate, as a trained network's may."""
    import torch

    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) * 0.3)
            else:
                parameter.mul_(gain)
