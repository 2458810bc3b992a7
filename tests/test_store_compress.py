"""Compression behind the scenes: raw, proved, compressed; what fails stays raw and is told; two workers never do one object twice."""

import json
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.archive import ONE, compress, instance, rows, set_rules, stored
from helpers.files import pydicom_file, rle
from sqlalchemy import update

from dicompress.dicom import restore_file
from dicompress.errors import FileError, NotStoredError, VerificationError
from dicompress.store import Store, compression, dryrun, files, leases
from dicompress.store.rollback import roll_back
from dicompress.store.status import status
from dicompress.store.tables import objects

UID = "1.2.3.1"


def state(store, uid: str = UID):
    return {row.SOPInstanceUID: row for row in rows(store)}[uid]


def test_the_raw_form_goes_when_the_compressed_one_is_on_the_disk_and_restores_it(store, monkeypatch):
    data, seen = instance(), []
    store.put(data)
    finish = compression._finish

    def look(*arguments):
        row = state(store)
        seen.append(
            (row.state, store.storage.read(row.raw_key) == data, restore_file(store.storage.read(row.packed_key)).data == data)
        )
        return finish(*arguments)

    monkeypatch.setattr(compression, "_finish", look)
    outcome = compress(store)[UID]
    assert seen == [("proved", True, True)]
    assert (outcome.status, outcome.guarantee, outcome.bytes_in) == ("compressed", "bytes", len(data))
    assert stored(store) == {state(store).packed_key} and state(store).state == "compressed" and store.get(UID) == data
    assert outcome.bytes_out == state(store).packed_size < len(data)


def test_what_was_proved_when_its_worker_died_is_gone_on_with(store, monkeypatch):
    store.put(instance())
    monkeypatch.setattr(compression, "_finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        compress(store)
    monkeypatch.undo()
    assert (state(store).state, len(stored(store)), store.get(UID)) == ("proved", 2, instance())
    assert compress(store)[UID].status == "compressed" and len(stored(store)) == 1


def test_what_was_proved_and_is_damaged_then_is_raw_again(store, monkeypatch):
    store.put(instance())
    monkeypatch.setattr(compression, "_finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        compress(store)
    monkeypatch.undo()
    path = store.config.folder / "objects" / state(store).packed_key
    path.write_bytes(path.read_bytes()[:-100])
    outcome = compress(store)[UID]
    assert outcome.status == "failed" and "SHA-256" in outcome.reason
    assert (state(store).state, state(store).attempts, len(stored(store)), store.get(UID)) == ("raw", 1, 1, instance())


def test_what_cannot_be_compressed_is_left_with_the_reason_and_not_tried_again(store):
    store.put(instance(1, "reportsi.dcm"))
    assert compress(store)[UID].reason == "no Pixel Data (7FE0,0010)"
    assert compress(store) == {} and status(store)["reasons"] == [["left: no Pixel Data (7FE0,0010)", 1]]


def test_a_failed_compression_leaves_the_object_raw_and_is_counted_told_and_tried_thrice(store, monkeypatch):
    def fail(*_, **__):
        raise VerificationError("frame 1 does not come back as it was")

    store.put(instance())
    monkeypatch.setattr(compression, "compress_or_pass_on", fail)
    for attempt in (1, 2, 3):
        outcome = compress(store)[UID]
        assert (outcome.status, outcome.reason) == ("failed", "frame 1 does not come back as it was")
        assert (state(store).state, state(store).attempts) == ("raw", attempt) and store.get(UID) == instance()
        assert compress(store) == {}  # not yet
        with store.index.write() as connection:
            connection.execute(update(objects).where(objects.c.due.is_not(None)).values(due=0))
    assert compress(store) == {} and status(store)["failed"] == 1 and len(stored(store)) == 1
    events = [json.loads(line) for line in store.config.audit.read_text().splitlines()]
    assert [event["event"] for event in events] == ["put", "failed", "failed", "failed"]


def test_storage_that_takes_nothing_counts_against_no_object(store, monkeypatch):
    store.put(instance())

    def full(*_):
        raise compression.FileError("cannot write: No space left on device")

    monkeypatch.setattr(store.storage, "write", full)
    assert compress(store)[UID].reason == "cannot write: No space left on device"
    assert (state(store).state, state(store).attempts, store.get(UID)) == ("raw", 0, instance())
    assert 0 < state(store).due - time.time() <= compression.NO_ROOM


def claimed_by(folder: str, barrier, found) -> None:
    with Store(folder) as store:
        owner = leases.new_owner()
        barrier.wait(30)
        mine = []
        while some := leases.claim(store, owner, 1):
            assert len(some) == 1
            mine += some
            time.sleep(0.02)
        found.put(mine)


def test_two_workers_never_claim_one_object(store):
    for number in range(30):
        store.put(instance(number))
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(2), context.Queue()
    workers = [context.Process(target=claimed_by, args=(str(store.config.folder), barrier, found)) for _ in range(2)]
    for worker in workers:
        worker.start()
    claimed = [found.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sorted(number for mine in claimed for number in mine) == [row.id for row in rows(store)] and all(claimed)


def test_two_workers_at_a_time_compress_each_object_once(store):
    for number in range(6):
        store.put(instance(number))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: compress(store), range(2))
    assert not first.keys() & second.keys() and len(first | second) == 6
    store.flush()
    assert store.config.audit.read_text().count('"event": "compressed"') == 6


def test_a_dead_workers_lease_ends_and_what_it_still_does_counts_for_nothing(store):
    store.put(instance())
    (number,) = leases.claim(store, "dead", 5)
    assert compress(store) == {}
    with store.index.write() as connection:
        connection.execute(update(objects).values(lease_until=time.time() - 1))
    assert leases.claim(store, "next", 5) == [number]
    assert compression.compress(store, number, owner="dead") is None
    assert compression.compress(store, number, owner="next").status == "compressed"


def test_a_living_workers_lease_is_renewed(store):
    store.put(instance())
    object.__setattr__(store.config, "lease", 0.3)
    with leases.renewed(store, "me"):
        leases.claim(store, "me", 1)
        time.sleep(1)
        assert leases.claim(store, "other", 1) == []
    assert leases.claim(store, "other", 1) == [1]


@pytest.mark.slow
def test_worker_processes_do_it(store):
    data = {f"1.2.3.{number}": instance(number) for number in range(5)}
    for one in data.values():
        store.put(one)
    assert {outcome.status for outcome in compress(store, jobs=2).values()} == {"compressed"}
    assert {uid: store.get(uid) for uid in data} == data
    with store.index.read() as connection:
        assert not connection.execute(objects.select().where(objects.c.lease_owner.is_not(None))).all()


@pytest.mark.slow
def test_a_store_that_its_workers_cannot_open_counts_against_no_object(store):
    store.put(instance())
    store.config.rules.write_text("[[rule]")
    with pytest.raises(FileError, match="rules.toml cannot be read"):
        compress(store, jobs=2)
    assert (state(store).state, state(store).attempts, state(store).lease_owner) == ("raw", 0, None)


def test_the_same_pixels_are_not_the_same_bytes_unless_the_rule_says_so(store):
    data = pydicom_file("JPEG-LL.dcm")
    uid = store.put(data).uid
    assert "give back the same pixels, not the same bytes" in compress(store)[uid].reason and store.get(uid) == data
    store = set_rules(store, '[[rule]]\ndo = "lossless"\nsame = "pixels"')
    outcome = compress(store)[uid]
    assert (outcome.status, outcome.guarantee) == ("compressed", "pixels")
    restored = store.get(uid)
    assert restored != data and store.put(restored).status == store.put(data).status == "stored already"
    back = roll_back(store, 1, 0)
    assert (back.status, back.guarantee) == ("rolled back", "pixels") and "the original is gone" in back.reason
    assert store.get(uid) == restored and state(store, uid).arrived_size == len(data)
    store.close()


def test_an_allowed_error_makes_another_object_and_the_old_uid_says_which(store):
    store = set_rules(store, '[[rule]]\ndo = "near"\nnear = 2')
    store.put(instance())
    assert compress(store)[UID].guarantee == "near 2"
    (found,) = store.find("INSTANCE")
    assert found["SOPInstanceUID"].startswith("2.25.") and found["guarantee"] == "near 2"
    assert b"2.25." in store.get(found["SOPInstanceUID"])
    with pytest.raises(NotStoredError, match=rf"{UID} was replaced by the derived image {found['SOPInstanceUID']} \(near 2\)"):
        store.get(UID)
    assert store.put(instance()).reason == f"as {found['SOPInstanceUID']}, near 2"
    store.put(instance(2))
    store.put(instance(2, StudyID="other"))
    assert compress(store)["1.2.3.2"].reason == compression.SEVERAL
    store.close()


def test_rolled_back_objects_are_as_they_came_and_stay_so(store):
    store.put(instance())
    compress(store)
    outcome = roll_back(store, 1, 0)
    assert (outcome.status, outcome.bytes_out, outcome.reason) == ("rolled back", len(instance()), None)
    assert (state(store).state, state(store).guarantee, len(stored(store)), store.get(UID)) == ("raw", None, 1, instance())
    assert compress(store) == {} and roll_back(store, 1, 0).status == "left" and roll_back(store, 9, 0) is None
    files.sweep(store)
    assert store.storage.read(state(store).raw_key) == instance()


def test_a_dry_run_of_all_is_what_the_real_run_does(store):
    for number, name in enumerate(("CT_small.dcm", "MR_small.dcm", "reportsi.dcm", "JPEG-LL.dcm", "JPEG2000.dcm", "rtdose.dcm")):
        store.put(instance(number, name))
    store.put(rle())
    told = []
    dryrun.dry_run(store, 1, told.append, ONE)
    facts = ("status", "reason", "bytes_in", "bytes_out", "guarantee")
    before = {one.uid: [getattr(one, name) for name in facts] for one in told}
    assert {row.state for row in rows(store)} == {"raw"} and len(stored(store)) == 7
    assert before == {uid: [getattr(one, name) for name in facts] for uid, one in compress(store).items()}


def test_a_dry_run_of_a_sample_tells_the_rest_from_its_neighbour(store):
    for number in range(8):
        store.put(instance(number, PixelData=instance()[-32768:][2 * number :] + b"\0" * 2 * number))
    told = []
    dryrun.dry_run(store, 0.25, told.append, ONE)
    assert sum(one.reason == dryrun.PREDICTED for one in told) == 6 and len(told) == 8
    real = compress(store)
    assert {one.uid: one.status for one in told} == {one.uid: one.status for one in real.values()}
    predicted, found = (sum(one.bytes_out for one in some) for some in (told, real.values()))
    assert abs(predicted / found - 1) < 0.02
