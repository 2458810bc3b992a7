"""Every error this package raises on purpose. Messages name what is wrong, where, and what to do."""

LAB = "dicompress-lab (pip install ./lab, in a checkout of dicompress)"  # where what is no part of this package lies


class DicompressError(Exception):
    """Base of all errors of dicompress."""


class UnsupportedImageError(DicompressError):
    """The image or data set is of a kind that this version does not compress, or restore; better left as it is."""


class StreamError(DicompressError):
    """The compressed data is damaged, cut short, or not ours."""


class UnknownModelError(DicompressError):
    """There is no such model; or a stream needs a model, or a stream version, that is not installed."""


class LimitError(StreamError):
    """The stream claims more than its bytes can hold, or more than decoding is allowed to use."""


class FileError(DicompressError):
    """A file cannot be read, is not what it should be, or cannot be written."""


class NotDicomError(FileError):
    """The bytes are no DICOM file."""


class VerificationError(DicompressError):
    """What was compressed does not come back as promised; nothing was written."""


class NotStoredError(DicompressError):
    """The store has no such object."""


class DamagedObjectError(DicompressError):
    """What is stored of an object is not what was stored; the store's other objects are not concerned."""
