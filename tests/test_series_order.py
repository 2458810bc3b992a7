"""In which order slices of a series lie, which of them lean on which, and what one of them costs."""

import itertools

import numpy as np
import pytest
from helpers.series import FACING, add, files_of, needed, pack, shuffled, sliced, sources_of, volume

from dicompress.series import Archive, open_series, order, reader
from dicompress.series.order import MOST_NEEDED, Chains, coding_order

SLICES = volume(7)
NOWHERE = {"ImagePositionPatient": None, "ImageOrientationPatient": None}


def drifting(count: int, shape=(64, 72)) -> np.ndarray:
    """Each slice is like those beside it, and less like those farther away."""
    rng = np.random.default_rng(3)
    steps = rng.integers(-30, 31, (count, *shape)).cumsum(0)
    return (rng.integers(0, 1500, shape) + steps).astype(np.int16)


def packed_in_order(path, files) -> list[str]:
    """Names of slices as they lie in an archive of files in another order, without digits that tell."""
    pack(path, dict(shuffled(files.items())))
    with open_series(path) as series:
        return series.paths


def same(found: list[str], wanted: list[str]) -> bool:
    return found in (wanted, wanted[::-1])


@pytest.mark.parametrize(
    "elements",
    [
        lambda k: {"InstanceNumber": [3, 1, 0, 6, 2, 5, 4][k]},  # the position tells
        lambda k: {"InstanceNumber": None},
        lambda k: {"ImagePositionPatient": [1, 2, -3.5 * k]},
        lambda k: {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1], "ImagePositionPatient": [-2 * k, 0, 0]},
        lambda k: {**NOWHERE, "InstanceNumber": 10 * k - 30},
        lambda k: {**NOWHERE, "InstanceNumber": None, "AcquisitionTime": f"1201{8 * k:02d}.5"},
        lambda k: {**NOWHERE, "InstanceNumber": None, "TriggerTime": str(3 * k)},  # 9 stands before 12
    ],
)
def test_elements_tell_the_order(tmp_path, elements):
    files = {f"{k}.dcm": sliced(image, k, **elements(k)) for k, image in enumerate(drifting(7))}
    assert same(packed_in_order(tmp_path / "a.dcma", files), [*files])


def test_measuring_tells_what_pays_where_elements_say_different_things(tmp_path):
    pixels = drifting(9)
    numbers = shuffled(range(9), 4)
    files = {f"{k}.dcm": sliced(image, numbers[k], InstanceNumber=k) for k, image in enumerate(pixels)}  # the position misleads
    assert same(packed_in_order(tmp_path / "a.dcma", files), [*files])


@pytest.mark.parametrize("by_time", [True, False])
def test_of_positions_at_several_times_the_likelier_neighbours_count(tmp_path, by_time):
    """Two positions, five times: slices are like those of the same position at other times, or like the other position's."""
    rng = np.random.default_rng(9)
    near, far, other = drifting(5), rng.integers(0, 1500, (64, 72)), rng.integers(0, 1500, (5, 64, 72))
    files = {}
    for time in range(5):
        for place in range(2):
            image = near[time] + place * far if by_time else other[time] + 50 * place
            name = f"{place}{time}" if by_time else f"{time}{place}"
            files[name] = sliced(image.astype(np.int16), place, SOPInstanceUID=f"1.2.{place}.{time}", TemporalPositionIdentifier=time)
    found = packed_in_order(tmp_path / "a.dcma", files)
    changes = sum(a[0] != b[0] for a, b in itertools.pairwise(found))
    assert changes == (1 if by_time else 4)


def test_what_is_not_alike_makes_groups(tmp_path):
    other = files_of(volume(3, (40, 48)), SeriesDescription="scout")
    tilted = {f"t{k}": sliced(image, 10 + k, ImageOrientationPatient=[0, 1, 0, 0, 0, -1]) for k, image in enumerate(volume(2))}
    pack(tmp_path / "a.dcma", {**{f"x{n}": data for n, data in other.items()}, **tilted, **files_of(SLICES)})
    with Archive(tmp_path / "a.dcma") as archive:
        groups = {name: archive.entries[archive.find(name)].group for name in ("000.dcm", "006.dcm", "x000.dcm", "t0", "t1")}
        assert groups["000.dcm"] == groups["006.dcm"] == 0 and groups["x000.dcm"] == 1 and groups["t0"] == groups["t1"] == 2
        for number in archive.entries:
            entry = archive.entries[number]
            assert all(archive.entries[n].group == entry.group for n in entry.references)


def test_slices_lean_on_those_beside_them(tmp_path):
    pack(tmp_path / "a.dcma", files_of(SLICES))
    with Archive(tmp_path / "a.dcma") as archive:
        by_place = {entry.place: entry for entry in archive.entries.values()}
        leant = {k: sorted(archive.entries[n].place for n in by_place[k].references) for k in range(7)}
    assert leant[0] == [] and all(leant[k] for k in range(1, 7)) and leant[3] == [0, 6] and leant[1] == [0, 2] and leant[5] == [3, 6]


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 100, 1000])
def test_no_slice_needs_more_than_fifteen_others(count):
    chains = Chains()
    places = coding_order(count)
    assert sorted(places) == list(range(count))
    for place in places:
        chosen = chains.candidates(place)
        assert len(chosen) <= 2 and place not in chosen and len(set(chosen)) == len(chosen)
        chains.add(place, chosen)
    sizes = [len(chains.needed[n]) for n in range(count)]
    assert max(sizes) <= MOST_NEEDED
    alone = sum(not n for n in sizes)
    assert alone <= 1 + count / 50, "slices that lean on nothing"


@pytest.fixture
def decodes(monkeypatch):
    """Paths of slices that are decoded."""
    found = []

    def counted(entry, *arguments):
        found.append(entry.path)
        return decoded(entry, *arguments)

    decoded = reader.decoded
    monkeypatch.setattr(reader, "decoded", counted)
    return found


@pytest.mark.parametrize("cached", [0, 64 << 20])
def test_one_slice_decodes_what_it_leans_on_once_and_a_sweep_each_slice(tmp_path, decodes, cached):
    pixels = volume(40, (48, 56))
    files = files_of(pixels)
    pack(tmp_path / "a.dcma", files)
    with Archive(tmp_path / "a.dcma") as archive:
        deepest = max(archive.entries, key=lambda n: len(needed(archive, n)))
        wanted = {number: 1 + len(needed(archive, number)) for number in archive.entries}
    assert 5 < wanted[deepest] <= MOST_NEEDED + 1
    for number in (deepest, 0, 39):
        with Archive(tmp_path / "a.dcma", cached) as archive:
            decodes.clear()
            assert archive.restore(number) == files[archive.entries[number].path]
            assert len(decodes) == len(set(decodes)) == wanted[number]
    with open_series(tmp_path / "a.dcma", cached=20 * 48 * 56 * 2) as series:  # far less than all of it
        decodes.clear()
        assert all(np.array_equal(found, pixel) for found, pixel in zip(series, pixels, strict=True))
        assert len(decodes) == 40


def test_a_slice_that_cannot_be_looked_at_does_not_decide():
    files = files_of(SLICES[:3]) | {"x": sliced(SLICES[3], 3)[:-50]}
    found = [source.facts for source in sources_of(files)]
    choices = order.orders(found, range(4))
    assert order.best(choices, lambda n: None if n == 3 else SLICES[n]) in choices


def test_late_slices_get_their_places_and_lean_on_those_beside_them(tmp_path):
    files = files_of(volume(12))
    names = [*files]
    first, late = [names[n] for n in (1, 2, 4, 5, 7, 9)], [names[n] for n in (11, 3, 0, 8, 10, 6)]
    pack(tmp_path / "a.dcma", {name: files[name] for name in first})
    before = (tmp_path / "a.dcma").read_bytes()
    for some in (late[:1], late[1:]):
        add(tmp_path / "a.dcma", {name: files[name] for name in some})
    after = (tmp_path / "a.dcma").read_bytes()
    assert after.startswith(before)
    for data in (after, after[:-5]):  # with the index and without it
        (tmp_path / "b.dcma").write_bytes(data)
        with open_series(tmp_path / "b.dcma") as series:
            assert same(series.paths, names) and series.groups == 1
            assert [series.dataset(k).PixelData for k in range(12)] and all(
                series.archive.restore(n) == files[entry.path] for n, entry in series.archive.entries.items()
            )
            for name in late:
                entry = series.archive.entries[series.archive.find(name)]
                assert entry.references and all(n < entry.number for n in entry.references)
                apart = [abs(series.archive.entries[n].place - entry.place) for n in entry.references]
                assert min(apart) <= 1.5, "a slice beside it"
                assert len(needed(series.archive, entry.number)) <= MOST_NEEDED


def test_late_slices_of_another_kind_make_a_group(tmp_path):
    pack(tmp_path / "a.dcma", files_of(SLICES))
    add(tmp_path / "a.dcma", {f"x{n}": data for n, data in files_of(volume(2, (40, 48)), ImageOrientationPatient=FACING).items()})
    add(tmp_path / "a.dcma", {"late.txt": b"late" * 30})
    with open_series(tmp_path / "a.dcma") as series:
        assert series.groups == 2 and len(series) == 7 and len(series.archive.entries) == 10
        assert all(series.archive.check(number) is None for number in series.archive.entries)
