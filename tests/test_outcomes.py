"""Every file is compressed, passed on or failed, and passed on means that it is there; equal reasons are counted."""

import json
import os
from pathlib import Path

import pydicom
import pytest
from helpers.command import run
from helpers.faults import as_nobody_special, end, start
from helpers.files import change, make, pydicom_file
from helpers.folders import contents
from helpers.images import phantom
from pydicom.data import get_testdata_file

import dicompress.dicom
from dicompress.cli import batch, files
from dicompress.cli.app import app
from dicompress.cli.outcome import FAILED, KEPT, PASSED_ON, SKIPPED, Outcome, Totals
from dicompress.cli.reasons import Tally, kind_of
from dicompress.cli.report import Report, summary
from dicompress.dicom import DICOMPRESS, Compressed, PassedOn, Restored, compress_file

CT = Path(get_testdata_file("CT_small.dcm"))
OTHERS = {
    "README.TXT": b"no image",
    ".DS_Store": b"\0\0\0\1Bud1" + bytes(200),
    "empty": b"",
    "zip/a.zip": b"PK\3\4" + bytes(99),
}
DAMAGED = {"cut.dcm": pydicom_file()[:20000], "header.dcm": pydicom_file()[:200], "mr/short": pydicom_file("MR_truncated.dcm")}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "study"
    for name, data in {"ct.dcm": pydicom_file(), "report.dcm": pydicom_file("reportsi.dcm"), **OTHERS}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def outcomes(action: str, sources, target, **options) -> dict[str, Outcome]:
    found = batch.run(batch.Job(action, **options), files.tasks(sources, target), 1, lambda outcome: None)
    return {Path(o.source).name: o for o in found}


@pytest.mark.parametrize("jobs", [1, 2])
def test_files_that_are_no_dicom_come_along_both_ways(folder, tmp_path, jobs):
    packed, back = tmp_path / "packed", tmp_path / "back"
    result = run("compress", folder, "-o", packed, "--jobs", jobs)
    assert result.stdout.startswith("1 compressed, 1 passed on, 4 other files copied, 0 failed; ")
    assert f"{folder}/README.TXT: copied: not a DICOM" in result.stderr
    assert run("verify", packed).stdout == "1 verified, 5 not ours, 0 bad\n"
    result = run("decompress", packed, "-o", back, "--jobs", jobs)
    assert result.stdout.startswith("1 restored, 1 passed on, 4 other files copied, 0 failed; ")
    assert contents(back) == contents(folder)


@pytest.mark.parametrize("action", ["compress", "decompress"])
@pytest.mark.parametrize("others, status", [("skip", SKIPPED), ("fail", FAILED)])
def test_files_that_are_no_dicom_are_left_out_when_that_is_asked_for(folder, tmp_path, action, others, status):
    found = outcomes(action, [folder], tmp_path / "out", others=others)
    assert {o.status for name, o in found.items() if name in map(os.path.basename, OTHERS)} == {status}
    assert contents(tmp_path / "out").keys() == {"ct.dcm", "report.dcm"}
    assert Totals("compress", found.values()).exit_status() == (others == "fail")


@pytest.mark.parametrize("action", ["compress", "decompress"])
@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_is_named_and_no_dicom_fails_unless_it_may_be_copied(folder, tmp_path, action, name):
    source, target = folder / name, tmp_path / "out"
    assert outcomes(action, [source], target)[source.name].status == FAILED and not target.exists()
    assert outcomes(action, [source], target, others="copy")[source.name].status == PASSED_ON
    assert target.read_bytes() == OTHERS[name]


@pytest.mark.parametrize("action", ["compress", "decompress"])
def test_damaged_files_are_passed_on_told_and_make_the_exit_status_1(folder, tmp_path, action):
    for name, data in DAMAGED.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    found = outcomes(action, [folder], tmp_path / "out")
    assert contents(tmp_path / "out").keys() == contents(folder).keys()
    if action == "compress":
        for name, data in DAMAGED.items():
            outcome = found[os.path.basename(name)]
            assert (outcome.status, outcome.damaged) == (PASSED_ON, True) and outcome.reason
            assert (tmp_path / "out" / name).read_bytes() == data
        assert Totals("compress", found.values()).exit_status() == 1
    else:  # whatever is not ours and can be read far enough to tell
        assert all((tmp_path / "out" / name).read_bytes() == data for name, data in DAMAGED.items())


def test_damage_is_told_in_the_summary_and_bad_for_verify(folder, tmp_path):
    (folder / "header.dcm").write_bytes(DAMAGED["header.dcm"])
    result = run("compress", folder, "-o", tmp_path / "out", check=1)
    assert "1 compressed, 1 passed on, 1 damaged, 4 other files copied, 0 failed" in result.stdout
    assert f"{folder}/header.dcm: passed on, damaged: " in result.stderr
    result = run("verify", tmp_path / "out", check=1)
    assert result.stdout == "1 verified, 5 not ours, 1 bad\n"
    assert run("compress", folder, "-o", tmp_path / "out", "--resume", check=1).stdout.startswith("0 compressed, 6 kept, ")


def test_damaged_compressed_files_fail(tmp_path):
    compressed = compress_file(make(phantom(64, 64))).data
    for number, data in enumerate((compressed[:-900], compressed[:500], compressed[:-99] + b"x" * 99)):
        source, target = tmp_path / f"{number}.dcm", tmp_path / "out" / f"{number}.dcm"
        source.write_bytes(data)
        assert outcomes("decompress", [source], target)[source.name].status == FAILED
        assert outcomes("verify", [source], None)[source.name].status == FAILED
        assert not target.exists()


def test_a_file_that_only_mentions_our_transfer_syntax_is_passed_on(tmp_path):
    """Such as a DICOMDIR of compressed files."""
    directory = pydicom.dcmread(get_testdata_file("DICOMDIR"))
    for record in directory.DirectoryRecordSequence:
        record.ReferencedTransferSyntaxUIDInFile = DICOMPRESS
    directory.save_as(tmp_path / "DICOMDIR")
    assert DICOMPRESS.encode() in (tmp_path / "DICOMDIR").read_bytes()[:4096]
    outcome = outcomes("decompress", [tmp_path / "DICOMDIR"], tmp_path / "out")["DICOMDIR"]
    assert (outcome.status, outcome.damaged) == (PASSED_ON, False)
    assert outcomes("verify", [tmp_path / "DICOMDIR"], None)["DICOMDIR"].status == PASSED_ON


def test_resuming_keeps_other_and_damaged_files_and_never_replaces_what_differs(folder, tmp_path):
    target = tmp_path / "out"
    (folder / "header.dcm").write_bytes(DAMAGED["header.dcm"])
    outcomes("compress", [folder], target)
    (target / "README.TXT").write_bytes(b"another text")
    found = outcomes("compress", [folder], target, resume=True)
    assert found.pop("README.TXT").status == FAILED and (target / "README.TXT").read_bytes() == b"another text"
    assert {o.status for o in found.values()} == {KEPT}
    assert found["header.dcm"].damaged and found["header.dcm"].reason and not found["empty"].is_dicom
    found = outcomes("compress", [folder], target, resume=True, others="skip")
    assert found["README.TXT"].status == found["empty"].status == SKIPPED


def test_what_cannot_be_read_fails(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "locked").write_bytes(pydicom_file())
    (tmp_path / "in" / "locked").chmod(0)
    process = start("compress", tmp_path / "in", "-o", tmp_path / "out", preexec_fn=as_nobody_special)
    status, _, err = end(process)
    assert status == 1 and err == f"{tmp_path}/in/locked: cannot be read: Permission denied\n"


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "SC_rgb.dcm"])
def test_compressing_twice_says_already_compressed(tmp_path, name):
    (tmp_path / "a.dcm").write_bytes(pydicom_file(name))
    outcomes("compress", [tmp_path / "a.dcm"], tmp_path / "b.dcm")
    outcome = outcomes("compress", [tmp_path / "b.dcm"], tmp_path / "c.dcm")["b.dcm"]
    assert outcome.status == PASSED_ON and outcome.reason.startswith("already compressed")
    assert (tmp_path / "c.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_verify_tells_files_without_a_record_apart_and_calls_changed_ones_bad(tmp_path, monkeypatch):
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).write_bytes(name.encode())
    results = {
        b"a": Restored(b"", 10, 0), b"b": Restored(b"", 10, 0, remark="no restore record: the pixels are right"),
        b"c": Restored(b"", 10, 0, remark="no restore record: the JPEG is right"), b"d": Restored(b"", 10, 0, edited=True),
    }  # fmt: skip
    monkeypatch.setattr(dicompress.dicom, "restore_file", lambda data, threads: results[data])
    found = outcomes("verify", [tmp_path], None)
    assert [found[name].status for name in "abcd"] == ["verified"] * 3 + [FAILED]
    assert found["b"].reason == "no restore record: the pixels are right" and found["a"].reason is None
    assert "elements were changed after compression" in found["d"].reason
    assert summary(Totals("verify", found.values()), 1.0) == "1 verified, 2 verified without a restore record, 0 not ours, 1 bad"


def test_changed_elements_are_bad(tmp_path):
    (tmp_path / "a.dcm").write_bytes(change(compress_file(pydicom_file()).data, PatientID="other"))
    assert run("verify", tmp_path, check=1).stdout == "0 verified, 0 not ours, 1 bad\n"


@pytest.mark.parametrize("remark", [None, "two values only: compressed without loss", "without a restore record"])
def test_remarks_of_compression_are_told(tmp_path, monkeypatch, remark):
    result = Compressed(b"small", 4, 0, remark=remark)
    monkeypatch.setattr(dicompress.dicom, "compress_or_pass_on", lambda *_: result)
    outcome = outcomes("compress", [CT], tmp_path / "out", allowance=dicompress.Allowance(near=1))[CT.name]
    assert (outcome.status, outcome.reason) == ("compressed", remark)


@pytest.mark.parametrize("options", [("--no-record",), ("--near", 2, "--allow-quantitative", "--strict-near")])
def test_options_reach_the_decision(tmp_path, monkeypatch, options):
    seen = []
    monkeypatch.setattr(dicompress.dicom, "compress_or_pass_on", lambda *given: seen.append(given) or PassedOn("a reason"))
    with pytest.raises(SystemExit):
        app(["compress", str(CT), "-o", str(tmp_path / "out"), *map(str, options)])
    ((_, _, _, allowance, record),) = seen
    assert record == ("--no-record" not in options)
    assert allowance == (None if not record else dicompress.Allowance(near=2, quantitative=True, strict=True))


@pytest.mark.parametrize("option", ["--allow-lossy-again", "--allow-mammography", "--allow-quantitative", "--strict-near"])
def test_options_about_errors_go_with_an_error(tmp_path, option):
    assert "go with --near" in run("compress", CT, "-o", tmp_path / "x", option, check=1).stderr


# What is told


def test_quiet_tells_failures_only(folder, tmp_path):
    result = run("compress", folder, "-o", tmp_path / "out", "--quiet")
    assert (result.stdout, result.stderr) == ("", "")
    (folder / "cut.dcm").write_bytes(DAMAGED["header.dcm"])
    (folder / "nowhere").symlink_to("nothing")
    result = run("compress", folder, "-o", tmp_path / "other", "-q", check=1)
    assert result.stdout == "" and len(result.stderr.splitlines()) == 2
    assert run("verify", tmp_path / "out", "--quiet").stdout == ""
    assert run("decompress", tmp_path / "out", "-o", tmp_path / "back", "--quiet").stderr == ""
    (tmp_path / "nothing").mkdir()
    assert run("compress", tmp_path / "nothing", "-o", tmp_path / "x", "-q").stdout == ""


def test_equal_reasons_are_told_for_three_files_and_counted(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for n in range(8):
        (source / f"report {n}.dcm").write_bytes(pydicom_file("reportsi.dcm"))
        (source / f"small {n}.dcm").write_bytes(make(phantom(8 + n, 8)))
    (source / "text").write_text("no image")
    result = run("compress", source, "-o", tmp_path / "out", "--jobs", 1)
    lines = result.stderr.splitlines()
    assert len(lines) == 3 + 3 + 1 + 2
    assert lines.count("8 files: passed on: no Pixel Data (7FE0,0010)") == 1
    assert lines.count("8 files: passed on: compressed it would take N bytes instead of N") == 1
    assert sum("copied: " in line for line in lines) == 1
    assert result.stdout.startswith("0 compressed, 16 passed on, 1 other file copied, 0 failed")


def failures(count: int, as_json: bool, reason: str, capfd) -> tuple[list[str], list[str]]:
    with Report("compress", count, as_json) as report:
        for n in range(count):
            report.file(Outcome(f"/in/{n}", f"/out/{n}", FAILED, reason.format(n)))
        report.counts()
    out, err = capfd.readouterr()
    return out.splitlines(), err.splitlines()


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("reason", ["cannot write /out/{0}: No space left on device", "cannot be read: {0} of 300 bytes"])
def test_failures_are_told_a_line_each_up_to_a_hundred_and_all_are_counted(capfd, as_json, reason):
    out, err = failures(250, as_json, reason, capfd)
    kind = kind_of(reason.format(7), ["/out/7"])
    assert err[:100] == [f"/in/{n}: {reason.format(n)}" for n in range(100)]
    assert err[100:] == [f"250 files: {kind}"]
    assert [json.loads(line)["source"] for line in out] == [f"/in/{n}" for n in range(250) if as_json]
    assert failures(99, as_json, reason, capfd)[1] == [f"/in/{n}: {reason.format(n)}" for n in range(99)]


def test_what_reasons_of_one_kind_differ_in():
    same = [
        ("compressed it would take 4016 bytes instead of 3930", "compressed it would take 17 bytes instead of 3"),
        ("no model is called 'a'; there is 'b'", "no model is called 'x y'; there is ''"),
        ("frame 3 of 1.2.840.10008.1.2 is off by -2.5", "frame 12 of 2.25.1 is off by 0"),
    ]
    assert all(kind_of(first) == kind_of(second) for first, second in same)
    other = [("no element (0028,0010)", "no element (0028,0011)"), ("the machine's", "the machines"), ("a", "b")]
    assert all(kind_of(first) != kind_of(second) for first, second in other)
    assert kind_of("cannot write /a/1: full", ["/a", "/a/1", None]) == "cannot write …: full"


def test_a_tally_gives_the_text_itself_where_all_are_equal():
    tally = Tally(told=1)
    assert [tally.add(text) for text in ("8 of 9", "8 of 9", "no more", "x 1", "x 2", "x 3")] == [
        True,
        False,
        True,
        True,
        False,
        False,
    ]
    assert tally.summary() == [(3, "x N"), (2, "8 of 9")]
