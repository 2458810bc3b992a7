"""DICOM files and data sets: transfer syntaxes, Pixel Data, exact restoration."""

from .allowance import Allowance
from .dataset import compress_dataset, decompress_dataset
from .describe import FileInfo, describe
from .outcome import compress_or_pass_on
from .results import Compressed, PassedOn, Restored
from .syntax import DICOMPRESS
from .transcode import compress_file, restore_file

__all__ = [
    "DICOMPRESS",
    "Allowance",
    "Compressed",
    "FileInfo",
    "PassedOn",
    "Restored",
    "compress_dataset",
    "compress_file",
    "compress_or_pass_on",
    "decompress_dataset",
    "describe",
    "restore_file",
]
