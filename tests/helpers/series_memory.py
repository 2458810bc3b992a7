"""Peak memory of packing and reading so many slices: python -m helpers.series_memory COUNT; prints KiB behind each."""

import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

from dicompress.dicom.pixels import GREY
from dicompress.series import Archive
from dicompress.series.order import Facts, facts_of
from dicompress.series.pack import write
from dicompress.series.packing import Settings
from dicompress.series.writer import Source

from .files import read
from .images import phantom
from .series import Told, sliced

SIDE = 256
IMAGE = phantom(SIDE, SIDE).astype(np.int16)


def source(k: int) -> Source:
    """A slice that is shifted and, every other time, mirrored, made when it is read."""

    def data() -> bytes:
        image = IMAGE[:, ::-1] if k % 16 > 7 else IMAGE
        return sliced(np.roll(image, k % 8, 0) + k % 3, k)

    return Source(f"{k}.dcm", facts(k), data)


def facts(k: int) -> Facts:
    return facts_of(read(sliced(IMAGE[:8, :8], k)), GREY)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(count: int) -> None:
    class Forgetful(Told):
        def __call__(self, source, found, size):
            super().__call__(source, found, size)
            self.contents.clear()

    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "a.dcma")
        write(path, "1.2", [source(k) for k in range(count)], Settings("pyramid", None, 1), Forgetful(), replace=False)
        packed = peak()
        with Archive(path, cached=4 << 20) as archive:
            for number in archive.entries:
                archive.restore(number, 1)
    print(packed, peak())


if __name__ == "__main__":
    main(int(sys.argv[1]))
