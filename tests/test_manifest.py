"""The manifest: what was written and what it was made of, a line each; checked later, it finds what is missing, changed or more."""

import hashlib
import json
import threading
from pathlib import Path

import pytest
from helpers.archives import call
from helpers.files import change, pydicom_file
from helpers.folders import contents
from pydicom.data import get_testdata_file

import dicompress
from dicompress import FileError
from dicompress.cli import manifest
from dicompress.cli.outcome import COMPRESSED, Job, Outcome

JPEG_LS = Path(get_testdata_file("JPEG-LL.dcm"))  # comes back uncompressed


@pytest.fixture
def tree(tmp_path):
    files = {
        "a/ct.dcm": pydicom_file(), "a/mr.dcm": pydicom_file("MR_small.dcm"), "jpeg.dcm": JPEG_LS.read_bytes(),
        "notes.txt": b"no image", "cut.dcm": pydicom_file()[:20000],
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    return tmp_path / "in"


def compress(tree, tmp_path, *options):
    return call("compress", tree, "-o", tmp_path / "out", "--jobs", 1, "--manifest", tmp_path / "m" / "x.jsonl", *options)


def lines(tmp_path) -> dict[str, dict]:
    return {line["path"]: line for line in map(json.loads, (tmp_path / "m" / "x.jsonl").read_text().splitlines())}


def verify(tmp_path, *options):
    return call("verify", tmp_path / "out", "--manifest", tmp_path / "m" / "x.jsonl", "--jobs", 1, *options)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_line_tells_of_both_files(tree, tmp_path):
    assert compress(tree, tmp_path, "--shard", "0/1").status == 1  # one is damaged
    found, out = lines(tmp_path), contents(tmp_path / "out")
    assert {name: line["sha256_before"] for name, line in found.items()} == {n: sha256(d) for n, d in contents(tree).items()}
    assert {name: line["sha256_after"] for name, line in found.items()} == {n: sha256(d) for n, d in out.items()}
    assert {name: line["guarantee"] for name, line in found.items()} == {
        "a/ct.dcm": "file", "a/mr.dcm": "file", "jpeg.dcm": "pixels", "notes.txt": "as it is", "cut.dcm": "as it is",
    }  # fmt: skip
    ct = found["a/ct.dcm"]
    assert (ct["bytes_before"], ct["bytes_after"]) == (len(pydicom_file()), len(out["a/ct.dcm"]))
    assert ct["model"] == "pyramid" and ct["model_hash"] and ct["version"] == dicompress.__version__
    assert (ct["action"], ct["status"], ct["shard"], ct["near"]) == ("compress", "compressed", "0/1", 0)
    assert ct["seconds"] > 0


def test_what_is_as_it_was_written_is_verified(tree, tmp_path):
    compress(tree, tmp_path)
    ended = verify(tmp_path)
    assert (ended.status, ended.out) == (0, "5 verified, 0 not ours, 0 bad\n")
    (tmp_path / "m" / "x.jsonl").rename(tmp_path / "out" / "manifest.jsonl")  # it may lie in the folder itself
    assert call("verify", tmp_path / "out", "--manifest", tmp_path / "out" / "manifest.jsonl", "--jobs", 1).status == 0


def test_whatever_is_missing_changed_or_more_is_bad(tree, tmp_path):
    compress(tree, tmp_path)
    out = tmp_path / "out"
    (out / "a" / "mr.dcm").unlink()
    (out / "notes.txt").write_bytes(b"no images")
    call("compress", JPEG_LS, "-o", out / "more.dcm")
    other = change(pydicom_file(), PatientName="Else")  # a sound file, but another
    (tmp_path / "other.dcm").write_bytes(other)
    call("compress", tmp_path / "other.dcm", "-o", out / "a" / "ct.dcm", "--force")
    ended = verify(tmp_path)
    assert (ended.status, ended.out) == (1, "2 verified, 0 not ours, 4 bad\n")
    for told in (
        "a/mr.dcm: is in the manifest, but not there", "more.dcm: is there, but not in the manifest",
        "a/ct.dcm: is not what was written: ", "notes.txt: is not what was written: ",
    ):  # fmt: skip
        assert f"{out}/{told}" in ended.err


def test_a_file_must_restore_to_its_original(tree, tmp_path):
    compress(tree, tmp_path)
    path = tmp_path / "m" / "x.jsonl"
    path.write_text(path.read_text().replace(sha256(pydicom_file()), sha256(b"another")))
    ended = verify(tmp_path)
    assert ended.status == 1 and "a/ct.dcm: restores to another file than was compressed" in ended.err


def test_a_run_that_goes_on_lists_what_it_keeps(tree, tmp_path):
    compress(tree, tmp_path)
    before = lines(tmp_path)
    (tmp_path / "m" / "x.jsonl").unlink()
    compress(tree, tmp_path, "--resume")
    found = lines(tmp_path)
    assert {line["status"] for line in found.values()} == {"kept"}
    same = ("sha256_before", "sha256_after", "guarantee", "bytes_before", "bytes_after", "model_hash")
    assert {n: [line[k] for k in same] for n, line in found.items()} == {n: [line[k] for k in same] for n, line in before.items()}
    assert verify(tmp_path).status == 0


def test_what_a_killed_run_left_is_no_line_and_no_loss(tree, tmp_path):
    compress(tree, tmp_path)
    path = tmp_path / "m" / "x.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    compress(tree, tmp_path, "--resume")
    assert path.read_bytes().startswith(whole[:-30] + b"\n")
    ended = verify(tmp_path)
    assert ended.status == 0 and f"{path}, line 5: no line of a manifest" in ended.err


def test_shards_and_their_manifests_are_checked_together(tree, tmp_path):
    for index in range(2):
        call(
            "compress", tree, "-o", tmp_path / "out", "--shard", f"{index}/2", "--manifest", tmp_path / f"{index}.jsonl", "--jobs", 1
        )
    both = ["--manifest", tmp_path / "0.jsonl", "--manifest", tmp_path / "1.jsonl", "--jobs", 1]
    assert call("verify", tmp_path / "out", *both).out == "5 verified, 0 not ours, 0 bad\n"
    (tmp_path / "out" / "jpeg.dcm").unlink()
    statuses = [call("verify", tmp_path / "out", *both, "--shard", f"{index}/2").status for index in range(2)]
    assert sorted(statuses) == [0, 1]


def test_in_place_a_second_run_forgets_no_original(tree, tmp_path):
    for _ in range(2):
        call("compress", tree, "--in-place", "--manifest", tmp_path / "m" / "x.jsonl", "--jobs", 1)
    (expected,) = (e for n, e in manifest.read([tmp_path / "m" / "x.jsonl"], []).items() if n == "a/ct.dcm")
    assert expected.before == sha256(pydicom_file())
    assert call("verify", tree, "--manifest", tmp_path / "m" / "x.jsonl", "--jobs", 1).status == 0


def test_restored_and_transcoded_files_have_manifests(tree, tmp_path):
    compress(tree, tmp_path)
    for command, options in (("decompress", []), ("transcode", ["--to", "native"])):
        path, back = tmp_path / f"{command}.jsonl", tmp_path / command
        call(command, tmp_path / "out", "-o", back, "--manifest", path, "--jobs", 1, *options)
        told = {line["path"]: line for line in map(json.loads, path.read_text().splitlines())}
        assert {n: line["sha256_after"] for n, line in told.items()} == {n: sha256(d) for n, d in contents(back).items()}
        assert told["a/ct.dcm"]["guarantee"] == ("file" if command == "decompress" else "pixels")
        (back / "notes.txt").write_bytes(b"changed")
        ended = call("verify", back, "--manifest", path, "--jobs", 1)
        assert ended.status == 1 and ended.out.endswith(" 1 bad\n")


def test_a_single_file_is_listed_by_its_targets_name(tmp_path):
    (tmp_path / "m").mkdir()
    call("compress", JPEG_LS, "-o", tmp_path / "out" / "small.dcm", "--manifest", tmp_path / "m" / "x.jsonl")
    assert list(lines(tmp_path)) == ["small.dcm"]
    assert verify(tmp_path).status == 0


def test_lines_of_many_are_whole(tmp_path):
    """Runs may share a manifest."""

    def write(number: int) -> None:
        path = manifest.Manifest(tmp_path / "x", Job("compress", manifest=True), f"{number}/4")
        for count in range(200):
            path.add(Outcome(f"{number}/{count}", "x" * 500, COMPRESSED, manifest={"path": f"{number}/{count}"}))
        path.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({json.loads(line)["path"] for line in (tmp_path / "x").read_text().splitlines()}) == 800


def test_what_does_not_go_together_is_told(tree, tmp_path):
    ended = call("compress", tree / "a" / "ct.dcm", "-o", "-", "--manifest", tmp_path / "x")
    assert ended.status == 1
    (tmp_path / "x").write_text("")
    assert "single source" in call("verify", tree, tmp_path, "--manifest", tmp_path / "x").err
    assert "--listing" in call("verify", tree, "--manifest", tmp_path / "x", "--listing", tmp_path / "x").err
    with pytest.raises(FileError, match="cannot write the manifest"):
        manifest.Manifest(tree, Job("compress"))


def test_a_full_disk_is_told(tree, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    ended = call("compress", tree, "-o", tmp_path / "out", "--jobs", 1, "--manifest", "/dev/full")
    assert ended.status == 1 and "cannot write the manifest /dev/full: No space left on device; run again with --resume" in ended.err
