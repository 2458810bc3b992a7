"""A store that grows stays quick. lab/benchmarks/store.py measures 20,000 objects."""

import time
from statistics import median

import pytest
from helpers.archive import instance
from sqlalchemy import text

from dicompress.store.status import status

COUNT, PART, SERIES = 600, 100, 10


@pytest.mark.slow
def test_puts_and_queries_take_no_longer_at_the_end(store):
    model = instance(1, Rows=8, Columns=8, PixelData=b"\0" * 128, SOPInstanceUID="1.2.3.100000", SeriesInstanceUID="1.3.3.100000")
    puts, finds = [], []
    for number in range(COUNT):
        data = model.replace(b"1.2.3.100000", b"1.2.3.1%05d" % number).replace(b"1.3.3.100000", b"1.3.3.1%05d" % (number // SERIES))
        start = time.perf_counter()
        store.put(data)
        puts.append(time.perf_counter() - start)
        if number % 5 == 4:
            start = time.perf_counter()
            assert len(store.find("INSTANCE", {"SeriesInstanceUID": f"1.3.3.1{number // SERIES:05}"})) == number % SERIES + 1
            finds.append(time.perf_counter() - start)
    for times in (puts, finds):
        first, last = median(times[: len(times) // 6]), median(times[-len(times) // 6 :])
        assert last < 4 * first, (first, last)  # other tests run beside it
    assert status(store)["objects"] == COUNT == len(store.find("INSTANCE"))


def test_queries_of_a_study_and_a_patient_use_an_index(store):
    if not store.index.is_sqlite:
        pytest.skip("PostgreSQL plans by how much there is")
    plans = {
        'SELECT * FROM objects WHERE "StudyInstanceUID" = 1': "objects_series",
        'SELECT * FROM objects WHERE "SOPInstanceUID" = 1 AND newest': "sqlite_autoindex_objects",
        'SELECT * FROM studies WHERE "PatientID" = 1': "studies_patient",
        'SELECT * FROM studies WHERE "StudyDate" >= 1': "studies_date",
        """SELECT * FROM studies WHERE "PatientNameFolded" GLOB 'a*'""": "studies_name",
        "SELECT * FROM objects WHERE state = 'raw' AND due <= 1": "objects_due",
    }
    with store.index.read() as connection:
        for query, index in plans.items():
            assert index in str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()), query
