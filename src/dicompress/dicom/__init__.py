"""DICOM files and data sets: transfer syntaxes, Pixel Data, exact restoration."""

from .allowance import Allowance
from .compress import compress_file
from .dataset import compress_dataset, decompress_dataset
from .describe import FileInfo, describe
from .outcome import compress_or_pass_on
from .restore import restore_file, says_ours, strip_file
from .results import Compressed, PassedOn, Restored, Stripped
from .syntax import DICOMPRESS

__all__ = [
    "DICOMPRESS",
    "Allowance",
    "Compressed",
    "FileInfo",
    "PassedOn",
    "Restored",
    "Stripped",
    "compress_dataset",
    "compress_file",
    "compress_or_pass_on",
    "decompress_dataset",
    "describe",
    "restore_file",
    "says_ours",
    "strip_file",
]
