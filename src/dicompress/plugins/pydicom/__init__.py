"""pydicom's decoders and its encoder of our files; importing this package registers them."""

from __future__ import annotations

import pydicom
from pydicom.pixels import get_decoder, get_encoder
from pydicom.pixels.decoders import base as decoders
from pydicom.pixels.encoders import base as encoders
from pydicom.uid import UID

from ...dicom.syntax import DICOMPRESS, JPEG_XL_JPEG, JPEG_XL_LOSSLESS, NAMES
from . import decoder, encoder

__all__ = ["DICOMPRESS", "NAME"]

NAME = "dicompress"  # of the plug-in: `decoding_plugin=NAME`, `encoding_plugin=NAME`


class _Encoding:
    """(implicit VR, little endian) as an attribute of all UIDs that equal DICOMPRESS, of no others."""

    def __get__(self, uid: UID | None, owner: type | None = None) -> tuple[bool, bool]:
        if uid is None or uid != DICOMPRESS:
            raise AttributeError("the UID is not a private transfer syntax")
        return False, True


def _register() -> None:
    """The only place that needs private names of pydicom: there are no public ones for a private transfer syntax.

    ImportError if this pydicom does not have them, or they are not what they were.
    """
    unfit = f"dicompress.pydicom does not work with pydicom {pydicom.__version__}; use pydicom 3.0"
    try:
        from pydicom._uid_dict import UID_dictionary

        found_decoders, found_encoders = decoders._PIXEL_DATA_DECODERS, encoders._PIXEL_DATA_ENCODERS
    except (ImportError, AttributeError) as error:
        raise ImportError(f"{unfit} ({error})") from None
    own_decoder, own_encoder = decoder.Decoder(DICOMPRESS), encoder.Encoder(DICOMPRESS)
    own_decoder.add_plugin(NAME, (decoder.__name__, decoder.decode_frame.__name__))
    own_encoder.add_plugin(NAME, (encoder.__name__, encoder.encode_frame.__name__))
    found_decoders[DICOMPRESS] = own_decoder, pydicom.__version__
    found_encoders[DICOMPRESS] = own_encoder, pydicom.__version__
    UID._PRIVATE_TS_ENCODING = _Encoding()  # type: ignore[assignment]  # a descriptor, which gives what the type says
    # pydicom 3.0 has neither the names nor decoders of these.
    for syntax, keyword, decode in (
        (JPEG_XL_JPEG, "JPEGXLJPEGRecompression", decoder.decode_jpeg_frame),
        (JPEG_XL_LOSSLESS, "JPEGXLLossless", decoder.decode_jpeg_xl_frame),
    ):
        UID_dictionary.setdefault(syntax, (NAMES[syntax], "Transfer Syntax", "", "", keyword))
        other = decoder.JPEGXLDecoder(syntax)
        other.add_plugin(NAME, (decoder.__name__, decode.__name__))
        found_decoders.setdefault(syntax, (other, pydicom.__version__))
    found = get_decoder(DICOMPRESS), get_encoder(DICOMPRESS)
    if found != (own_decoder, own_encoder) or not UID(str(DICOMPRESS)).is_encapsulated:
        raise ImportError(unfit)


_register()
