"""The C library (core/dicompress.h) of this checkout: built once into build/c, and called through ctypes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL, POINTER, Structure, byref, c_char, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint64, c_void_p, string_at
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "c"
TYPES = [np.dtype(name) for name in ("uint8", "int8", "uint16", "int16")]

OK, DAMAGED, LIMIT, UNKNOWN_MODEL, UNSUPPORTED, ARGUMENT = range(6)


class Error(Structure):
    _fields_ = [("status", c_int), ("text", c_char * 256)]


class Limits(Structure):
    _fields_ = [("pixels", c_uint64), ("memory", c_uint64), ("threads", c_int)]


class Info(Structure):
    _fields_ = [
        *[("type", c_int), ("bits_stored", c_int), ("frames", c_int64), ("has_frames", c_int)],
        *[("rows", c_int32), ("columns", c_int32), ("samples", c_int), ("near", c_int)],
        *[("levels", c_int), ("finest", c_int), ("model", c_uint8 * 8)],
    ]


class Part(Structure):
    _fields_ = [("frame", c_int64), ("level", c_int), *[(name, c_int32) for name in ("row", "column", "rows", "columns")]]


class Failure(Exception):
    def __init__(self, error: Error):
        super().__init__(error.text.decode())
        self.status = error.status


def run(*command: object, **settings) -> str:
    """What a command prints; it must succeed."""
    result = subprocess.run([str(part) for part in command], stdout=-1, stderr=subprocess.STDOUT, text=True, **settings)
    assert result.returncode == 0, result.stdout
    return result.stdout


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One process of the tests of this checkout at a time."""
    import fcntl

    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@cache
def build() -> Path:
    """The folder of the library, after the build that docs/c.md tells; skips where there are no tools for it."""
    for tool in ("cmake", "cc", "c++"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool} to build the C library with")
    with alone("c"):
        run("cmake", "-S", ROOT, "-B", BUILD)
        run("cmake", "--build", BUILD, "--parallel", "2")
    return BUILD


class Library:
    """The functions of the library; failures are exceptions."""

    def __init__(self):
        self.c = CDLL(str(build() / "libdicompress.so"))
        self.c.dicompress_close.argtypes = self.c.dicompress_free.argtypes = [c_void_p]
        self.c.dicompress_close.restype = self.c.dicompress_free.restype = None
        self.c.dicompress_open.argtypes = [c_void_p, c_size_t, *[c_void_p] * 3]
        self.c.dicompress_describe.argtypes, self.c.dicompress_describe.restype = [c_void_p], Info
        self.c.dicompress_level_bytes.argtypes, self.c.dicompress_level_bytes.restype = [c_void_p, c_int], c_size_t
        self.c.dicompress_everything.restype = Part
        self.c.dicompress_part_bytes.argtypes, self.c.dicompress_part_bytes.restype = [c_void_p, c_void_p], c_size_t
        self.c.dicompress_decode.argtypes = [*[c_void_p] * 3, c_size_t, c_void_p]
        self.c.dicompress_encode.argtypes = [c_void_p, c_void_p, c_int, *[c_void_p] * 4]

    def open(self, data: bytes, **limits: int) -> Stream:
        return Stream(self, data, Limits(**limits))

    def encode(self, pixels: np.ndarray, colour: bool = False, neighbours: bool = False, limits: dict | None = None, **info) -> bytes:
        """pixels: ([frames, ]rows, columns[, samples])."""
        has_frames = pixels.ndim - colour == 3
        rows, columns = pixels.shape[has_frames : has_frames + 2]
        shape = {"frames": len(pixels) if has_frames else 1, "has_frames": has_frames, "rows": rows, "columns": columns}
        what = Info(**{"type": TYPES.index(pixels.dtype), "samples": pixels.shape[-1] if colour else 1} | shape | info)
        pixels, data, size, error = np.ascontiguousarray(pixels), POINTER(c_uint8)(), c_size_t(), Error()
        outputs = byref(data), byref(size), byref(error)
        if self.c.dicompress_encode(pixels.ctypes.data, byref(what), neighbours, byref(Limits(**limits or {})), *outputs):
            assert not data and not size.value
            raise Failure(error)
        found = string_at(data, size.value)
        self.c.dicompress_free(data)
        return found


class Stream:
    def __init__(self, library: Library, data: bytes, limits: Limits):
        self.c, self.data, self.stream, error = library.c, data, c_void_p(1), Error(9, b"not written")
        status = self.c.dicompress_open(data, len(data), byref(limits), byref(self.stream), byref(error))
        assert status == error.status
        if status:
            assert not self.stream
            raise Failure(error)
        assert error.text == b""
        self.info = self.c.dicompress_describe(self.stream)

    def decode(self, room: int = 0, **part: int) -> np.ndarray:
        """(frames, rows, columns, samples). part: of `Part`'s fields; room: more bytes than it takes."""
        wanted, error, info = self.c.dicompress_everything(), Error(), self.info
        for name, value in part.items():
            setattr(wanted, name, value)
        size = self.c.dicompress_part_bytes(self.stream, byref(wanted))
        pixels = np.zeros((size + room) // TYPES[info.type].itemsize, TYPES[info.type])
        if self.c.dicompress_decode(self.stream, byref(wanted), pixels.ctypes.data, size + room, byref(error)):
            raise Failure(error)
        frames = info.frames if wanted.frame < 0 else 1
        rows, columns = (-(-n >> wanted.level) if not wanted.rows else m for n, m in self._sides(wanted))
        return pixels.reshape(frames, rows, columns, info.samples)

    def _sides(self, part: Part) -> tuple:
        return (self.info.rows, part.rows), (self.info.columns, part.columns)

    def level_bytes(self, level: int) -> int:
        return self.c.dicompress_level_bytes(self.stream, level)

    def close(self) -> None:
        self.c.dicompress_close(self.stream)
        self.stream = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def raises(status: int, text: str):
    class Check:
        def __enter__(self):
            self.raised = pytest.raises(Failure, match=text)
            self.found = self.raised.__enter__()

        def __exit__(self, *what):
            assert self.raised.__exit__(*what)
            assert self.found.value.status == status
            return True

    return Check()
