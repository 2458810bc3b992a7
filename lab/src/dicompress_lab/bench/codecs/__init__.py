"""Every codec that the benchmark can run, each as one `Codec`. Packages they need are imported at the first use."""

from __future__ import annotations

from ..codec import Codec
from . import cbpc2, compact, libraries, ours, programs, wavelet

MODULES = (libraries, programs, compact, cbpc2, wavelet, ours)
ORDER = (
    *("deflate", "zstd", "RLE", "PNG", "WebP", "FLIF", "CompaCT", "CBPC2", "JPEG 2000", "HTJ2K", "JPEG-LS"),
    *("JPEG XL e3", "JPEG XL e7", "JPEG XL e9", "lossy wavelet", "tomoz", "L3C", "SReC", "reference", "pyramid"),
)


def all_codecs() -> dict[str, Codec]:
    """`Codec.key` -> codec, in the order of tables; those that cannot run here say so in `missing`."""
    found = {codec.name: codec for module in MODULES for codec in module.codecs()}
    return {found[name].key: found[name] for name in ORDER}
