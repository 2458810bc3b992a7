"""Files out of archives: all of them, one, listed, checked; damaged archives and hostile paths."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from helpers.archives import SERIES, call, ct_slice, make_series, pack, unpack
from helpers.command import run
from helpers.files import pydicom_file
from helpers.folders import contents, facts, save

from dicompress.errors import StreamError
from dicompress.series import Archive, packing
from dicompress.series.order import Facts
from dicompress.series.pack import write
from dicompress.series.packing import Settings
from dicompress.series.writer import Source


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    source = make_series(folder / "in", range(6))
    save(source / "notes.txt", b"no image " * 20)
    assert pack(source, folder / "out").status == 0
    return source, folder / "out" / f"{SERIES}.dcma"


def changed(archive, target, change):
    return save(target / archive.name, bytes(change(bytearray(archive.read_bytes()))), 0o644)


def flipped(data: bytearray, place: int) -> bytearray:
    data[place] ^= 1
    return data


def test_targets_that_are_there(packed, tmp_path):
    source, archive = packed
    back = tmp_path / "back"
    assert unpack(archive, back).status == 0
    ended = unpack(archive, back)
    assert (
        ended.status == 1 and ended.outcomes[f"{archive}/00.dcm"]["reason"] == f"the target {back}/00.dcm exists; --force replaces it"
    )
    save(back / "00.dcm", b"precious")
    save(back / "01.dcm", ct_slice(1)[:-100])
    (back / "02.dcm").unlink()
    ended = unpack(archive, back, "--resume")
    told = {"00.dcm": "failed", "01.dcm": "restored", "02.dcm": "restored", **dict.fromkeys(("03.dcm", "04.dcm", "05.dcm"), "kept")}
    assert (ended.status, ended.statuses) == (1, told) and (back / "00.dcm").read_bytes() == b"precious"
    assert unpack(archive, back, "--resume", "--force").statuses == {**dict.fromkeys(told, "kept"), "00.dcm": "restored"}
    assert contents(back) == {name: data for name, data in contents(source).items() if name != "notes.txt"}


def test_two_archives_with_one_path(packed, tmp_path):
    _, archive = packed
    save(tmp_path / "other.dcma", archive.read_bytes())
    ended = call("unpack", archive, tmp_path / "other.dcma", "-o", tmp_path / "back")
    assert ended.status == 1 and not (tmp_path / "back").exists()
    assert ended.err == (
        f"dicompress: two files would both be written to {tmp_path}/back/00.dcm; "
        "unpack the archives one after another, into folders of their own\n"
    )


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "..", "a//b", ".", "a/./b", "a\0b"])
def test_paths_that_would_leave_the_folder_are_refused(tmp_path, path):
    archive, folder = tmp_path / "a.dcma", tmp_path / "deep" / "back"
    sources = [Source(name, Facts(""), lambda: b"hostile" * 30) for name in (path, "good")]
    write(archive, "", sources, Settings("pyramid"), lambda *_: None, replace=False)
    ended = unpack(archive, folder)
    assert (ended.status, ended.outcomes[f"{archive}/{path}"]["status"]) == (1, "failed")
    assert ended.outcomes[f"{archive}/{path}"]["reason"].startswith("its path would leave the folder")
    assert contents(tmp_path) == {"a.dcma": archive.read_bytes(), "deep/back/good": b"hostile" * 30}
    assert call("extract", archive, path, "-o", tmp_path / "mine").status == 0


def test_permissions_and_times_come_back(tmp_path):
    source = make_series(tmp_path / "in", range(3))
    for n, mode in enumerate((0o400, 0o755, 0o4600)):
        (source / f"0{n}.dcm").chmod(mode)
        os.utime(source / f"0{n}.dcm", ns=(5, -(10**18) + n))
    pack(source, tmp_path / "out")
    unpack(tmp_path / "out", tmp_path / "back")
    assert [facts(tmp_path / "back" / f"0{n}.dcm") for n in range(3)] == [
        (0o400, -(10**18)), (0o755, -(10**18) + 1), (0o600, -(10**18) + 2)
    ]  # fmt: skip


def test_extract_decodes_only_what_the_file_needs(packed, tmp_path, monkeypatch):
    source, archive = packed
    decoded = []

    def count(entry, *arguments):
        decoded.append(entry.number)
        return packing.decoded(entry, *arguments)

    monkeypatch.setattr("dicompress.series.reader.decoded", count)
    with Archive(archive) as found:
        first = next(n for n, entry in found.entries.items() if not entry.references)
        needed = {first}
        while more := {n for k in needed for n in found.entries[k].references} - needed:
            needed |= more
        path, uid = found.entries[first].path, found.entries[first].uid
    for name, output, at in ((path, tmp_path / "one", tmp_path / "one"), (uid, f"{tmp_path}/", tmp_path / path)):
        decoded.clear()
        ended = call("extract", archive, name, "-o", output, "--json")
        assert ended.status == 0 and set(decoded) == needed
        assert at.read_bytes() == (source / path).read_bytes()
    assert call("extract", archive, path, "-o", tmp_path / "one").status == 1
    assert call("extract", archive, path, "-o", tmp_path / "one", "--force").status == 0
    ended = call("extract", archive, "nothing", "-o", tmp_path / "x")
    assert (ended.status, ended.err) == (1, f"dicompress: {archive} has no file 'nothing'\n")


def test_extract_to_standard_output(packed):
    source, archive = packed
    command = [sys.executable, "-m", "dicompress", "extract", str(archive), "03.dcm", "-o", "-"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == (source / "03.dcm").read_bytes()


def test_list_and_info(packed):
    _, archive = packed
    lines = [json.loads(line) for line in call("list", archive, "--json").out.splitlines()]
    assert {line["path"] for line in lines} == {f"0{n}.dcm" for n in range(6)}
    assert all(line["method"] == "slice" and line["bytes"] == len(ct_slice(0)) for line in lines)
    assert sum(bool(line["leans_on"]) for line in lines) == 5
    assert {line["guarantee"] for line in lines} == {"the original file, byte for byte"}
    assert len(call("list", archive).out.splitlines()) == 6
    ended = call("info", archive, "--json")
    found = json.loads(ended.out)
    assert (found["series"], found["files"], found["slice"], found["archive_bytes"]) == (SERIES, 6, 6, archive.stat().st_size)
    assert "series" in call("info", archive).out


def test_verify_takes_archives_among_compressed_files(packed, tmp_path):
    source, archive = packed
    save(tmp_path / "all" / "a.dcma", archive.read_bytes())
    save(tmp_path / "all" / "deep" / "b.dcma", (archive.parent / "other-files.dcma").read_bytes())
    assert call("compress", source / "00.dcm", "-o", tmp_path / "all" / "00.dcm").status == 0
    ended = call("verify", tmp_path / "all", "--jobs", 1)
    assert (ended.status, ended.out) == (0, "8 verified, 0 not ours, 0 bad\n")
    named = save(tmp_path / "without suffix", archive.read_bytes())
    ended = call("verify", named, "--json", "--jobs", 1)
    assert set(ended.outcomes) == {f"{named}/0{n}.dcm" for n in range(6)}


def test_damage_is_told_by_the_files_that_it_costs(packed, tmp_path):
    _, archive = packed
    with Archive(archive) as found:
        entries, places = found.entries, found.places
    for number, place in places.items():
        leans = {number}
        while more := {n for n, entry in entries.items() if leans & set(entry.references)} - leans:
            leans |= more
        bad = changed(archive, tmp_path / f"{number}", lambda data: flipped(data, place.data_start + 20))
        ended = call("verify", bad, "--json", "--jobs", 1)
        lost = {name.removeprefix(f"{bad}/") for name, line in ended.outcomes.items() if line["status"] == "failed"}
        assert ended.status == 1 and lost == {entries[n].path for n in leans}
        ended = unpack(bad, tmp_path / f"back {number}")
        assert ended.status == 1
        assert contents(tmp_path / f"back {number}") == {
            e.path: ct_slice(int(e.path[:2])) for n, e in entries.items() if n not in leans
        }


def test_a_cut_archive_yields_what_is_whole(packed, tmp_path):
    _, archive = packed
    with Archive(archive) as found:
        entries, places = found.entries, found.places
    last = max(places, key=lambda n: places[n].end)
    bad = changed(archive, tmp_path, lambda data: data[: places[last].end - 5])
    ended = call("verify", bad, "--json", "--jobs", 1)
    assert ended.status == 1 and ended.outcomes[str(bad)]["reason"].startswith("damaged: ")
    assert len(ended.outcomes) == 6
    unpack(bad, tmp_path / "back")
    assert set(contents(tmp_path / "back")) == {entry.path for n, entry in entries.items() if n != last}
    ended = call("list", bad)
    assert ended.status == 1 and len(ended.out.splitlines()) == 5 and "damaged" in ended.err
    assert json.loads(call("info", bad, "--json").out)["problems"]


def test_no_byte_can_be_changed_unnoticed(packed, tmp_path):
    source, archive = packed
    size = archive.stat().st_size
    for place in [*range(60), *range(60, size - 60, size // 40), *range(size - 60, size)]:
        bad = changed(archive, tmp_path, lambda data: flipped(data, place))
        if place < 8:
            with pytest.raises(StreamError, match="not an archive"):
                Archive(bad)
            continue
        with Archive(bad) as found:
            sound = [number for number in found.entries if found.check(number) is None]
            assert len(sound) == 6 or found.problems or len(sound) < len(found.entries)
            for number in sound:
                assert found.restore(number) == (source / found.entries[number].path).read_bytes()


def test_what_is_no_archive(tmp_path):
    for name, data, told in (("x.dcma", b"", "not an archive"), ("y", pydicom_file(), "not an archive"), ("z", None, "no such file")):
        path = tmp_path / name
        if data is not None:
            save(path, data)
        ended = unpack(path, tmp_path / "back")
        assert ended.status == 1 and told in ended.outcomes[str(path)]["reason"]
        for command in (("list", path), ("extract", path, "a", "-o", tmp_path / "b")):
            ended = call(*command)
            assert ended.status == 1 and told in ended.err and str(path) in ended.err
    assert call("verify", tmp_path / "x.dcma").status == 1


def test_entries_that_are_nonsense_are_an_error(packed):
    _, archive = packed
    with Archive(archive) as found:
        entry = next(iter(found.entries.values()))
    for wrong in ({"mode": -1}, {"mtime_ns": 1 << 70}, {"guarantee": 9}, {"size": -1}, {"method": "x"}, {"mode": "rw"}):
        with pytest.raises(Exception, match="an entry of the archive is none"):
            type(entry).of(replace(entry, **wrong).facts())


def test_several_processes_unpack_and_verify(packed, tmp_path):
    source, archive = packed
    run("unpack", archive.parent, "-o", tmp_path, "--jobs", 2)
    assert contents(tmp_path) == contents(source)
    assert run("verify", archive.parent, "--jobs", 2).stdout == "7 verified, 0 not ours, 0 bad\n"
