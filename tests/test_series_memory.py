"""Packing and reading a long series takes the memory of a short one."""

import subprocess
import sys
from pathlib import Path

import pytest

MOST = 16 << 10  # KiB that 350 slices of 128 KiB may take more


def peaks(count: int) -> list[int]:
    command = [sys.executable, "-m", "helpers.series_memory", str(count)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    assert run.returncode == 0, run.stderr
    return [int(number) for number in run.stdout.split()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_memory_does_not_grow_with_the_number_of_slices():
    few, many = peaks(50), peaks(400)
    assert all(b - a < MOST for a, b in zip(few, many, strict=True)), (few, many)
