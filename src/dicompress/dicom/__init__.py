"""DICOM files and data sets: transfer syntaxes, Pixel Data, exact restoration."""

from .allowance import Allowance
from .compress import compress_file
from .dataset import compress_dataset, decompress_dataset
from .describe import FileInfo, describe
from .outcome import compress_or_pass_on
from .restore import restore_file, says_ours, strip_file
from .results import Compressed, PassedOn, Restored, Stripped, Transcoded
from .single import Frames, frames_as
from .syntax import DICOMPRESS
from .transcode import transcode_file, transcode_or_pass_on

__all__ = [
    "DICOMPRESS",
    "Allowance",
    "Compressed",
    "FileInfo",
    "Frames",
    "PassedOn",
    "Restored",
    "Stripped",
    "Transcoded",
    "compress_dataset",
    "compress_file",
    "compress_or_pass_on",
    "decompress_dataset",
    "describe",
    "frames_as",
    "restore_file",
    "says_ours",
    "strip_file",
    "transcode_file",
    "transcode_or_pass_on",
]
