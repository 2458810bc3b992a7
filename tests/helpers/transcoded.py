"""Reading transcoded files by other libraries than those that verified them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLSLossless

from dicompress.dicom.syntax import JPEG_XL_LOSSLESS

from .files import read

SYNTAX = {"jls": JPEGLSLossless, "j2k": JPEG2000Lossless, "htj2k": HTJ2KLossless, "jxl": JPEG_XL_LOSSLESS}
TAKEN_AWAY = (0x7FD90010, 0x7FD91001, 0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00010)
ALTERED = ("PhotometricInterpretation", "PlanarConfiguration")


def readings(data: bytes) -> dict[str, np.ndarray]:
    """The pixels of a file by every plug-in of pydicom that there is for its transfer syntax."""
    dataset = read(data)
    plugins = get_decoder(dataset.file_meta.TransferSyntaxUID).available_plugins
    found = {}
    for plugin in set(plugins) - {"pillow"}:  # which has 8 bits a sample of colour
        dataset = read(data)
        dataset.pixel_array_options(decoding_plugin=plugin, raw=True)
        found[plugin] = dataset.pixel_array
    return found


def elements(dataset: Dataset) -> list:
    """All that transcoding may not change."""
    return [e for e in dataset if e.tag.element and e.tag not in TAKEN_AWAY and e.keyword not in ALTERED]


def by_dcmtk(data: bytes, folder: Path) -> np.ndarray | None:
    """The values that DCMTK makes of JPEG-LS; None where it is not installed."""
    tool = shutil.which("dcmdjpls")
    if tool is None:
        return None
    source, target = folder / "source.dcm", folder / "target.dcm"
    source.write_bytes(data)
    result = subprocess.run([tool, "+px", source, target], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return read(target.read_bytes()).pixel_array  # with signs extended, which it leaves to readers
