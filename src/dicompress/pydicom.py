"""`import dicompress.pydicom` teaches pydicom our files: it decodes them, and writes them by `Dataset.compress`.

From then on `Dataset.pixel_array`, `Dataset.decompress`, `pydicom.pixels.pixel_array` and `iter_pixels` give what they
give for the native file; with `index` or `indices` only these frames are decoded. `decompress` keeps stored values,
also those outside Bits Stored, and removes the restore record. It is pydicom that makes a new SOP Instance UID, and
RGB of YBR_FULL, unless `generate_instance_uid` and `as_rgb` are False. Files in JPEG XL Lossless and JPEG XL JPEG
Recompression, with a restore record or without, are decoded, too, unless pydicom does so by itself (3.0 does not); the latter
give what the JPEG file gives. StreamError for damaged items; what is wrong with a frame arrives in pydicom's RuntimeError, as
from any decoder.

    dataset.compress(dicompress.pydicom.DICOMPRESS)  # in place; or arr=array; pydicom.pixels.compress, get_encoder

codes each frame without loss, values outside Bits Stored included, and compares it before the data set is touched. Options
are pydicom's own (`generate_instance_uid`, `encapsulate_ext`; False keeps the SOP Instance UID, as nothing is lost),
and `model` and `threads` of `dicompress.encode`. pydicom hands over one frame after the other and sees no file, so that
it does not do what `dicompress compress` does:

- There is no restore record: pixels and elements come back, not the original file byte for byte.
- No error is allowed, as the elements of a derived image would have to change: `dicompress.compress_dataset` does it.
- What is drawn, or in colour, is not tried in JPEG XL, and a result that is larger than the original is kept.
- Data sets in another compressed syntax are refused by pydicom, JPEG frames among them. With `arr` they are not, but then the elements
  must be those of the array already, and a restore record stays: `decompress()` before removes it.
- What was read as big-endian is written by `pydicom.dcmwrite`; `save_as` refuses to change the byte order.

Frames do not lean on each other in a DICOM file, whoever writes it; `dicompress.encode(volume, neighbours=True)` is for arrays.
UnsupportedImageError for pixels that cannot be compressed (32 bits or 1 bit, float), ValueError for unknown options
and for arrays that are not what the elements say.
"""

from .plugins.pydicom import DICOMPRESS

__all__ = ["DICOMPRESS"]
