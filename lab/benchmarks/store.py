"""Print how long a store takes to put and to find objects while it grows, as a table for docs/store.md.

    python lab/benchmarks/store.py [--count 20000] [--index URL]

Objects are pydicom's CT with a picture of 16 x 16, ten in a series, four series in a study, a patient a study. Each is parsed, written,
synced and committed before the next. A row is a tenth of the objects: milliseconds of a put, the median and the 99th percentile,
and of queries on all that is stored by then, medians of 20.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import pydicom
from pydicom.data import get_testdata_file

from dicompress.store import Store

SERIES, STUDY = 10, 4  # objects in a series, series in a study
UID = "1.2.826.0.1.3680043.10.{}.1{:08}"


def template() -> bytes:
    """Every UID and the patient's ID as long as those that take their place."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    for place, name in enumerate(("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")):
        setattr(dataset, name, UID.format(place, 0))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientID, dataset.PatientName = "P0000000", "N0000000^A"
    dataset.PixelData, dataset.Rows, dataset.Columns = dataset.PixelData[:512], 16, 16
    del dataset[0x00431029:0x00432000]
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def instance(model: bytes, number: int) -> bytes:
    for place, unit in enumerate((1, SERIES, SERIES * STUDY)):
        model = model.replace(UID.format(place, 0).encode(), UID.format(place, number // unit).encode())
    study = number // (SERIES * STUDY)
    return model.replace(b"P0000000", f"P{study:07}".encode()).replace(b"N0000000", f"N{study:07}".encode())


def milliseconds(function: Callable[[], object], times: int = 20) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        found.append(1000 * (time.perf_counter() - start))
    return median(found)


def queries(store: Store, stored: int) -> dict[str, Callable[[], object]]:
    study = stored // 2 // (SERIES * STUDY)
    uid = UID.format(2, study)
    return {
        "study of a patient": partial(store.find, "STUDY", {"PatientID": f"P{study:07}"}),
        "studies by N00000*": partial(store.find, "STUDY", {"PatientName": f"N{study:07}"[:-1] + "*"}),
        "instances of a study": partial(store.find, "INSTANCE", {"StudyInstanceUID": uid}),
        "100 studies of all": partial(store.find, "STUDY", {}, 100),
        "get": partial(store.get, UID.format(0, stored // 2)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--index", default="index.sqlite")
    parser.add_argument("--folder", type=Path, help="where the store is made, for a while")
    options = parser.parse_args()
    model, step = template(), options.count // 10
    print(f"{options.count} objects of {len(model)} bytes\n")
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        Store.create(Path(folder) / "store", index=options.index) as store,
    ):
        names = list(queries(store, 0))
        print("| stored | put | put, 99 % | " + " | ".join(names) + " |", "|---" * (3 + len(names)) + "|", sep="\n")
        for start in range(0, options.count, step):
            times = []
            for number in range(start, start + step):
                data, began = instance(model, number), time.perf_counter()
                store.put(data)
                times.append(1000 * (time.perf_counter() - began))
            found = [milliseconds(query) for query in queries(store, start + step).values()]
            cells = [median(times), quantiles(times, n=100)[98], *found]
            print(f"| {start + step} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
