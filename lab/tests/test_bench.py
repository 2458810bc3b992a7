"""The benchmark: right numbers, honest statistics, a page that stands alone, runs that go on where they were stopped."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from bench_codecs import broken, decode, encode, honest
from helpers.files import make
from helpers.images import phantom
from pydicom.data import get_testdata_file

from dicompress.compare.quality import quality
from dicompress.errors import DicompressError
from dicompress_lab.bench import command as bench
from dicompress_lab.bench import images, labels, summary
from dicompress_lab.bench.codec import Codec
from dicompress_lab.bench.codecs import all_codecs
from dicompress_lab.bench.images import Image, pixels, scan
from dicompress_lab.bench.journal import Journal
from dicompress_lab.bench.measure import Measurement, measure
from dicompress_lab.bench.run import run as run_bench
from dicompress_lab.bench.summary import Result, bootstrap, by_group, wins

TABLES = ("group-1", "series", "images", "wins", "speed", "quality", "codecs", "troubles", "environment")


@pytest.fixture
def study(tmp_path):
    """A CT, an MR of two frames, an 8-bit radiograph; JPEG frames in colour and a note that cannot be measured."""
    root = tmp_path / "study"
    for folder in ("ct", "mr", "cr"):
        (root / folder).mkdir(parents=True)
    (root / "ct/1.dcm").write_bytes(Path(get_testdata_file("CT_small.dcm")).read_bytes())
    (root / "mr/1.dcm").write_bytes(Path(get_testdata_file("MR_small.dcm")).read_bytes())
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.Modality, dataset.LossyImageCompression = "DX", "01"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = (phantom(128, 128) >> 4).astype(np.uint8).tobytes()
    dataset["PixelData"].VR = "OB"
    dataset.save_as(root / "cr/1.dcm")
    (root / "colour.dcm").write_bytes(Path(get_testdata_file("SC_rgb_jpeg_dcmtk.dcm")).read_bytes())
    (root / "note.txt").write_text("a note")
    return root


def read(page: Path) -> tuple[list[dict], dict]:
    with open(page.with_suffix(".csv"), newline="") as file:
        return list(csv.DictReader(file)), json.loads(page.with_suffix(".json").read_text())


def test_numbers_are_the_codecs_own_and_the_page_stands_alone(study, tmp_path, capsys):
    page = tmp_path / "out/report.html"
    assert bench.run([study], [], page, 2, honest) == 0
    assert "images: 3" in capsys.readouterr().out
    rows, report = read(page)
    assert [(r["path"], r["codec"]) for r in rows] == [
        (f"study/{kind}/1.dcm", name) for kind in ("cr", "ct", "mr") for name in ("deflate", "stored", "coarse", "eight")
    ]
    found, _ = scan([study])
    for image in found:
        array = pixels(image)
        mine = {r["codec"]: r for r in rows if r["path"] == image.path}
        assert int(mine["deflate"]["bytes"]) == len(encode(array))
        assert int(mine["stored"]["bytes"]) == array.nbytes
        bits = 8 * len(encode(array)) / array.size
        assert float(mine["deflate"]["bits"]) == pytest.approx(bits)
        assert float(mine["deflate"]["ratio_allocated"]) == pytest.approx(image.bits_allocated / bits)
        assert float(mine["deflate"]["ratio_stored"]) == pytest.approx(image.bits_stored / bits)
        assert float(mine["coarse"]["max_error"]) == 3
        assert float(mine["deflate"]["encode_s"]) > 0 and mine["deflate"]["psnr"] == ""
    eight = {r["path"]: (r["status"], r["reason"]) for r in rows if r["codec"] == "eight"}
    assert eight["study/cr/1.dcm"] == ("ok", "") and eight["study/ct/1.dcm"] == ("skipped", "ValueError: 8 bits only")
    groups = {(g["group"], g["codec"]) for g in report["summary"]["groups"]}
    assert ("CR, JPEG history", "eight") in groups and ("CT", "eight") not in groups
    assert {r["path"]: r["reason"] for r in report["not_measured"]} == {
        "study/colour.dcm": "colour in a lossy transfer syntax: its pixels are not what is kept",
        "study/note.txt": "not a DICOM file",
    }
    assert report["environment"]["command"].startswith(f"dicompress bench {study} -o {page}")
    assert "coarse" not in {w["codec"] for w in report["summary"]["wins"]}

    html = page.read_text()
    assert not re.search(r"https?:|url\((?!#)|@import|<link|<script src|<img", html)
    assert set(re.findall(r'<table id="([^"]+)"', html)) == {*TABLES, "group-2", "group-3"}
    assert html.count("<svg") == 4
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    for text in ("8 bits only", "the program is not there", "not a DICOM file", report["environment"]["processor"]):
        assert text in html


def test_the_command_with_the_packages_codecs(study, tmp_path):
    page = tmp_path / "r.html"
    command = [sys.executable, "-m", "dicompress", "bench", study, "--codec", "deflate", "--codec", "jpeg-ls", "-o", page]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0 and "measurements: 6 (0 from before" in result.stdout, result.stderr
    codecs = all_codecs()
    rows, _ = read(page)
    for image in scan([study])[0]:
        for row in (r for r in rows if r["path"] == image.path):
            assert int(row["bytes"]) == len(codecs[row["codec"].lower()].encode(pixels(image)))
    wrong = subprocess.run([*command, "--codec", "zpi"], capture_output=True, text=True, timeout=120)
    assert wrong.returncode == 1 and "Traceback" not in wrong.stderr
    assert "there is no codec 'zpi'" in wrong.stderr and "jpeg-ls" in wrong.stderr


def test_a_run_goes_on_from_what_is_there(study, tmp_path):
    journal = tmp_path / "bench.jsonl"

    def run(*names):
        outcome = run_bench([study], names, 1, journal, lambda *_: None, honest)
        return len(outcome.measurements), outcome.resumed

    assert run("deflate", "stored") == (6, 0)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3]) + lines[3][:50])
    assert run("deflate", "stored") == (6, 3)
    again = journal.read_bytes().splitlines(keepends=True)
    assert again[:3] == lines[:3] and len(again) == 6
    done, redone = ({(m["path"], m["codec"]) for m in map(json.loads, found)} for found in (lines, again))
    assert done == redone and len(done) == 6
    assert run("deflate", "stored", "coarse") == (9, 6)  # a codec that comes later
    (study / "ct/1.dcm").write_bytes(make(phantom(128, 128)))  # other pixels under the same name
    assert run("deflate", "stored", "coarse") == (9, 6)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.slow
@pytest.mark.parametrize("how, status", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_run_keeps_what_it_measured(how, status, tmp_path):
    study = tmp_path / "study"
    study.mkdir()
    for i in range(12):
        (study / f"{i:02}.dcm").write_bytes(make(phantom(80, 80, i)))
    page, journal = tmp_path / "bench.html", tmp_path / "bench.jsonl"
    code = "import sys; from pathlib import Path; from dicompress_lab.bench.command import run; from bench_codecs import honest\n"
    code += "if __name__ == '__main__': sys.exit(run([Path(sys.argv[1])], ['late'], Path(sys.argv[2]), 1, honest))"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", code, str(study), str(page)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 1) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == status and not page.exists() and "Traceback" not in errors
    assert status < 0 or "run the same command again" in errors
    kept = journal.read_bytes()
    assert 2 <= kept.count(b"\n") < 12
    assert len(run_bench([study], ["late"], 1, journal, lambda *_: None, honest).measurements) == 12
    assert journal.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1]) and journal.read_bytes().count(b"\n") == 12


def test_a_codec_that_loses_images_or_kills_its_process_is_named_and_the_others_go_on(study, tmp_path, capsys):
    page = tmp_path / "bench.html"
    assert bench.run([study], [], page, 2, broken) == 1
    errors = capsys.readouterr().err
    assert errors.count("liar: not lossless: 1 of") == 3 and errors.count("victim: the process died (exit code 7)") == 3
    rows, report = read(page)
    status = {(r["codec"], r["status"]) for r in rows}
    assert status == {("deflate", "ok"), ("liar", "failed"), ("victim", "failed"), ("last", "ok")} and len(rows) == 12
    assert {g["codec"] for g in report["summary"]["groups"]} == {"deflate", "last"}
    assert 'class="warning">liar failed on 3 of 3 images' in page.read_text()


def test_what_cannot_be_done_is_said(study, tmp_path):
    with pytest.raises(DicompressError, match="absent cannot run here: the program is not there"):
        bench.run([study], ["absent"], tmp_path / "r.html", 1, honest)
    with pytest.raises(DicompressError, match="no image to measure .*note.txt: not a DICOM file"):
        bench.run([study / "note.txt"], [], tmp_path / "r.html", 1, honest)
    with pytest.raises(DicompressError, match="no such file or folder"):
        bench.run([study / "nowhere"], [], tmp_path / "r.html", 1, honest)
    assert not list(tmp_path.glob("r.*"))


def test_frames_signs_and_series(tmp_path):
    """Series by UID across folders, by folder without one; frames are images; signed values start at 0."""
    values = np.stack([phantom(32, 40, i).astype(np.int16) - 1000 for i in range(3)])
    for path, uid in {"a/1": "1.2", "a/2": "1.3", "b/1": "1.2", "c/1": "", "c/2": ""}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(make(values))
        dataset = pydicom.dcmread(tmp_path / path)
        dataset.SeriesInstanceUID = uid
        dataset.save_as(tmp_path / path)
    found, refused = scan([tmp_path / "a", tmp_path / "b", tmp_path / "c", tmp_path / "a/1"])
    assert not refused and len(found) == 15  # a file that is reached twice counts once
    assert {i.path: i.series for i in found} == {"a/1": "a/1", "a/2": "a/2", "b/1": "a/1", "c/1": "c", "c/2": "c"}
    assert [i.frame for i in found[:3]] == [0, 1, 2]
    frame = pixels(found[1])
    assert frame.dtype == np.uint16 and np.array_equal(frame, values[1].astype(int) - values[1].min())


def result(group: str, series: str, number: int, codec: str, size: int, seconds: float = 1.0) -> Result:
    image = Image(Path("x"), f"{series}/{number}", 0, group, group, series, 10, 10, 16, 12)
    return Result(image, Measurement(image.path, 0, "", codec, "", "ok", "", size, seconds, seconds))


def test_a_long_series_does_not_outvote_the_others():
    found = [result("CT", "long", i, "a", 100) for i in range(98)] + [result("CT", "short", 0, "a", 50)]
    [row] = by_group(found, [Codec("a", encode, decode, "")], "a")
    assert row["bits"] == pytest.approx((8.0 + 4.0) / 2) and (row["series"], row["images"]) == (2, 99)
    assert row["ratio_allocated"] == pytest.approx((2 + 4) / 2) and row["ratio_stored"] == pytest.approx((1.5 + 3) / 2)
    assert row["bits_interval"] is None  # two series say nothing about others


def test_a_codec_that_left_images_out_is_compared_on_those_that_both_took():
    found = [result("CT", s, 0, "a", size) for s, size in (("s", 100), ("t", 10))] + [result("CT", "s", 0, "b", 90)]
    rows = by_group(found, [Codec(name, encode, decode, "") for name in "ab"], "a")
    assert rows[1]["against"] == pytest.approx(-0.1) and (rows[1]["images"], rows[1]["of_images"]) == (1, 2)


def test_the_bootstrap_interval():
    values = list(np.random.default_rng(5).normal(10, 2, 40))
    low, high = bootstrap(values)
    error = np.std(values) / 40**0.5
    assert low == pytest.approx(np.mean(values) - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(np.mean(values) + 1.96 * error, abs=0.15 * error)
    assert bootstrap(values) == (low, high) and bootstrap([3, 3, 3]) == (3, 3) and bootstrap([1, 2]) is None


def test_wins_ties_and_losses():
    sizes = {"a": [10, 10, 10, 10], "b": [9, 10, 11, 12], "c": [9, 11, 5, None]}
    found = [result("CT", "s", i, codec, s) for codec, all_ in sizes.items() for i, s in enumerate(all_) if s]
    rows = {row["codec"]: row for row in wins(found, ["a", "b", "c"], "a")}
    counts = {c: (r["smallest"], r["shared"], r["wins"], r["ties"], r["losses"], r["images"]) for c, r in rows.items()}
    assert counts == {"a": (1, 1, 0, 4, 0, 4), "b": (0, 2, 1, 1, 2, 4), "c": (1, 1, 2, 0, 1, 3)}
    assert rows["c"]["groups"] == {"CT": 2}


def test_speed_is_all_pixels_over_all_seconds():
    found = [result("CT", "s", i, "a", 10, seconds) for i, seconds in enumerate((1e-4, 1e-4, 4e-4))]
    [row] = summary.speed(found, [Codec("a", encode, decode, "")])
    assert row["encode_mps"] == pytest.approx(300 / 1e6 / 6e-4) and row["decode_mps_median"] == pytest.approx(1)


def test_quality_states_its_scale():
    image = phantom(40, 40)
    found = quality(image, image + 2, 12)
    assert found["peak"] == 4095 and found["mse"] == 4 and found["max_error"] == 2
    assert found["psnr"] == pytest.approx(20 * np.log10(4095 / 2)) and found["mse8"] == pytest.approx(4 * (255 / 4095) ** 2)
    assert 0.9 < found["ssim"] < 1
    same = quality(image, image, 16)
    assert same["psnr"] is None and same["mse"] == 0 and same["ssim"] == pytest.approx(1)


def test_memory_of_the_work_is_seen():
    big = Codec("big", lambda a: (np.ones(40_000_000, np.uint8).sum(), encode(a))[1], decode, "")
    image = phantom(64, 64)
    measure(big, image, 12)
    found = measure(big, image, 12)["peak_mb"]
    assert found is None or 35 < found < 60


def test_a_journal_survives_lines_that_are_not_its_own(tmp_path):
    path = tmp_path / "j.jsonl"
    found = Measurement("p", 0, "d", "c", "o", "ok", size=3)
    with Journal(path) as journal:
        journal.add(found)
    path.write_bytes(b"\xff\xfe\n[]\n{}\nnull\n" + path.read_bytes() + b'{"path": "p"')
    with Journal(path) as journal:
        assert journal.find("p", 0, "c", "o") == {"d": found} and not journal.find("p", 0, "c", "newer")
        journal.add(found)
    assert path.read_bytes().endswith(b"}\n") and b'{"path": "p"{' not in path.read_bytes()


def test_labels_cover_nothing():
    rng = np.random.default_rng(1)
    frame = (0.0, 0.0, 440.0, 380.0)
    points = [tuple(map(float, p)) for p in rng.uniform((60, 40), (380, 340), (22, 2))] + [(200.0, 200.0), (201.0, 200.0)]
    sizes = [(float(w), 11.0) for w in rng.uniform(25, 75, len(points))]
    boxes = labels.place(points, sizes, frame)
    for i, a in enumerate(boxes):
        assert frame[0] <= a[0] and frame[1] <= a[1] and a[2] <= frame[2] and a[3] <= frame[3]
        assert not any(a[0] < x < a[2] and a[1] < y < a[3] for x, y in points)
        assert all(labels._shared(a, b) == 0 for b in boxes[i + 1 :])


def test_the_version_does_not_wait_for_the_benchmark():
    code = "import sys, dicompress.cli; print([m for m in ('numpy', 'matplotlib', 'dicompress_lab.bench') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_images_of_files_that_break_while_they_are_read(tmp_path):
    data = make(phantom(64, 64))
    (tmp_path / "cut.dcm").write_bytes(data[:-3000])
    (tmp_path / "whole.dcm").write_bytes(data)
    outcome = run_bench([tmp_path], ["deflate"], 1, tmp_path / "j.jsonl", lambda *_: None, honest)
    assert [Path(r.path).name for r in outcome.refused] == ["cut.dcm"] and "cut short" in outcome.refused[0].reason
    assert [Path(image.path).name for image in outcome.images] == ["whole.dcm"] and len(outcome.measurements) == 1


def test_files_of_dicompress_are_measured_by_their_pixels(tmp_path):
    from dicompress.dicom import compress_file

    data = make(phantom(64, 64))
    (tmp_path / "small.dcm").write_bytes(compress_file(data, "reference").data)
    [image], _ = scan([tmp_path])
    images._stored.cache_clear()
    assert np.array_equal(pixels(image), phantom(64, 64))


def test_colour_and_graphics_are_a_group_of_their_own(study, tmp_path):
    from dicompress.dicom import compress_file, describe

    kinds = {"rgb": "SC_rgb_gdcm2k_uncompressed", "palette": "examples_palette", "ybr": "SC_ybr_full_422_uncompressed"}
    for name, file in kinds.items():
        (study / f"{name}.dcm").write_bytes(Path(get_testdata_file(f"{file}.dcm")).read_bytes())
    page = tmp_path / "r.html"
    assert bench.run([study], ["jpeg-xl-e7", "pyramid", "rle"], page, 2) == 0
    rows, report = read(page)
    drawn = {(r["path"], r["codec"]): r for r in rows if r["group"] == images.GRAPHICS}
    assert {path for path, _ in drawn} == {f"study/{name}.dcm" for name in kinds}
    for name in kinds:
        assert drawn[f"study/{name}.dcm", "RLE"]["reason"] == "ValueError: grey images only"
    for name in kinds:
        mine, peer = (int(drawn[f"study/{name}.dcm", codec]["bytes"]) for codec in ("pyramid", "JPEG XL e7"))
        kept = describe(compress_file((study / f"{name}.dcm").read_bytes()).data)
        assert mine == kept.coded_bytes <= peer + 1 and kept.model == "JPEG XL"
        if name != "ybr":  # whose pixels have two samples, where DICOM says three
            assert float(drawn[f"study/{name}.dcm", "pyramid"]["bits"]) == pytest.approx(kept.bits_per_pixel / kept.samples)
    overall = {row["codec"] for row in report["summary"]["overall"] if row["against"] is not None}
    assert {"RLE", "JPEG XL e7", "pyramid"} <= overall
    assert images.GRAPHICS in page.read_text()
