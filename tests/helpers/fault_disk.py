"""A small disk, mounted for one run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .faults import end, start


def mounted(options: str, place: Path, *arguments, keep: Path) -> tuple[int, str, str]:
    """A run with a small disk mounted at `place`, whose contents are copied to `keep` in the end."""
    place.mkdir()
    mount = f'place=$1 keep=$2; shift 2; mount -t tmpfs -o {options} none "$place" || exit 99'
    script = f'{mount}; "$@"; code=$?; cp -a "$place" "$keep"; exit $code'
    unshare = ["unshare", "-rm", "sh", "-c", script, "sh", str(place), str(keep)]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("mounting is not permitted")
    shutil.rmtree(keep)
    run = start(*arguments, wrapper=unshare)
    return end(run)
