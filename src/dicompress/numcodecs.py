"""The compressor of Zarr version 2 arrays and of whatever else takes numcodecs codecs (extra `[zarr]`).

zarr.create_array(store, data=volume, chunks=(1, 512, 512), zarr_format=2, compressors=Dicompress())
"""

from .plugins.numcodecs import Dicompress

__all__ = ["Dicompress"]
