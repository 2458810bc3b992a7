"""A study is packed into an archive a series, and comes back whole: bytes, names, permissions, times."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.archives import SERIES, call, ct_slice, make_series, pack, unpack
from helpers.files import change, make, pydicom_file, read, rle
from helpers.folders import contents, facts, save
from helpers.images import phantom
from helpers.originals import colour

from dicompress.dicom import compress_file, restore_file
from dicompress.series import Archive, open_series

OTHERS = "other-files.dcma"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two series in one folder and parts of one of them in another, in colour, JPEG, and whatever else lies about."""
    folder = tmp_path_factory.mktemp("study")
    for n in range(5):
        save(folder / "a" / f"{n}.dcm", ct_slice(n), 0o600 + 8 * n)
    for n in range(3):
        save(folder / "a" / f"other {n}.dcm", ct_slice(n, "1.2.5"))
        save(folder / "b" / "deep" / f"{n}", ct_slice(5 + n))
    save(folder / "colour.dcm", change(colour("RGB", 0), SeriesInstanceUID="1.2.6"))
    save(folder / "jpeg.dcm", pydicom_file("SC_rgb_jpeg_dcmtk.dcm"))
    save(folder / "report.dcm", pydicom_file("reportsi.dcm"))
    save(folder / "no series.dcm", make(phantom(40, 40)))
    save(folder / "cut.dcm", ct_slice(9)[:-1000])
    save(folder / "notes [bold]ü\n.txt", b"no image " * 50)
    save(Path(os.fsdecode(os.fsencode(folder) + b"/latin \xe9")), b"")
    return folder


def test_a_study_comes_back_whole(study, tmp_path):
    target, back = tmp_path / "packed", tmp_path / "back"
    ended = pack(study, target)
    statuses = {name: line["status"] for name, line in ended.outcomes.items()}
    assert len(statuses) == 18
    kept = {name for name, status in statuses.items() if status == "passed on"}
    assert {os.path.basename(name) for name in kept} == {"report.dcm", "cut.dcm", "notes [bold]ü\n.txt", "latin \udce9"}
    assert set(statuses.values()) == {"compressed", "passed on"}
    assert ended.status == 1 and ended.outcomes[f"{study}/cut.dcm"]["damaged"]
    names = {path.name for path in target.iterdir()}
    assert {f"{SERIES}.dcma", "1.2.5.dcma", "1.2.6.dcma", OTHERS} < names and len(names) == 6
    assert {Archive(target / f"{SERIES}.dcma").entries[n].path for n in range(9)} == {
        *(f"a/{n}.dcm" for n in range(5)), *(f"b/deep/{n}" for n in range(3)), "cut.dcm"
    }  # fmt: skip
    assert unpack(target, back).status == 0
    assert contents(back) == contents(study)
    for name in contents(study):
        assert facts(back / name) == facts(study / name)


def test_series_are_packed_by_several_processes_as_by_one(study, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    pack(study, one)
    assert call("pack", study, "-o", two, "--jobs", 2, "--json").status == 1
    assert contents(one) == contents(two)


def test_archives_are_smaller_than_compressed_files_together(tmp_path):
    source = make_series(tmp_path / "in", range(8))
    ended = pack(source, tmp_path / "out")
    together = sum(len(compress_file(data).data) for data in contents(source).values())
    size = (tmp_path / "out" / f"{SERIES}.dcma").stat().st_size
    assert sum(line["bytes_out"] for line in ended.outcomes.values()) < size < 0.9 * together


def test_the_summary_counts_archives_whole(tmp_path):
    source, target = make_series(tmp_path / "in"), tmp_path / "out"
    ended = call("pack", source, "-o", target, "--jobs", 1)
    size = sum(path.stat().st_size for path in target.iterdir())
    before = sum(map(len, contents(source).values()))
    assert ended.out.startswith(f"4 compressed, 0 passed on, 0 failed; {before / 1000:.1f} kB -> {size / 1000:.1f} kB, ratio ")
    assert (ended.status, ended.err) == (0, "")


def test_several_sources_keep_their_names(tmp_path):
    for name in "xy":
        make_series(tmp_path / name / "series", range(2), f"1.2.{ord(name)}")
    alone = save(tmp_path / "alone.dcm", ct_slice(7, "1.2.120"))
    assert pack([tmp_path / "x", tmp_path / "y", alone], tmp_path / "out").status == 0
    assert unpack(tmp_path / "out", tmp_path / "back").status == 0
    assert set(contents(tmp_path / "back")) == {*(f"{x}/series/0{n}.dcm" for x in "xy" for n in (0, 1)), "alone.dcm"}
    assert Archive(tmp_path / "out" / "1.2.120.dcma").find("alone.dcm") >= 0


@pytest.mark.parametrize(
    "policy, status, ends", [(None, "passed on", 0), ("copy", "passed on", 0), ("skip", "skipped", 0), ("fail", "failed", 1)]
)
def test_other_files(tmp_path, policy, status, ends):
    source = make_series(tmp_path / "in", range(1))
    save(source / "notes.txt", b"no image")
    ended = pack(source, tmp_path / "out", *(["--others", policy] if policy else []))
    assert (ended.status, ended.statuses) == (ends, {"00.dcm": "compressed", "notes.txt": status})
    assert (tmp_path / "out" / OTHERS).exists() == (status == "passed on")


def test_a_file_that_is_named_should_be_dicom(tmp_path):
    ended = pack(save(tmp_path / "notes.txt", b"no image"), tmp_path / "out")
    assert (ended.status, ended.statuses) == (1, {"notes.txt": "failed"})
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_what_was_compressed_without_loss_comes_back_as_decompress_gives_it(tmp_path):
    source = tmp_path / "in"
    data = change(rle(), SeriesInstanceUID=SERIES)
    save(source / "rle.dcm", data)
    assert pack(source, tmp_path / "out").status == 0
    assert unpack(tmp_path / "out", tmp_path / "back").status == 0
    back = (tmp_path / "back" / "rle.dcm").read_bytes()
    assert back == restore_file(compress_file(data).data).data
    assert np.array_equal(read(back).pixel_array, read(data).pixel_array)
    assert pack(source, tmp_path / "out", "--resume").statuses == {"rle.dcm": "kept"}


def test_a_uid_that_occurs_twice_is_two_files(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    save(source / "a" / "1.dcm", ct_slice(1))
    save(source / "b" / "1.dcm", ct_slice(1, seed=1))
    assert pack(source, target).status == 0
    archive = target / f"{SERIES}.dcma"
    ended = call("extract", archive, f"{SERIES}.1", "-o", tmp_path / "x")
    assert (ended.status, ended.err) == (
        1, f"dicompress: {archive} has 2 files of that name: a/1.dcm, b/1.dcm; give the whole path\n"
    )  # fmt: skip
    assert call("extract", archive, "b/1.dcm", "-o", tmp_path / "x").status == 0
    assert (tmp_path / "x").read_bytes() == ct_slice(1, seed=1)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("series", ["../../etc", "", "x" * 64, ".."])
def test_series_whose_uid_is_none(tmp_path, series):
    source = make_series(tmp_path / "in", range(2), SeriesInstanceUID=series)
    assert pack(source, tmp_path / "out").status == 0
    (name,) = (path.name for path in (tmp_path / "out").iterdir())
    assert name == OTHERS if not series else name.startswith("series-")
    assert unpack(tmp_path / "out", tmp_path / "back").status == 0
    assert contents(tmp_path / "back") == contents(source)


def test_an_archive_is_opened_as_an_array_in_the_order_of_places(tmp_path):
    source = make_series(tmp_path / "in", (3, 0, 2, 1))
    pack(source, tmp_path / "out")
    with open_series(tmp_path / "out" / f"{SERIES}.dcma") as found:
        assert found.shape == (4, 128, 128)
        for n in range(4):
            assert np.array_equal(found[n], read(ct_slice(n)).pixel_array)


def test_what_makes_no_sense_is_told(tmp_path):
    source = make_series(tmp_path / "in", range(1))
    for arguments, told in (
        ([source, "-o", source], f"{source} is a source: let the archives go to another folder"),
        (["-", "-o", tmp_path / "x"], "pack reads files and writes archives, through no pipe (./- is a file of that name)"),
        (
            [source, "-o", tmp_path / "x", "--uid-map", "m"],
            "--uid-map goes with --near, --near-hu or --psnr: otherwise no UID changes",
        ),
    ):
        ended = call("pack", *arguments)
        assert (ended.status, ended.err) == (1, f"dicompress: {told}\n")
    ended = pack(tmp_path / "nothing", tmp_path / "x")
    assert (ended.status, ended.statuses) == (1, {"nothing": "failed"})
