"""A store: what is put comes back, is found and deleted; the same bytes are one object, other bytes another version."""

import json
import threading

import pytest
from helpers.archive import compress, instance, rows, stored
from helpers.files import pydicom_file

from dicompress.errors import DicompressError, FileError, NotDicomError, NotStoredError
from dicompress.store import Store
from dicompress.store.audit import lines
from dicompress.store.status import manifest, status
from dicompress.store.storage import sha256

UID = "1.2.3.1"


def test_what_is_put_comes_back_byte_for_byte(store):
    for number, name in enumerate(("CT_small.dcm", "MR_small.dcm", "reportsi.dcm", "JPEG2000.dcm", "image_dfl.dcm")):
        data = instance(number, name)
        outcome = store.put(data)
        assert (outcome.uid, outcome.version, outcome.status, outcome.bytes_in) == (f"1.2.3.{number}", 1, "stored", len(data))
        assert store.get(outcome.uid) == data
    assert [row.state for row in rows(store)] == ["raw"] * 5
    compress(store)
    assert {row.state for row in rows(store)} == {"raw", "compressed"}
    assert store.get("1.2.3.0") == instance(0)


def test_it_is_on_the_disk_when_put_returns(store):
    store.put(instance())
    (key,) = stored(store)
    assert (store.config.folder / "objects" / key).read_bytes() == instance()
    assert key.startswith("raw/") and sha256(instance()) in key
    with Store(store.config.folder) as other:
        assert other.get(UID) == instance()


def test_what_is_no_whole_object_is_refused_and_nothing_is_kept(store):
    with pytest.raises(NotDicomError):
        store.put(b"no DICOM at all" * 100)
    with pytest.raises(FileError, match="cut short"):
        store.put(instance()[:-100])
    with pytest.raises(FileError, match=r"no SOP Instance UID \(0008,0018\)"):
        store.put(instance(SOPInstanceUID=""))
    assert not stored(store) and not rows(store)


def test_the_same_bytes_are_the_same_object_in_whatever_form(store):
    store.put(instance())
    again = store.put(instance())
    assert (again.status, again.version, len(stored(store))) == ("stored already", 1, 1)
    compress(store)
    (key,) = stored(store)
    for data in (instance(), store.storage.read(key)):
        assert store.put(data).status == "stored already"
    assert stored(store) == {key} and len(rows(store)) == 1


def test_other_bytes_are_a_further_version_and_get_gives_the_newest(store):
    first, second = instance(), instance(PatientName="Other")
    store.put(first)
    outcome = store.put(second)
    assert (outcome.status, outcome.version) == ("stored as a further version", 2)
    assert outcome.reason == "other bytes of this SOP Instance UID: version 2"
    assert store.get(UID) == store.get(UID, 2) == second and store.get(UID, 1) == first
    assert [found["PatientName"] for found in store.find("INSTANCE")] == ["Other"]
    assert store.put(first).version == 1
    compress(store)
    assert store.get(UID) == second and store.get(UID, 1) == first
    store.delete(UID, 2)
    assert store.get(UID) == first and len(store.find("INSTANCE")) == 1
    assert [store.put(instance(StudyID=number)).version for number in "23"] == [2, 3]
    store.delete(UID, 3)
    assert store.get(UID) == instance(StudyID="2") and len(store.find("INSTANCE")) == 1


def test_deleted_objects_are_gone_with_their_studies_and_files(store):
    store.put(instance(1))
    store.put(instance(2))
    store.put(instance(2, PatientID="new"))
    compress(store)
    assert [outcome.version for outcome in store.delete("1.2.3.2")] == [1, 2]
    with pytest.raises(NotStoredError, match="1.2.3.2 is not stored"):
        store.get("1.2.3.2")
    assert len(store.find("STUDY")) == 1 and len(stored(store)) == 1
    store.delete(UID)
    assert [store.find(level) for level in ("PATIENT", "STUDY", "SERIES", "INSTANCE")] == [[], [], [], []]
    assert not stored(store) and status(store)["files_to_be_removed"] == 0
    for version in (None, 1):
        with pytest.raises(NotStoredError):
            store.delete(UID, version)


def test_several_threads_put_the_same_and_other_objects(store):
    objects = [instance(number % 5, StudyID=str(number % 7)) for number in range(35)] * 2
    failures = []

    def put(part):
        try:
            for data in part:
                store.put(data)
        except DicompressError as error:
            failures.append(error)

    threads = [threading.Thread(target=put, args=(objects[k::4],)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    found = rows(store)
    assert sorted((row.SOPInstanceUID, row.version) for row in found) == [(f"1.2.3.{n}", v) for n in range(5) for v in range(1, 8)]
    assert sum(row.newest for row in found) == 5
    assert len(stored(store)) == 35 and status(store)["files_to_be_removed"] == 0


def test_the_manifest_tells_before_and_after(store):
    data = instance()
    store.put(data, "SCANNER")
    compress(store)
    (line,) = manifest(store)
    (key,) = stored(store)
    packed = store.storage.read(key)
    assert (
        (line["arrived_sha256"], line["arrived_size"])
        == (line["restored_sha256"], line["restored_size"])
        == (sha256(data), len(data))
    )
    assert (line["packed_sha256"], line["packed_size"], line["packed_key"]) == (sha256(packed), len(packed), key)
    assert (line["guarantee"], line["state"], line["raw_key"], line["sender"]) == ("bytes", "compressed", None, "SCANNER")


def test_the_audit_has_a_line_for_all_that_happened(store):
    store.put(instance())
    store.put(instance())
    store.put(instance(StudyID="2"))
    compress(store)
    store.delete(UID, 1)
    store.flush()
    found = [json.loads(line) for line in store.config.audit.read_text().splitlines()]
    events = [one["event"] for one in found]
    assert events == ["put", "put again", "version", *["proved", "compressed"] * 2, "deleted"]
    assert all(one["uid"] == UID for one in found) and found[0]["sha256"] == found[-1]["sha256"] == sha256(instance())
    assert [one["id"] for one in found] == sorted({one["id"] for one in found})
    with store.config.audit.open("a") as file:
        file.write('{"id": 7, "cut')  # by a full disk
    store.put(instance(2))
    store.flush()
    assert [one["event"] for one in lines(store.config.audit)] == [*events, "put"]


def test_objects_may_be_wherever_fsspec_reaches(tmp_path):
    with Store.create(tmp_path / "store", data=f"memory://{tmp_path.name}") as store:
        store.put(instance())
        assert compress(store)[UID].status == "compressed"
        assert store.get(UID) == instance() and len(stored(store)) == 1
        store.delete(UID)
        assert not stored(store)
    with Store.create(tmp_path / "other", data=f"file://{tmp_path / 'data'}") as store:
        store.put(instance())
        assert len(list((tmp_path / "data" / "raw").rglob("*.dcm"))) == 1


def test_a_store_that_is_not_there_or_broken_says_so(tmp_path):
    with pytest.raises(FileError, match="is no store: `dicompress store init"):
        Store(tmp_path)
    Store.create(tmp_path / "s").close()
    with pytest.raises(FileError, match="is a store already"):
        Store.create(tmp_path / "s")
    with Store(tmp_path / "s") as store, store.index.write() as connection:
        store.index.set_fact(connection, "schema", "2")
    with pytest.raises(FileError, match="the index has schema 2, and this version reads 1"):
        Store(tmp_path / "s")
    (tmp_path / "s" / "index.sqlite").unlink()
    with pytest.raises(FileError, match="the store's index, is missing"):
        Store(tmp_path / "s")
    (tmp_path / "s" / "store.toml").write_text('data = "objects"\nindx = 1')
    with pytest.raises(FileError, match="it has data, index, lease"):
        Store(tmp_path / "s")
    with pytest.raises(FileError, match="the index"):
        Store.create(tmp_path / "t", index="postgresql://nobody@/none?host=/nowhere")
    assert not (tmp_path / "t" / "store.toml").exists()


def test_pydicoms_own_files_go_in_and_come_out(store):
    names = ("CT_small.dcm", "color3d_jpeg_baseline.dcm", "SC_rgb_rle.dcm", "rtdose.dcm", "examples_palette.dcm")
    files = {store.put(pydicom_file(name)).uid: pydicom_file(name) for name in names}
    compress(store)
    assert {uid: store.get(uid) for uid in files} == files
