"""What becomes of a file: it is compressed, or passed on as it is. The only place that decides it."""

from __future__ import annotations

from ..errors import DicompressError, FileError, NotDicomError
from ..models import DEFAULT
from .allowance import Allowance
from .results import Compressed, PassedOn
from .transcode import compress_file


def compress_or_pass_on(
    data: bytes, model: str = DEFAULT, threads: int = 0, allowance: Allowance | None = None, record: bool = True
) -> Compressed | PassedOn:
    """`compress_file`; or why it is better to keep `data` as it is. Only what is no fault of the file is raised.

    UnknownModelError; MemoryError.
    """
    try:
        return compress_file(data, model, threads, allowance, record)
    except NotDicomError as error:
        return PassedOn(str(error), is_dicom=False)
    except FileError as error:
        return PassedOn(str(error), damaged=True)
    except DicompressError as error:
        return PassedOn(str(error))
