"""Archives that are there already: kept and added to, made anew, or in the way."""

import shutil

import numpy as np
import pytest
from helpers.archives import SERIES, ct_slice, make_series, pack, unpack
from helpers.files import make, read
from helpers.folders import contents, save
from helpers.images import phantom

from dicompress.series import Archive


@pytest.fixture
def packed(tmp_path):
    """A folder of four slices, and its archive."""
    source = make_series(tmp_path / "in")
    assert pack(source, tmp_path / "out").status == 0
    return source, tmp_path / "out" / f"{SERIES}.dcma"


def damage(archive, name: str) -> None:
    """In the data of a file."""
    with Archive(archive) as found:
        place = found.places[found.find(name)]
    data = bytearray(archive.read_bytes())
    data[place.data_start + place.data // 2] ^= 1
    archive.write_bytes(data)


def test_an_archive_is_in_the_way(packed):
    source, archive = packed
    before = archive.read_bytes()
    ended = pack(source, archive.parent)
    assert ended.status == 1 and set(ended.statuses.values()) == {"failed"}
    reason = f"the target {archive} exists; --resume adds to it, --force makes it anew"
    assert {line["reason"] for line in ended.outcomes.values()} == {reason}
    assert archive.read_bytes() == before


def test_what_is_there_is_kept_and_untouched(packed):
    source, archive = packed
    before, time = archive.read_bytes(), archive.stat().st_mtime_ns
    ended = pack(source, archive.parent, "--resume")
    assert (ended.status, set(ended.statuses.values())) == (0, {"kept"})
    assert all(0 < line["bytes_out"] < line["bytes_in"] for line in ended.outcomes.values())
    assert (archive.read_bytes(), archive.stat().st_mtime_ns) == (before, time)


def test_late_files_are_added_behind_what_is_there(packed, tmp_path):
    source, archive = packed
    before = archive.read_bytes()
    make_series(source, (4, 5))
    save(source / "new.dcm", ct_slice(1, "1.2.9"))
    ended = pack(source, archive.parent, "--resume")
    assert ended.status == 0
    assert ended.statuses == {
        **{f"0{n}.dcm": "kept" for n in range(4)},
        **dict.fromkeys(("04.dcm", "05.dcm", "new.dcm"), "compressed"),
    }
    assert archive.read_bytes().startswith(before) and (archive.parent / "1.2.9.dcma").exists()
    assert unpack(archive.parent, tmp_path / "back").status == 0
    assert contents(tmp_path / "back") == contents(source)
    assert set(pack(source, archive.parent, "--resume").statuses.values()) == {"kept"}


def test_files_that_are_gone_stay_in_the_archive(packed):
    source, archive = packed
    (source / "00.dcm").unlink()
    make_series(source, (4,))
    assert pack(source, archive.parent, "--resume").status == 0
    assert len(Archive(archive).entries) == 5


def test_a_file_that_differs_fails_alone(packed, tmp_path):
    source, archive = packed
    save(source / "02.dcm", ct_slice(2, seed=5))
    make_series(source, (4,))
    ended = pack(source, archive.parent, "--resume")
    assert (ended.status, ended.statuses) == (1, {
        **dict.fromkeys(("00.dcm", "01.dcm", "03.dcm"), "kept"), "02.dcm": "failed", "04.dcm": "compressed",
    })  # fmt: skip
    (reason,) = (line["reason"] for line in ended.outcomes.values() if line["status"] == "failed")
    assert reason == f"the archive {archive} has another file of this path; --force makes it anew"
    ended = pack(source, archive.parent, "--resume", "--force")
    assert (ended.status, set(ended.statuses.values())) == (0, {"compressed"})
    unpack(archive, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(source)


@pytest.mark.parametrize("options", [["--force"], ["--force", "--resume"]])
def test_an_archive_is_never_made_anew_without_what_only_it_has(packed, options):
    source, archive = packed
    before = archive.read_bytes()
    (source / "00.dcm").unlink()
    save(source / "02.dcm", ct_slice(2, seed=5))
    ended = pack(source, archive.parent, *options)
    assert ended.status == 1 and ended.statuses["02.dcm"] == "failed"
    assert "has '00.dcm', which is not among the sources" in ended.outcomes[f"{source}/02.dcm"]["reason"]
    assert archive.read_bytes() == before


@pytest.mark.parametrize("options", [["--force"], ["--force", "--resume"]])
def test_nor_without_a_file_that_cannot_be_read_now(packed, options):
    source, archive = packed
    before = archive.read_bytes()
    (source / "00.dcm").unlink()
    (source / "00.dcm").symlink_to("nothing")
    save(source / "02.dcm", ct_slice(2, seed=5))
    assert pack(source, archive.parent, *options).status == 1
    assert archive.read_bytes() == before


def test_force_makes_it_anew(packed):
    source, archive = packed
    save(source / "02.dcm", ct_slice(2, seed=5))
    assert pack(source, archive.parent, "--force").status == 0
    with Archive(archive) as found:
        assert found.restore(found.find("02.dcm")) == ct_slice(2, seed=5)


def test_something_else_of_its_name(tmp_path):
    source, target = make_series(tmp_path / "in"), tmp_path / "out"
    archive = save(target / f"{SERIES}.dcma", b"precious")
    for options in ([], ["--resume"]):
        assert pack(source, target, *options).status == 1 and archive.read_bytes() == b"precious"
    assert pack(source, target, "--force").status == 0 and len(Archive(archive).entries) == 4
    archive.unlink()
    archive.mkdir()
    ended = pack(source, target, "--force")
    assert {line["reason"] for line in ended.outcomes.values()} == {f"the target {archive} is a folder"}


def test_damaged_files_are_done_again_where_their_sources_are_all_there(packed):
    source, archive = packed
    damage(archive, "01.dcm")
    ended = pack(source, archive.parent, "--resume")
    assert (ended.status, set(ended.statuses.values())) == (0, {"compressed"})
    assert set(pack(source, archive.parent, "--resume").statuses.values()) == {"kept"}
    damage(archive, "01.dcm")
    (source / "00.dcm").unlink()
    before = archive.read_bytes()
    ended = pack(source, archive.parent, "--resume")
    assert (ended.status, ended.statuses["01.dcm"]) == (1, "failed")
    assert "is damaged in the archive" in ended.outcomes[f"{source}/01.dcm"]["reason"] and archive.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 16, 40, 300, 5000])
def test_an_archive_that_was_cut_is_made_whole_again(packed, cut):
    source, archive = packed
    archive.write_bytes(archive.read_bytes()[:-cut])
    assert pack(source, archive.parent, "--resume").status == 0
    with Archive(archive) as found:
        assert not found.problems and {e.path: found.restore(n) for n, e in found.entries.items()} == contents(source)


def test_the_remains_of_a_killed_run_are_adopted(packed):
    """What it appended in whole is kept, with checksums, the part that it was at is passed over."""
    source, archive = packed
    late = make_series(source, (4, 5))
    whole = archive.parent / "whole"
    shutil.copy(archive, whole)
    pack(late, archive.parent, "--resume")
    grown = archive.read_bytes()
    with Archive(archive) as found:
        fourth, fifth = (found.places[found.find(name)] for name in ("04.dcm", "05.dcm"))
    archive.write_bytes(grown[: fifth.end - 10])
    with Archive(archive) as found:
        assert found.indexed and len(found.problems) == 2
        assert [found.check(n) for n in found.entries] == [None] * 5
    ended = pack(source, archive.parent, "--resume")
    assert ended.status == 0 and ended.statuses["04.dcm"] == "kept" and ended.statuses["05.dcm"] == "compressed"
    assert archive.read_bytes().startswith(grown[: fourth.end])
    with Archive(archive) as found:
        assert not found.problems and all(entry.sha256 for entry in found.entries.values())
        assert {e.path: found.restore(n) for n, e in found.entries.items()} == contents(source)


def test_an_allowed_error_is_a_bound_and_kept_where_it_is_allowed(tmp_path):
    source, target, uids = make_series(tmp_path / "in"), tmp_path / "out", tmp_path / "uids"
    save(source / "grey.dcm", make(phantom(40, 40)))
    ended = pack(source, target, "--near", 3, "--uid-map", uids)
    assert (ended.status, set(ended.statuses.values())) == (0, {"compressed"})
    assert all(line["old_uid"] and line["new_uid"] for line in ended.outcomes.values())
    assert dict(line.split("\t") for line in uids.read_text().splitlines()).keys() >= {f"{SERIES}.{n}" for n in range(4)}
    ended = unpack(target, tmp_path / "back")
    assert {line["reason"] for line in ended.outcomes.values()} == {
        "a derived image, not the original: no pixel is off by more than 3 in stored values"
    }
    for name, data in contents(source).items():
        before, after = read(data), read((tmp_path / "back" / name).read_bytes())
        error = np.abs(before.pixel_array.astype(int) - after.pixel_array).max()
        assert 0 < error <= 3 and before.SOPInstanceUID != after.SOPInstanceUID
    for options, status in (
        (["--near", 3], "kept"),
        (["--near", 4], "kept"),
        (["--near", 2], "failed"),
        ([], "failed"),
        (["--psnr", 30], "kept"),
    ):
        ended = pack(source, target, "--resume", *options)
        assert set(ended.statuses.values()) == {status}, options
        assert all(bool(line["new_uid"]) == (status == "kept") for line in ended.outcomes.values())


def test_strict_near_passes_on_what_bears_no_error(tmp_path):
    source = make_series(tmp_path / "in", range(2), LossyImageCompression="01")
    assert set(pack(source, tmp_path / "a", "--near", 3).statuses.values()) == {"compressed"}
    ended = pack(source, tmp_path / "b", "--near", 3, "--strict-near")
    assert (ended.status, set(ended.statuses.values())) == (0, {"passed on"})
    for name in "ab":
        unpack(tmp_path / name, tmp_path / f"back {name}")
        assert contents(tmp_path / f"back {name}") == contents(source)
