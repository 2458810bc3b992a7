"""What becomes of a file: it is compressed, or passed on as it is. The only place that decides it."""

from __future__ import annotations

from dataclasses import replace

from ..errors import DicompressError, FileError, NotDicomError, UnknownModelError
from ..models import DEFAULT
from .allowance import Allowance
from .compress import compress_part10
from .part10 import parse
from .references import references
from .results import Compressed, PassedOn


def compress_or_pass_on(
    data: bytes, model: str = DEFAULT, threads: int = 0, allowance: Allowance | None = None, record: bool = True
) -> Compressed | PassedOn:
    """`compress_file`; or why it is better to keep `data` as it is. UnknownModelError, and nothing that is the file's fault."""
    found: frozenset[str] = frozenset()
    try:
        part10 = parse(data)
        found = references(part10) if allowance else found
        return replace(compress_part10(part10, data, model, threads, allowance, record), references=found)
    except UnknownModelError:
        raise
    except NotDicomError as error:
        return PassedOn(str(error), is_dicom=False)
    except FileError as error:
        return PassedOn(str(error), damaged=True, references=found)
    except DicompressError as error:
        return PassedOn(str(error), references=found)
