"""What test_findings.py runs in a process of its own, whose memory can be measured: `python -m helpers.finding_run`.

Prints a line of JSON for every file of tests/findings: its name, the exceptions that decoding it and compressing it raised, the
seconds of processor time, and how many bytes more the process then had ever taken than before the first.
"""

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import dicompress
from dicompress import DicompressError
from dicompress.dicom import compress_file, describe, restore_file
from dicompress.models import by_name

from .mutations import take_apart

FINDINGS = sorted((Path(__file__).parents[1] / "findings").iterdir())
KIB = 1024 if sys.platform == "linux" else 1  # unit of ru_maxrss


def of_today(stream: bytes) -> bytes:
    """As if the installed model had written it: an unknown model would be all that is wrong."""
    parts = take_apart(stream)
    return replace(parts, start=parts.start[:7] + by_name("pyramid").hash + parts.start[15:]).joined()


def decode(data: bytes) -> None:
    dicompress.decode(data, threads=1)


def restore(data: bytes) -> None:
    """Elements that were changed, the restore record among them, are no error where the pixels are sound."""
    if restore_file(data).edited:
        raise DicompressError("edited")


def raised(function: Callable[[bytes], object], data: bytes) -> list[str]:
    """The classes of the exception; none if there was none."""
    try:
        function(data)
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__]
    return []


def peak() -> int:
    return KIB * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    warnings.simplefilter("ignore")  # of pydicom
    before = peak()
    for path in FINDINGS:
        bare = path.suffix == ".dcmp"
        data = of_today(path.read_bytes()) if bare else path.read_bytes()
        reading, decoding = (dicompress.inspect, [decode]) if bare else (describe, [restore, compress_file])
        start = time.process_time()
        errors = [raised(function, data) for function in decoding]
        with suppress(DicompressError):  # what is wrong may only show in decoding
            reading(data)
        seconds = time.process_time() - start
        print(json.dumps({"name": path.name, "errors": errors, "seconds": seconds, "memory": peak() - before}), flush=True)


if __name__ == "__main__":
    main()
