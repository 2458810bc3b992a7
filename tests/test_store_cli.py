"""`dicompress store`: each command, what it prints, and its exit status."""

import json

import pytest
from helpers.archive import instance
from helpers.command import run
from helpers.files import pydicom_file
from typer.testing import CliRunner

from dicompress.cli.app import app
from dicompress.errors import DicompressError
from dicompress.store import Store

UID = "1.2.3.1"


@pytest.fixture
def folder(tmp_path):
    """A store."""
    command("init", tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def study(tmp_path):
    """A CT, an MR, a report, and a file that is no DICOM."""
    folder = tmp_path / "study"
    folder.mkdir()
    for number, name in enumerate(("CT_small.dcm", "MR_small.dcm", "reportsi.dcm"), 1):
        (folder / f"{number}.dcm").write_bytes(instance(number, name))
    (folder / "note.txt").write_text("no image")
    return folder


def command(*arguments, status: int = 0) -> str:
    """What is printed on standard output."""
    result = CliRunner().invoke(app, ["store", *map(str, arguments)])
    assert result.exit_code == status, (result.output, result.exception)
    return result.stdout


def facts(*arguments, status: int = 0) -> list[dict]:
    return [json.loads(line) for line in command(*arguments, "--json", status=status).splitlines()]


def test_a_study_goes_in_is_compressed_checked_and_comes_out(folder, study, tmp_path):
    assert command("put", folder, study).splitlines()[-1] == "1 skipped, 3 stored"
    assert command("put", folder, study).splitlines()[-1] == "1 skipped, 3 stored already"
    assert command("compress", folder, "--jobs", 1).startswith("2 compressed, 1 left; 51.9 kB -> ")
    assert command("verify", folder, "--jobs", 1) == "3 verified\n"
    assert command("get", folder, *(f"1.2.3.{n}" for n in (1, 2, 3)), "-o", tmp_path / "out") == "3 given\n"
    found = {path.stem: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}
    assert found == {f"1.2.3.{n}": (study / f"{n}.dcm").read_bytes() for n in (1, 2, 3)}


def test_json_has_an_object_for_each_thing(folder, study):
    put = facts("put", folder, study, "--sender", "CT1")
    assert [(one["status"], one.get("uid")) for one in put] == [
        ("stored", "1.2.3.1"), ("stored", "1.2.3.2"), ("stored", "1.2.3.3"), ("skipped", None)
    ]  # fmt: skip
    assert put[0]["source"] == str(study / "1.dcm")
    dry = facts("compress", folder, "--dry-run", "--jobs", 1)
    real = facts("compress", folder, "--jobs", 1)

    def by_uid(found):
        return {one["uid"]: {name: value for name, value in one.items() if name != "seconds"} for one in found}

    assert by_uid(dry) == by_uid(real) and [one["status"] for one in real].count("compressed") == 2
    assert {one["status"] for one in facts("verify", folder, "--sample", "34 %", "--jobs", 1)} == {"verified"}
    (status,) = facts("status", folder)
    assert (status["objects"], status["raw"], status["compressed"], status["damaged"]) == (3, 1, 2, 0)
    assert status["stored_bytes"] < status["arrived_bytes"]
    assert [one["PatientName"] for one in facts("find", folder, "PatientID=1CT1")] == ["CompressedSamples^CT1"]
    assert [one["SOPInstanceUID"] for one in facts("find", folder, "--level", "instance", "--limit", 1, "Modality=MR")] == ["1.2.3.2"]
    manifest = [json.loads(line) for line in command("manifest", folder).splitlines()]
    assert [one["guarantee"] for one in manifest] == ["bytes", "bytes", None] and {one["sender"] for one in manifest} == {"CT1"}
    back = facts("rollback", folder, "--jobs", 1)
    assert sorted(one["status"] for one in back) == ["left", "rolled back", "rolled back"]
    assert facts("compress", folder, "--jobs", 1) == []
    assert len(facts("compress", folder, "--again", "--jobs", 1)) == 3
    assert [one["status"] for one in facts("delete", folder, UID)] == ["deleted"]
    audit = [json.loads(line) for line in command("audit", folder, "--uid", UID).splitlines()]
    assert [one["event"] for one in audit] == ["put", *["proved", "compressed"], "rolled back", *["proved", "compressed"], "deleted"]


def test_whole_studies_by_their_uid(folder, study, tmp_path):
    command("put", folder, study)
    (found,) = facts("find", folder, "PatientID=4MR1")
    command("get", folder, found["StudyInstanceUID"], "-o", f"{tmp_path}/mr.dcm")
    assert (tmp_path / "mr.dcm").read_bytes() == instance(2, "MR_small.dcm")
    assert "1 rolled back" not in command("rollback", folder, found["StudyInstanceUID"], "--jobs", 1)
    assert command("delete", folder, found["StudyInstanceUID"]) == "1 deleted\n"
    assert command("status", folder).splitlines()[0].split() == ["studies", "2"]


def test_damage_makes_the_exit_status_1(folder, study, tmp_path):
    command("put", folder, study)
    (file,) = (path for path in (folder / "objects").rglob("*.dcm") if path.read_bytes() == instance())
    file.write_bytes(file.read_bytes()[:-1])
    assert [one["status"] for one in facts("verify", folder, "--jobs", 1, status=1)].count("damaged") == 1
    assert f"damaged: {UID} version 1: " in command("status", folder, status=1)
    command("get", folder, UID, "-o", tmp_path / "x.dcm", status=1)
    assert not (tmp_path / "x.dcm").exists()
    assert "stored already" in command("put", folder, study / "1.dcm")
    command("status", folder)


def test_what_is_asked_for_and_not_there_makes_the_exit_status_1(folder, tmp_path):
    for arguments in (
        ("get", folder, "9.9", "-o", tmp_path / "x"),
        ("delete", folder, "9.9"),
        ("rollback", folder, "9.9", "--jobs", 1),
    ):
        (told,) = facts(*arguments, status=1)
        assert told == {"source": "9.9", "status": "failed", "reason": "9.9 is not stored"}


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("find", "PatientID"), "filters are KEYWORD=VALUE"),
        (("find", "Modality=CT"), "Modality is no key at the level STUDY"),
        (("find", "--level", "image"), "there is no level IMAGE"),
        (("compress", "--dry-run", "--again"), "--dry-run goes with neither"),
        (("verify", "--sample", "0"), "is no share"),
        (("get", UID, "-o", "-", "--json"), "-o - is one object, without --json"),
    ],
)
def test_wrong_use_is_one_line(folder, arguments, told):
    result = CliRunner().invoke(app, ["store", arguments[0], str(folder), *arguments[1:]])
    assert isinstance(result.exception, DicompressError) and told in str(result.exception)


def test_rules_of_ones_own_and_a_store_twice(tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\ndo = "leave"')
    command("init", tmp_path / "s", "--rules", rules)
    with Store(tmp_path / "s") as store:
        assert store.rules.plan("CT", "", 1).do == "leave"
    result = CliRunner().invoke(app, ["store", "init", str(tmp_path / "s")])
    assert "is a store already" in str(result.exception)


@pytest.mark.slow
def test_in_processes_of_its_own(folder, tmp_path):
    source = tmp_path / "ct.dcm"
    source.write_bytes(pydicom_file())
    run("store", "put", folder, source)
    run("store", "compress", folder, "--jobs", 2)
    (found,) = [json.loads(line) for line in run("store", "find", folder, "--level", "instance", "--json").stdout.splitlines()]
    assert found["state"] == "compressed"
    done = run("store", "get", folder, found["SOPInstanceUID"], "-o", tmp_path / "back.dcm")
    assert done.stdout == "1 given\n" and (tmp_path / "back.dcm").read_bytes() == pydicom_file()
    assert "is no store" in run("store", "status", tmp_path, check=1).stderr
