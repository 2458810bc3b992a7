"""--resume: what is right is kept, what is damaged is done again, anything else stays and is an error."""

import shutil
from pathlib import Path

import pydicom
import pytest
from helpers.faults import assert_intact, end, start, studies
from helpers.files import change, make
from helpers.images import phantom
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from dicompress import Allowance
from dicompress.cli import batch, files
from dicompress.cli.outcome import DONE
from dicompress.dicom import compress_file, restore_file

CT = Path(get_testdata_file("CT_small.dcm"))


def run(action: str, source: Path, target: Path, **options) -> tuple[str, str | None]:
    """Status and reason of a single file."""
    options = {"resume": True, **options}
    (outcome,) = batch.run(batch.Job(action, **options), files.tasks([source], target), 1, lambda outcome: None)
    return "done" if outcome.status == DONE[action] else outcome.status, outcome.reason


def save(path: Path, syntax) -> None:
    if syntax == ExplicitVRBigEndian:
        path.write_bytes(make(phantom(60, 60), syntax))
    elif syntax == RLELossless:
        dataset = pydicom.dcmread(CT)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    else:
        shutil.copy(CT, path)


def assert_in_the_way(target: Path, outcome: tuple[str, str | None], data: bytes) -> None:
    assert outcome == ("failed", f"the target {target} exists and is not what this file gives; --force replaces it")
    assert target.read_bytes() == data


@pytest.mark.slow
def test_a_folder_is_finished(tmp_path):
    source, target, back = studies(tmp_path / "in", 5), tmp_path / "out", tmp_path / "back"
    assert end(start("compress", source, "-o", target))[0] == 0
    for name in ("series 0/00.dcm", "report.dcm"):
        (target / name).unlink()
    damaged = target / "series 1" / "01.dcm"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    kept = (target / "series 2" / "02.dcm").stat().st_ino
    status, out, _ = end(start("compress", source, "-o", target, "--resume"))
    assert (status, out.partition(";")[0]) == (0, "2 compressed, 3 kept, 1 passed on, 0 failed")
    assert (target / "series 2" / "02.dcm").stat().st_ino == kept
    assert_intact(source, target, 6)
    assert end(start("compress", source, "-o", target))[0] == 1
    for told in ("5 restored, 1 passed on, 0 failed", "0 restored, 6 kept, 0 passed on, 0 failed"):
        status, out, _ = end(start("decompress", target, "-o", back, "--resume"))
        assert (status, out.partition(";")[0]) == (0, told)
    assert_intact(source, back, 6)


@pytest.mark.parametrize("syntax", [None, RLELossless, ExplicitVRBigEndian])
@pytest.mark.parametrize("allowance", [None, Allowance(near=3), Allowance(hu=3.5), Allowance(psnr=60)])
def test_right_targets_are_kept_in_both_directions(tmp_path, syntax, allowance):
    source, target, back = tmp_path / "ct.dcm", tmp_path / "out.dcm", tmp_path / "back.dcm"
    save(source, syntax)
    status, _ = run("compress", source, target, allowance=allowance)
    assert status == "done"
    assert run("compress", source, target, allowance=allowance) == ("kept", None)
    assert run("decompress", target, back)[0] == status
    assert run("decompress", target, back) == ("kept", None)
    without_slope = syntax == ExplicitVRBigEndian and allowance and allowance.hu  # there is no error
    if allowance and not without_slope:
        assert_in_the_way(target, run("compress", source, target), target.read_bytes())
        assert run("compress", source, target, force=True) == ("done", None)
        assert run("compress", source, target, allowance=allowance) == ("kept", None)  # without loss


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_bigendian.dcm"])
@pytest.mark.parametrize("allowance", [None, Allowance(near=3)])
def test_right_targets_without_a_restore_record_are_kept(tmp_path, name, allowance):
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    original = Path(get_testdata_file(name)).read_bytes()
    source.write_bytes(b"text".ljust(128) + original[128:])
    assert run("compress", source, target, allowance=allowance, record=False)[0] == "done"
    assert run("compress", source, target, allowance=allowance, record=False) == ("kept", None)
    source.write_bytes(change(source.read_bytes(), PatientID="other"))
    assert run("compress", source, target, allowance=allowance, record=False)[0] == "failed"


@pytest.mark.parametrize("allowed", [{"near": 4}, {"near": 2}, {"hu": 2.9}, {"psnr": 80}])
def test_an_error_that_is_more_than_allowed_is_not_kept(tmp_path, allowed):
    target = tmp_path / "ct.dcm"
    target.write_bytes(compress_file(CT.read_bytes(), allowance=Allowance(near=3)).data)
    outcome = run("compress", CT, target, allowance=Allowance(**allowed))
    if allowed == {"near": 4}:
        assert outcome == ("kept", None)
    else:
        assert_in_the_way(target, outcome, target.read_bytes())
        assert run("compress", CT, target, allowance=Allowance(**allowed), force=True)[0] == "done"


@pytest.mark.parametrize("allowance", [None, Allowance(near=3)])
def test_other_images_and_edited_ones_are_never_replaced_unasked(tmp_path, allowance):
    source, target = tmp_path / "ct.dcm", tmp_path / "out.dcm"
    source.write_bytes(change(CT.read_bytes(), PatientID="other"))
    mr = Path(get_testdata_file("MR_small.dcm")).read_bytes()
    compressed = compress_file(CT.read_bytes(), allowance=allowance).data
    right = compress_file(source.read_bytes(), allowance=allowance).data
    for found in (mr, CT.read_bytes(), compress_file(mr).data, compressed, change(right, PatientID="changed since")):
        target.write_bytes(found)
        assert_in_the_way(target, run("compress", source, target, allowance=allowance), found)
    assert run("compress", source, target, allowance=allowance, force=True)[0] == "done"
    assert target.read_bytes() == right


def test_restored_files_that_are_others(tmp_path):
    source, target = tmp_path / "small.dcm", tmp_path / "out.dcm"
    source.write_bytes(compress_file(CT.read_bytes()).data)
    for found in (source.read_bytes(), change(CT.read_bytes(), PatientID="changed since")):
        target.write_bytes(found)
        assert_in_the_way(target, run("decompress", source, target), found)
    target.write_bytes(CT.read_bytes()[:30000])
    assert run("decompress", source, target) == ("done", None)
    assert target.read_bytes() == CT.read_bytes()
    source.write_bytes(change(source.read_bytes(), PatientID="changed since"))
    target.write_bytes(restore_file(source.read_bytes()).data)
    assert run("decompress", source, target) == ("kept", None)


def test_damaged_targets_are_done_again(tmp_path):
    target, right = tmp_path / "ct.dcm", compress_file(CT.read_bytes()).data
    flipped = right[:-999] + bytes([right[-999] ^ 1]) + right[-998:]
    for found in (b"", bytes(len(right)), right[:9000], right[:-200], flipped, CT.read_bytes()[:30000]):
        target.write_bytes(found)
        assert run("compress", CT, target) == ("done", None)
        assert target.read_bytes() == right


def test_a_damaged_source_leaves_its_target_alone(tmp_path):
    source, target = tmp_path / "ct.dcm", tmp_path / "out.dcm"
    source.write_bytes(CT.read_bytes()[:30000])
    target.write_bytes(compress_file(CT.read_bytes()).data)
    assert_in_the_way(target, run("compress", source, target), target.read_bytes())
    target.write_bytes(b"")
    for status in ("passed on", "kept"):
        assert run("compress", source, target)[0] == status and target.read_bytes() == source.read_bytes()
