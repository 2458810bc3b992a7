"""Caps on what untrusted input may claim, which the environment changes; one that is wrong is an error, too."""

import subprocess
import sys
import zlib

import numpy as np
import pydicom
import pytest
from conftest import phantom
from pydicom.uid import DeflatedExplicitVRLittleEndian

import dicompress
from dicompress import LimitError
from dicompress.dicom import compress_file, describe, restore_file
from dicompress.limits import COPIES, WORKING_MEMORY, inflate

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


def test_memory(monkeypatch, ct_path):
    original = open(ct_path, "rb").read()
    stream, file = dicompress.encode(np.ones((100, 100), np.int16)), compress_file(original).data
    for decode, data, nbytes in ((dicompress.decode, stream, 20_000), (restore_file, file, 2 * 128 * 128)):
        monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(needed(nbytes) - 1))
        with pytest.raises(LimitError, match=f"takes {needed(nbytes)} bytes .* DICOMPRESS_MAX_MEMORY"):
            decode(data)
        monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(needed(nbytes)))
        decode(data)


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
