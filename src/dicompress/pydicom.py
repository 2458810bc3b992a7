"""`import dicompress.pydicom` teaches pydicom our files: it decodes them, and writes them by `Dataset.compress`.

From then on `Dataset.pixel_array`, `Dataset.decompress`, `pydicom.pixels.pixel_array` and `iter_pixels` give what they
give for the native file; with `index` or `indices` only these frames are decoded. `decompress` keeps stored values,
also those outside Bits Stored, and removes the restore record. It is pydicom that makes a new SOP Instance UID, and
RGB of YBR_FULL, unless `generate_instance_uid` and `as_rgb` are False. Files in JPEG XL Lossless and JPEG XL JPEG
Recompression, with a restore record or without, are decoded, too, unless pydicom does so by itself (3.0 does not); the latter
give what the JPEG file gives. StreamError for damaged items; what is wrong with a frame arrives in pydicom's RuntimeError, as
from any decoder.

    dataset.compress(dicompress.pydicom.DICOMPRESS)  # in place; also pydicom.pixels.compress and get_encoder

codes each frame as `dicompress.encode` does, without loss, values outside Bits Stored included, and compares it before the data
set is touched. Options are pydicom's (`arr`, `encapsulate_ext`, `generate_instance_uid`: nothing is lost, so False is right), and
`model` and `threads` of `dicompress.encode`. As pydicom hands over pixels, one frame after the other, and no file:

- There is no restore record: pixels and elements come back, not the original file byte for byte.
- No error is allowed, as the elements of a derived image would have to change: `dicompress.compress_dataset` does it.
- What JPEG XL codes in fewer bytes is in our transfer syntax, too; files of the command line are in the standard one, which more
  readers know. A result that is larger than the original is kept.
- pydicom refuses data sets in another compressed syntax, JPEG among them. With `arr` it does not, but then the elements must be
  those of the array already, and a restore record stays, of other pixels: `decompress()` before removes it.
- What was read as big-endian is written by `pydicom.dcmwrite`; `save_as` refuses to change the byte order.

Frames are coded one by one; files of the command line do the same, but for bitmaps and few values, whose frames lean on each other.
UnsupportedImageError for pixels that cannot be compressed, ValueError for unknown options
and for arrays that are not what the elements say.
"""

from .plugins.pydicom import DICOMPRESS

__all__ = ["DICOMPRESS"]
