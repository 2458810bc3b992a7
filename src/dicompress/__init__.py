"""dicompress: learned compression of DICOM images, lossless or with a bounded error, bit-exact on every machine."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    DicompressError,
    FileError,
    LimitError,
    StreamError,
    UnknownModelError,
    UnsupportedImageError,
    VerificationError,
)

if TYPE_CHECKING:  # as `_LAZY` says, for tools that only read
    from .codec import StreamInfo, decode, encode, inspect
    from .dicom import Allowance, compress_dataset, decompress_dataset
    from .series import Series, open_series, pack_series

__version__ = "0.1.0"

_LAZY = {
    "encode": "codec",
    "decode": "codec",
    "inspect": "codec",
    "StreamInfo": "codec",
    "Allowance": "dicom",
    "compress_dataset": "dicom",
    "decompress_dataset": "dicom",
    "Series": "series",
    "open_series": "series",
    "pack_series": "series",
}

__all__ = [
    "Allowance",
    "DicompressError",
    "FileError",
    "LimitError",
    "Series",
    "StreamError",
    "StreamInfo",
    "UnknownModelError",
    "UnsupportedImageError",
    "VerificationError",
    "compress_dataset",
    "decode",
    "decompress_dataset",
    "encode",
    "inspect",
    "open_series",
    "pack_series",
]


def __getattr__(name: str) -> Any:
    """Import numpy, pydicom and the runtime only when they are asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'dicompress' has no attribute {name!r}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
