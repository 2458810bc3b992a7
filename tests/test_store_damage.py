"""Whatever is read is checked: a damaged object is an error for that object, never a wrong picture, and shows in the status."""

import random

import pytest
from helpers.archive import ONE, compress, instance, rows, stored

from dicompress.errors import DamagedObjectError, FileError
from dicompress.store import Store, checking
from dicompress.store.status import status

UID = "1.2.3.1"


@pytest.fixture
def both(store):
    """A compressed and a raw object, and their files."""
    store.put(instance(1))
    compress(store)
    store.put(instance(2))
    return store


def path(store: Store, uid: str):
    (row,) = (row for row in rows(store) if row.SOPInstanceUID == uid)
    return store.config.folder / "objects" / (row.raw_key or row.packed_key)


def flip(file, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def verify(store: Store, share: float = 1) -> tuple[dict[str, str], list[str]]:
    found = []
    unindexed = checking.verify(store, share, found.append, ONE)
    return {outcome.uid: outcome.status for outcome in found}, unindexed


@pytest.mark.parametrize("uid", ["1.2.3.1", "1.2.3.2"])
def test_no_flipped_bit_is_ever_given(both, uid):
    file, other = path(both, uid), {"1.2.3.1": "1.2.3.2", "1.2.3.2": "1.2.3.1"}[uid]
    whole, chance = file.read_bytes(), random.Random(uid)
    for at in [0, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(20))]:
        flip(file, at)
        with pytest.raises(DamagedObjectError, match="is damaged: its SHA-256 is not"):
            both.get(uid)
        assert both.get(other) == instance(int(other[-1]))
        file.write_bytes(whole)
    assert status(both)["damaged"] == 1


@pytest.mark.parametrize("uid", ["1.2.3.1", "1.2.3.2"])
@pytest.mark.parametrize("cut", [True, False])
def test_cut_and_missing_files_are_told_and_shown(both, uid, cut):
    file = path(both, uid)
    file.write_bytes(file.read_bytes()[:-1]) if cut else file.unlink()
    with pytest.raises(DamagedObjectError, match="is damaged" if cut else "is missing"):
        both.get(uid)
    (told,) = status(both)["damaged_objects"]
    assert (told["SOPInstanceUID"], told["version"]) == (uid, 1) and file.name in told["damaged"]
    assert verify(both)[0] == {"1.2.3.1": "verified", "1.2.3.2": "verified"} | {uid: "damaged"}
    both.flush()
    assert both.config.audit.read_text().count('"event": "damaged"') == 1


def test_what_is_put_again_heals_a_damaged_object(both):
    for uid in ("1.2.3.1", "1.2.3.2"):
        data, file = both.get(uid), path(both, uid)
        flip(file, 500)
        assert verify(both)[0][uid] == "damaged"
        outcome = both.put(data)
        assert (outcome.status, outcome.reason) == ("stored already", "what was stored was damaged: it is sound again")
        assert both.get(uid) == data and status(both)["damaged"] == 0 and not file.exists()
    assert compress(both).keys() == {"1.2.3.1", "1.2.3.2"} and len(stored(both)) == 2


def test_nothing_is_acknowledged_because_it_was_stored_once(both):
    """Damage that nobody has met yet is met by the put."""
    for uid in ("1.2.3.1", "1.2.3.2"):
        data = both.get(uid)
        path(both, uid).unlink()
        assert both.put(data).reason == "what was stored was damaged: it is sound again"
        assert both.get(uid) == data


def test_a_file_that_is_put_back_is_sound_again_when_it_is_verified(both):
    file = path(both, UID)
    whole = file.read_bytes()
    file.unlink()
    assert verify(both)[0][UID] == "damaged"
    file.write_bytes(whole)
    assert verify(both)[0][UID] == "verified" and status(both)["damaged"] == 0


def test_a_damaged_raw_object_is_not_compressed(store):
    store.put(instance())
    flip(path(store, UID), 30_000)
    outcome = compress(store)[UID]
    assert outcome.status == "damaged" and "SHA-256" in outcome.reason
    assert compress(store) == {} and status(store)["damaged"] == 1


def test_a_storage_that_cannot_be_read_now_is_no_damage(both, monkeypatch):
    def fail(key):
        raise FileError("the network is down")

    monkeypatch.setattr(both.storage, "read", fail)
    with pytest.raises(FileError, match="the network is down"):
        both.get(UID)
    assert set(verify(both)[0].values()) == {"failed"}
    monkeypatch.undo()
    assert status(both)["damaged"] == 0 and both.get(UID) == instance()


def test_an_object_that_is_compressed_while_it_is_read_is_given(both, monkeypatch):
    """Its raw form goes between the look at the index and the file."""
    from dicompress.store import queries

    find = queries.row

    def late(*arguments):
        found = find(*arguments)
        compress(both)
        return found

    monkeypatch.setattr(queries, "row", late)
    assert both.get("1.2.3.2") == instance(2) and status(both)["damaged"] == 0


def test_a_sample_is_what_was_not_looked_at_for_longest(store):
    for number in range(10):
        store.put(instance(number))
    seen = [verify(store, 0.3)[0].keys() for _ in range(4)]
    assert [len(some) for some in seen] == [3, 3, 3, 3] and set().union(*seen) == {f"1.2.3.{n}" for n in range(10)}
    assert seen[3] >= {"1.2.3.9", "1.2.3.0", "1.2.3.1"}


def test_files_that_the_index_does_not_have_are_told_and_stay(both):
    stray = both.config.folder / "objects" / "raw" / "stray.dcm"
    stray.write_bytes(b"whose?")
    assert verify(both)[1] == ["raw/stray.dcm"] and stray.exists()
