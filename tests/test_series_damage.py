"""Cut, damaged, mutated and forged archives: what does not depend on the damage comes back, and nothing else does."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.mutations import Mutator
from helpers.series import come_back, needed, two_runs

from dicompress import LimitError, StreamError
from dicompress.series import Archive, open_series, parts


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return two_runs(tmp_path_factory.mktemp("series") / "a.dcma")


@pytest.fixture
def opened(tmp_path):
    """A function that opens an archive of these bytes."""

    def opened(data: bytes) -> Archive:
        (tmp_path / "x.dcma").write_bytes(data)
        return Archive(tmp_path / "x.dcma")

    return opened


@pytest.fixture
def sound(opened, whole):
    with opened(whole) as archive:
        yield archive


def spans(archive: Archive) -> list[parts.Place]:
    """All parts, in their order."""
    return [place for place, _, _ in parts.scan(archive._bytes, pytest.fail)]


def test_everything_is_there_without_the_index(opened, whole, sound):
    places = spans(sound)
    last = places[-1]
    assert last.kind == parts.INDEX and last.end + parts.FOOTER.size == len(whole)
    for data in (whole[:-1], whole[:-8], whole[: last.start + 9], whole[: last.start], whole + b"\0", whole + b"behind it" * 9):
        with opened(data) as archive:
            assert come_back(archive) == set(range(9)) and archive.problems and not archive.lost
            assert archive.series == sound.series and archive.indexed
    first = next(place for place in places if place.kind == parts.INDEX)
    with opened(whole[: first.start]) as archive:  # none is left
        assert come_back(archive) == set(range(8)) and not archive.indexed and archive.series == sound.series
        for number, entry in archive.entries.items():
            assert entry == replace(sound.entries[number], sha256="")


def test_cut_at_every_border_of_parts_and_elsewhere(opened, whole, sound):
    borders = [border for place in spans(sound) for border in (place.start, place.data_start, place.end)]
    first_run = next(p for p in spans(sound) if p.kind == parts.INDEX).end + parts.FOOTER.size
    elsewhere = np.random.default_rng(0).integers(8, len(whole), 40).tolist()
    for cut in borders + elsewhere:
        with opened(whole[:cut]) as archive:
            kept = {number for number, place in sound.places.items() if place.end <= cut}
            assert come_back(archive) == {n for n in kept if needed(sound, n) <= kept}, cut
            assert bool(archive.problems) == (cut != first_run)


@pytest.mark.parametrize("where", ["head", "data"])
def test_a_damaged_part_takes_what_depends_on_it_only(opened, whole, sound, where):
    for number, place in sound.places.items():
        at = place.start + parts.HEADER.size + 3 if where == "head" else place.data_start + place.data // 2
        with opened(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]) as archive:
            dependent = {number} if where == "head" else {n for n in sound.entries if number in {n, *needed(sound, n)}}
            assert come_back(archive) == set(sound.entries) - dependent and archive.problems == []
            for n in dependent:
                assert sound.entries[n].path in archive.check(n) and "CRC-32" in archive.check(n)
            if where == "data" and sound.entries[number].method == "slice":
                with pytest.raises(StreamError, match="CRC-32"), open_series(archive.path) as series:
                    np.asarray(series)


def test_without_an_index_damaged_parts_are_told(opened, whole, sound):
    first = next(place for place in spans(sound) if place.kind == parts.INDEX)
    whole = whole[: first.start]
    for number in range(8):
        place = sound.places[number]
        leans = {n for n in range(8) if number in {n, *needed(sound, n)}}
        for at in (place.start, place.start + 5, place.start + parts.HEADER.size, place.data_start, place.end - 1):
            with opened(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]) as archive:
                assert come_back(archive) == set(range(8)) - leans
                assert len(archive.problems) == 2 and f"{place.start}" in archive.problems[0] + archive.problems[1]
                assert archive.lost == ([number] if at < place.data_start and number != 7 else [])


def test_the_dictionary_of_all_heads_stands_twice(opened, whole, sound):
    base, *_, last = places = spans(sound)
    indices = [place.data_start + 5 for place in places if place.kind == parts.INDEX]
    assert base.kind == parts.BASE

    def changed(data: bytes, *at: int) -> bytes:
        for n in at:
            data = data[:n] + bytes([data[n] ^ 1]) + data[n + 1 :]
        return data

    for at, problems in ((base.start + 9, 0), (base.data_start + 5, 0), (last.data_start + 5, 1)):
        with opened(changed(whole, at)) as archive:
            assert come_back(archive) == set(range(9)) and len(archive.problems) == problems
    with opened(changed(whole, base.data_start + 5, last.end + 3)) as archive:
        assert come_back(archive) == set(range(9)) and archive.indexed
    with opened(changed(whole, base.data_start + 5, *indices)) as archive:
        assert come_back(archive) == set() and any("lost" in problem for problem in archive.problems)


@pytest.mark.parametrize("count", [300])
def test_mutations_are_errors_or_the_right_files(opened, whole, count):
    mutator, right, damaged = Mutator(11, [whole]), 0, 0
    for _ in range(count):
        try:
            archive = opened(mutator.change(whole))
        except (StreamError, LimitError):
            continue
        with archive:
            found = come_back(archive)
            right, damaged = right + (len(found) == 9), damaged + (0 < len(found) < 9)
            assert len(found) == 9 or archive.problems or any(map(archive.check, archive.entries)) or archive.lost
    assert right > 0 and damaged > count // 4
