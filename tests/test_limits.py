"""Caps on what untrusted input may claim, which the environment changes; one that is wrong is an error, too."""

import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from helpers.images import phantom
from helpers.models import Halves
from helpers.streams import Stream
from pydicom.uid import DeflatedExplicitVRLittleEndian

import dicompress
from dicompress import LimitError, StreamError
from dicompress.dicom import compress_file, describe, restore_file
from dicompress.limits import COPIES, WORKING_MEMORY, inflate
from dicompress.native.coder import write_table

# Restores a file and prints the most memory that the process ever had, in bytes.
RESTORE = """
import sys
from pathlib import Path
from dicompress.dicom import restore_file
restore_file(Path(sys.argv[1]).read_bytes())
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(1024 * int(peak.split()[1]))
"""


def needed(nbytes: int) -> int:
    return WORKING_MEMORY + COPIES * nbytes


def test_pixels(monkeypatch):
    frames = np.zeros((3, 10, 10), np.uint8)
    data = dicompress.encode(frames)
    monkeypatch.setenv("DICOMPRESS_MAX_PIXELS", "299")
    for refused in (dicompress.decode, dicompress.inspect):
        with pytest.raises(LimitError, match="3 x 10 x 10 .* 299 samples .* DICOMPRESS_MAX_PIXELS"):
            refused(data)
    monkeypatch.setenv("DICOMPRESS_MAX_PIXELS", "300")
    assert np.array_equal(dicompress.decode(data), frames)


def test_memory(monkeypatch):
    """What decoding a stream takes is counted as it is taken, the pixels among it."""
    frames = np.stack([phantom(100, 100, seed) for seed in range(4)])
    data = dicompress.encode(frames)
    for limit in (1, 1000, frames.nbytes - 1, frames.nbytes):
        monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(limit))
        with pytest.raises(LimitError, match=f"more memory than the limit of {limit} bytes; .*DICOMPRESS_MAX_MEMORY"):
            dicompress.decode(data)
    monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(frames.nbytes + (8 << 20)))
    assert np.array_equal(dicompress.decode(data), frames)


def test_memory_of_files(monkeypatch, ct_path):
    file, nbytes = compress_file(open(ct_path, "rb").read()).data, 2 * 128 * 128
    monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(needed(nbytes) - 1))
    with pytest.raises(LimitError, match=f"takes {needed(nbytes)} bytes .* DICOMPRESS_MAX_MEMORY"):
        restore_file(file)
    monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(needed(nbytes)))
    restore_file(file)


def test_what_a_stream_claims_is_not_taken(monkeypatch):
    """Heads that say much in few bytes: planes of one value, tables of all values, frames by the thousand."""
    small = Stream.read(dicompress.encode(np.array([[0, 15, 30], [75, 45, 0]], np.uint8), model=Halves()))
    (head,) = small.heads
    wide = replace(head, high=60000, table=write_table(np.arange(0, 60001, 2, dtype=np.int32)))
    large = replace(small, dtype=np.dtype("uint16"), frames=4000, heads=[wide] * 4000, sections=[s * 4000 for s in small.sections])
    monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(1 << 20))
    with pytest.raises(LimitError, match="DICOMPRESS_MAX_MEMORY"):
        dicompress.decode(large.write(), model=Halves())
    monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(64 << 20))
    with pytest.raises(LimitError, match="DICOMPRESS_MAX_MEMORY"):
        dicompress.decode(dicompress.encode(np.full((6000, 6000), 7, np.uint16)))


@pytest.mark.parametrize(
    "frames, rows, columns", [(1 << 31, 1, 2), (1 << 62, 1, 1), (1 << 40, 1 << 20, 1 << 9), (0, 1 << 29, 1 << 2)]
)
def test_sizes_whose_product_is_larger_than_any_number(monkeypatch, frames, rows, columns):
    small = Stream.read(dicompress.encode(np.zeros((1, 3, 3), np.uint8), model="pyramid"))
    for limit in (1 << 31, 1 << 40, 1 << 63, (1 << 64) - 1):
        monkeypatch.setenv("DICOMPRESS_MAX_PIXELS", str(limit))
        with pytest.raises(StreamError):
            dicompress.inspect(replace(small, frames=frames, rows=rows, columns=columns).write())


@pytest.mark.parametrize("name", ["DICOMPRESS_MAX_PIXELS", "DICOMPRESS_MAX_MEMORY"])
def test_a_limit_that_is_no_number_is_an_error(monkeypatch, name):
    monkeypatch.setenv(name, "many")
    with pytest.raises(LimitError, match=f"{name} is not a whole number"):
        dicompress.inspect(dicompress.encode(np.zeros((3, 3), np.uint8)))


def test_zeros_without_end_are_not_inflated(monkeypatch):
    monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(needed(1 << 20)))
    for size in (1 << 20, (1 << 20) + 1, 1 << 26):
        packed = zlib.compress(bytes(size))
        if size == 1 << 20:
            assert inflate(zlib.decompressobj(), packed) == bytes(size)
        else:
            with pytest.raises(LimitError, match="DICOMPRESS_MAX_MEMORY"):
                inflate(zlib.decompressobj(), packed)


def test_a_deflated_data_set_that_is_too_large(monkeypatch, ct, tmp_path):
    ct.add_new(0x00091010, "UN", bytes(1 << 24))
    ct.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ct.save_as(tmp_path / "bomb.dcm")
    data = (tmp_path / "bomb.dcm").read_bytes()
    assert len(data) < 100_000
    monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(needed(1 << 24)))
    for refused in (compress_file, restore_file, describe):
        with pytest.raises(LimitError, match="DICOMPRESS_MAX_MEMORY"):
            refused(data)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("shape", [(3000, 2500), (40, 512, 512)], ids=["radiograph", "frames"])
def test_decoding_takes_no_more_memory_than_the_cap_counts(ct, tmp_path, shape):
    pixels = np.stack([phantom(*shape[-2:], seed, 2.0) for seed in range(1 if len(shape) == 2 else shape[0])])
    ct.Rows, ct.Columns, ct.NumberOfFrames, ct.PixelData = *shape[-2:], len(pixels), pixels.tobytes()
    path = tmp_path / "large.dcm"
    ct.save_as(path)
    path.write_bytes(compress_file(path.read_bytes()).data)
    run = subprocess.run([sys.executable, "-c", RESTORE, path], capture_output=True, text=True, check=True)
    assert int(run.stdout) <= needed(pixels.nbytes)
    assert len(pydicom.dcmread(path).PixelData) < pixels.nbytes / 2


# What Python's audit hooks tell of the network, of pickle and of other programs.
WATCHED = ("socket.", "pickle.", "urllib.", "http.", "ftplib.", "subprocess.", "os.system", "os.exec", "os.posix_spawn")
WATCH = f"""
import sys
sys.modules["requests"] = None  # pydicom imports it if it is there, and it tries whether there is IPv6
sys.addaudithook(lambda event, _: event.startswith({WATCHED}) and print(event, file=sys.stderr))
from dicompress.cli import main
main()
"""


def test_no_network_no_pickle_no_other_programs(ct_path, tmp_path):
    for arguments in (["compress", ct_path, "-o", "small.dcm"], ["decompress", "small.dcm", "-o", "back.dcm"]):
        command = [sys.executable, "-c", WATCH, *arguments, "--jobs", "1", "--json"]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert not [line for line in run.stderr.splitlines() if line.startswith(WATCHED)]
    assert (tmp_path / "back.dcm").read_bytes() == open(ct_path, "rb").read()
