"""numpy arrays to bytes and back: the binding of `core/codec`."""

from .api import DTYPES, MAX_NEAR, Settings, check_bound, decode, encode, encode_with_result, inspect, layout
from .info import Sizes, StreamInfo
from .kinds import HOLDING_ALL
from .psnr import near_for_psnr

__all__ = [
    "DTYPES", "HOLDING_ALL", "MAX_NEAR", "Settings", "Sizes", "StreamInfo", "check_bound", "decode", "encode", "encode_with_result", "inspect", "layout",
    "near_for_psnr",
]  # fmt: skip
