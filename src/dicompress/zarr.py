"""The codec of Zarr version 3 arrays (extra `[zarr]`, zarr-python from 3.1); version 2's is in `dicompress.numcodecs`.

zarr.create_array(store, data=volume, chunks=(1, 512, 512), serializer=DicompressCodec(), compressors=None)
"""

from .plugins.zarr import DicompressCodec

__all__ = ["DicompressCodec"]
