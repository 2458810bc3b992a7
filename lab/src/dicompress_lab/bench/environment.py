"""The machine and the libraries that numbers were measured with."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "dicompress", "numpy", "onnxruntime", "pydicom", "imagecodecs", "tomoz", "PyWavelets", "scikit-image", "matplotlib",
)  # fmt: skip


def where(jobs: int) -> str:
    """What timings depend on, in one line."""
    return f"{processor()}, {os.cpu_count()} cores, {jobs} at a time, Python {platform.python_version()}"


def environment(jobs: int, command: str) -> dict:
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": command,
        "processor": processor(),
        "cores": os.cpu_count(),
        "images at a time": jobs,
        "system": platform.platform(),
        "Python": platform.python_version(),
        **{name: found for name in LIBRARIES if (found := _version(name))},
    }


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
