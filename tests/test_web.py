"""The decoder as WebAssembly (docs/web.md): built by Emscripten, run by Node.js, the same pixels."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers.images import phantom
from helpers.library import ROOT, alone, run
from helpers.streams import Stream

import dicompress
from dicompress.native.pyramid import Pyramid

pytestmark = pytest.mark.slow  # what it tests is built first

GOLDEN = Path(__file__).parent / "golden"
BUILD = ROOT / "build" / "web"
DRIVER = """
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { load } from "WRAPPER";

const dicompress = await load(readFileSync("MODULE"));
const results = JSON.parse(readFileSync(0, "utf8")).map(({ path, size, limits, part }) => {
  try {
    const stream = dicompress.open(readFileSync(path).subarray(0, size), limits);
    const { data, ...found } = stream.decode(part);
    stream.close();
    const hash = createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex");
    return { hash, type: data.constructor.name, ...found, info: stream.info };
  } catch (error) {
    return { name: error.name, status: error.status, text: error.message };
  }
});
console.log(JSON.stringify(results));
"""


@pytest.fixture(scope="module")
def module():
    """dicompress.wasm, built by the commands in docs/web.md."""
    for tool in ("emcc", "emcmake", "cmake", "node"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool} (Debian's emscripten, cmake and nodejs) to build and run WebAssembly with")
    commands = re.findall(r"^    ((?:emcmake )?cmake .*)$", (ROOT / "docs" / "web.md").read_text(), re.MULTILINE)
    assert len(commands) == 2
    with alone("web"):
        for command in commands:
            run("sh", "-ec", command, cwd=ROOT)
    return BUILD / "dicompress.wasm"


@pytest.fixture(scope="module")
def decode(module, tmp_path_factory):
    """What the driver gives for requests: {path, size, limits, part}, all but the path optional."""
    driver = tmp_path_factory.mktemp("web") / "driver.mjs"
    wrapper = ROOT / "examples" / "web" / "dicompress.mjs"
    driver.write_text(DRIVER.replace("WRAPPER", wrapper.as_uri()).replace("MODULE", str(module)))

    def decode(*requests: dict) -> list[dict]:
        text = json.dumps([{**request, "path": str(request["path"])} for request in requests])
        result = subprocess.run(["node", driver], input=text, capture_output=True, text=True, env=os.environ | {"TZ": "UTC"})
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return decode


def sha256(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def test_golden_streams_decode_to_the_same_pixels(decode):
    paths = sorted(GOLDEN.glob("*.dcmp"))
    known = json.loads((GOLDEN / "sha256.json").read_text())
    for path, found in zip(paths, decode(*({"path": path} for path in paths)), strict=True):
        if Pyramid.installed(Stream.read(path.read_bytes()).model) is None:
            assert found["status"] == "unknown model"
        else:
            assert found["hash"] == known[path.name]["sha256"], path.name


@pytest.fixture
def stream(tmp_path):
    """(file, image): frames that lean on each other."""
    still, rng = phantom(70, 83, noise=40).astype(np.int16), np.random.default_rng(9)
    image = np.stack([still + rng.integers(-3, 4, still.shape) for _ in range(4)]).astype(np.int16) - 900
    path = tmp_path / "volume.dcmp"
    path.write_bytes(dicompress.encode(image, neighbours=True, bits_stored=12))
    return path, image


def test_frames_levels_and_regions(decode, stream):
    path, image = stream
    data = path.read_bytes()
    parts = [{}, {"frame": 2}, {"frame": 3, "level": 1}, {"level": 2}, {"region": [5, 7, 30, 40]}]
    whole, third, fourth, small, region = decode(*({"path": path, "part": part} for part in parts))
    assert (whole["type"], whole["frames"], whole["rows"], whole["columns"], whole["samples"]) == ("Int16Array", 4, 70, 83, 1)
    assert whole["hash"] == sha256(image)
    assert third["hash"] == sha256(image[2]) and third["frames"] == 1
    assert fourth["hash"] == sha256(dicompress.decode(data, frame=3, level=1)) and (fourth["rows"], fourth["columns"]) == (35, 42)
    assert small["hash"] == sha256(dicompress.decode(data, level=2))
    assert region["hash"] == sha256(image[:, 5:35, 7:47]) and (region["rows"], region["columns"]) == (30, 40)
    info = dicompress.inspect(data)
    assert whole["info"] == {
        "type": "int16", "bitsStored": 12, "frames": 4, "hasFrames": True, "rows": 70, "columns": 83, "samples": 1,
        "near": 0, "levels": info.levels, "finest": 0, "model": info.model_hash,
    }  # fmt: skip


def test_a_stream_that_has_arrived_in_part_is_a_smaller_image(decode, stream):
    path, _ = stream
    size = dicompress.inspect(path.read_bytes()).level_bytes[1]
    small, missing = decode({"path": path, "size": size}, {"path": path, "size": size, "part": {"level": 0}})
    assert small["info"]["finest"] == 1 and small["hash"] == sha256(dicompress.decode(path.read_bytes(), level=1))
    assert (missing["status"], missing["text"]) == ("damaged", "the data ends before level 0; it holds level 1")


def test_errors_are_exceptions_with_a_status_and_the_module_goes_on(decode, stream, tmp_path):
    path, image = stream
    damaged, other = tmp_path / "damaged.dcmp", tmp_path / "other"
    data = path.read_bytes()
    damaged.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    other.write_bytes(b"")
    *failures, fine = decode(
        {"path": damaged},
        {"path": other},
        {"path": path, "limits": {"pixels": image.size - 1}},
        {"path": path, "limits": {"memory": 1000}},
        {"path": path, "part": {"frame": 4}},
        {"path": path},
    )
    assert {failure["name"] for failure in failures} == {"DicompressError"}
    assert [failure["status"] for failure in failures] == ["damaged", "damaged", "limit", "limit", "argument"]
    assert "CRC-32 of level 0" in failures[0]["text"] and failures[4]["text"] == "frame 4 of 4"
    assert fine["hash"] == sha256(image)
