"""The C interface, core/dicompress.h: the library is built as docs/c.md tells, and does what the header says."""

import hashlib
import json
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers.images import phantom, volume
from helpers.library import ARGUMENT, DAMAGED, LIMIT, ROOT, UNKNOWN_MODEL, UNSUPPORTED, Library, build, raises, run
from helpers.streams import Stream

import dicompress
from dicompress.native.pyramid import Pyramid

pytestmark = pytest.mark.slow  # what it tests is built first

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def library():
    return Library()


def colour() -> np.ndarray:
    grey = phantom(60, 70, noise=2.0) >> 4
    return np.stack([grey, grey * 3 // 4 + 20, 255 - grey], -1).astype(np.uint8)


IMAGES = {  # how each is encoded
    "unsigned": (phantom(61, 47), {}),
    "signed frames": (volume(), {"neighbours": True}),
    "signed bytes": ((phantom(33, 40) >> 5).astype(np.int8) - 60, {}),
    "colour": (colour(), {"colour": True}),
    "tiles": (phantom(1030, 70), {}),
    "with an error": (volume(3), {"near": 2}),
    "constant": (np.full((7, 9), -1024, np.int16), {}),
}


@pytest.fixture(scope="module", params=IMAGES)
def case(request):
    """(stream, pixels as decoded: (frames, rows, columns, samples))"""
    image, settings = IMAGES[request.param]
    data = dicompress.encode(image, model="pyramid", **settings)
    pixels = dicompress.decode(data)
    frames = 1 if image.ndim - settings.get("colour", False) == 2 else len(image)
    rows, columns = image.shape[-3:-1] if settings.get("colour") else image.shape[-2:]
    return data, pixels.reshape(frames, rows, columns, -1)


def test_the_library_shows_its_functions_and_nothing_else():
    declared = set(re.findall(r"\b(dicompress_\w+)\([a-z]", (ROOT / "core" / "dicompress.h").read_text()))
    if not shutil.which("nm"):
        pytest.skip("there is no nm to list symbols with")
    shown = run("nm", "-D", "--defined-only", build() / "libdicompress.so")
    assert {line.split()[-1] for line in shown.splitlines()} == declared and len(declared) == 9


def test_a_program_is_built_from_what_is_installed(tmp_path):
    run("cmake", "--install", build(), "--prefix", tmp_path)
    (metadata,) = tmp_path.glob("lib*/**/dicompress.pc")
    assert "-ldicompress" in metadata.read_text()
    (include,), (lib,) = tmp_path.glob("include/dicompress.h"), {f.parent for f in tmp_path.glob("lib*/**/libdicompress.so")}
    program = tmp_path / "decode"
    flags = ["-I", include.parent, "-L", lib, "-ldicompress", f"-Wl,-rpath,{lib}"]
    run("cc", ROOT / "examples" / "decode.c", "-o", program, *flags)
    assert "usage" in run("sh", "-c", f"{program} || true")
    (tmp_path / "header.cpp").write_text('#include "dicompress.h"\nint main() { dicompress_close(nullptr); }\n')
    run("c++", tmp_path / "header.cpp", "-o", tmp_path / "header", *flags)
    run(tmp_path / "header")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    """examples/decode.c, built by the command in its comment, and warned of everything."""
    source, program = ROOT / "examples" / "decode.c", tmp_path_factory.mktemp("c") / "decode"
    build()
    (command,) = re.findall(r"^ \*     (cc .*)$", source.read_text(), re.MULTILINE)
    assert "-o decode " in command and len(source.read_text().splitlines()) < 100
    run("sh", "-ec", command.replace("-o decode ", f"-o '{program}' -std=c99 -Wall -Wextra -Werror "), cwd=ROOT)
    return program


def pgm(path: Path) -> np.ndarray:
    data = path.read_bytes()
    kind, columns, rows, most = data.split(maxsplit=4)[:4]
    assert kind == b"P5"
    dtype = np.dtype(">u2" if int(most) > 255 else "u1")
    shape = int(rows), int(columns)
    return np.frombuffer(data[len(data) - dtype.itemsize * shape[0] * shape[1] :], dtype).reshape(shape)


def test_the_example_turns_streams_into_pictures(decoder, case, tmp_path):
    data, pixels = case
    (tmp_path / "a.dcmp").write_bytes(data)
    levels = dicompress.inspect(data).levels
    for frame, level in {(0, 0), (len(pixels) - 1, 0), (0, levels)}:
        run(decoder, tmp_path / "a.dcmp", tmp_path / "a.pgm", frame, level)
        expected = dicompress.decode(data, level=level).reshape(len(pixels), *reduced(pixels, level))[frame, ..., 0]
        shift = np.iinfo(pixels.dtype).min  # a PGM has nothing below 0
        assert np.array_equal(pgm(tmp_path / "a.pgm").astype(np.int64) + shift, expected)


def test_the_example_says_what_is_wrong(decoder, tmp_path):
    (tmp_path / "a.dcmp").write_bytes(b"no stream")
    for name, text in (("a.dcmp", "a.dcmp: not a dicompress stream"), ("b.dcmp", "b.dcmp cannot be read")):
        assert text in run("sh", "-c", f"! {decoder} {tmp_path / name} {tmp_path / 'a.pgm'}")
    assert not (tmp_path / "a.pgm").exists()


def reduced(pixels: np.ndarray, level: int) -> tuple[int, ...]:
    return tuple(-(-n >> level) for n in pixels.shape[1:3]) + pixels.shape[3:]


def test_a_stream_is_described_as_python_describes_it(library, case):
    data, pixels = case
    expected = dicompress.inspect(data)
    with library.open(data) as stream:
        info = stream.info
        assert (info.frames, info.rows, info.columns, info.samples) == pixels.shape
        assert bool(info.has_frames) == (dicompress.decode(data).ndim - (info.samples > 1) == 3)
        assert (info.bits_stored, info.near, info.levels, info.finest) == (expected.bits_stored, expected.near, expected.levels, 0)
        assert bytes(info.model) == Pyramid.current()
        assert [stream.level_bytes(k) for k in range(info.levels + 1)] == list(expected.level_bytes)
        assert stream.level_bytes(-1) == stream.level_bytes(info.levels + 1) == 0


def test_frames_and_levels_decode_as_in_python(library, case):
    data, pixels = case
    with library.open(data, threads=2) as stream:
        assert np.array_equal(stream.decode(), pixels)
        for level in range(stream.info.levels + 1):
            whole = dicompress.decode(data, level=level).reshape(len(pixels), *reduced(pixels, level))
            for frame in range(len(pixels)):
                assert np.array_equal(stream.decode(frame=frame, level=level)[0], whole[frame])


def test_regions_are_parts_of_the_whole(library, case):
    data, pixels = case
    with library.open(data) as stream:
        for level in range(min(stream.info.levels, 2) + 1):
            whole = stream.decode(level=level)
            for seed in range(4):
                rng = np.random.default_rng(seed)
                row, column = (rng.integers(0, n) for n in whole.shape[1:3])
                rows, columns = rng.integers(1, whole.shape[1] - row + 1), rng.integers(1, whole.shape[2] - column + 1)
                part = {"row": row, "column": column, "rows": rows, "columns": columns}
                found = stream.decode(frame=len(pixels) - 1, level=level, **part)
                assert np.array_equal(found, whole[-1:, row : row + rows, column : column + columns])


def test_a_stream_that_has_arrived_in_part_is_a_smaller_image(library, case):
    data, pixels = case
    ends = dicompress.inspect(data).level_bytes
    for level in range(len(ends)):
        for size in (ends[level], (ends[level - 1] if level else len(data)) - 1):
            if size < ends[level]:
                continue  # of a constant image every level is the same
            with library.open(data[:size]) as stream:
                assert stream.info.finest <= level
                expected = dicompress.decode(data, level=level).reshape(len(pixels), *reduced(pixels, level))
                assert np.array_equal(stream.decode(level=level), expected)
                if stream.info.finest == level > 0:
                    with raises(DAMAGED, f"the data ends before level {level - 1}; it holds level {level}"):
                        stream.decode(level=level - 1)
    with raises(DAMAGED, "the data ends in"):
        library.open(data[: ends[-1] - 1])


def test_streams_of_the_python_package_are_said_to_be_its_own(library):
    drawing = np.zeros((60, 80, 3), np.uint8)
    drawing[20:30, 10:70] = 200, 40, 0
    for data, holds in (
        (dicompress.encode(drawing, colour=True), "JPEG XL"),
        (dicompress.encode(drawing[..., 0] > 0), "few values"),
        (dicompress.encode(phantom(20, 20).astype(np.float32)), "values of 32 or 64 bits"),
    ):
        with raises(UNSUPPORTED, f"holds {holds}, which this library does not decode"):
            library.open(data)


def test_a_stream_that_leans_on_others_is_refused(library):
    first, second = volume(2)
    with raises(UNSUPPORTED, "leans on 1 images of other streams"):
        library.open(dicompress.encode(second, references=[first]))


def test_an_even_length_is_fine(library):
    data = dicompress.encode(phantom(20, 20))
    with library.open(data + b"\0") as stream:
        assert np.array_equal(stream.decode()[0, ..., 0], phantom(20, 20))
    for more in (b"\0\0", b"\1"):
        with raises(DAMAGED, "left over"):
            library.open(data + more)


def test_what_does_not_exist_is_an_argument(library):
    data = dicompress.encode(volume(2))
    with library.open(data) as stream:
        for part, text in [
            ({"level": 4}, "level 4 is not one of the stream's"),
            ({"level": -1}, "level -1 is not one"),
            ({"frame": 2}, "frame 2 of 2"),
            ({"rows": 71, "columns": 1}, "the region leaves the image of 70 x 83 pixels"),
            ({"column": 83, "rows": 1, "columns": 1}, "the region leaves"),
            ({"row": -1, "rows": 1, "columns": 1}, "the region leaves"),
            ({"rows": 1, "columns": 0}, "the region leaves"),
            ({"rows": -1, "columns": 1}, "the region leaves"),
            ({"row": 1 << 30, "rows": (1 << 31) - 1, "columns": 1}, "the region leaves"),
        ]:
            with raises(ARGUMENT, text):
                stream.decode(**part)
        with raises(ARGUMENT, f"the pixels take {2 * 2 * 70 * 83} bytes, not {2 * 2 * 70 * 83 + 2}"):
            stream.decode(room=2)


@pytest.mark.parametrize("name", IMAGES)
def test_what_is_encoded_is_what_python_encodes(library, name):
    image, settings = IMAGES[name]
    data = library.encode(image, **settings)
    assert data == dicompress.encode(image, model="pyramid", **settings)
    error = np.abs(dicompress.decode(data).astype(np.int64) - image).max()
    assert error <= settings.get("near", 0)


def test_what_cannot_be_encoded_is_refused(library):
    image = phantom(20, 30)
    for info, status, text in [
        ({"bits_stored": 17}, UNSUPPORTED, "17 bits stored do not fit into 16 bits allocated"),
        ({"rows": 0}, UNSUPPORTED, "1 x 0 x 30 pixels .* not supported"),
        ({"samples": 5}, UNSUPPORTED, "not supported"),
        ({"near": 256}, ARGUMENT, "an error of 256 is not possible"),
        ({"type": 4}, ARGUMENT, "there is no pixel type 4"),
        ({"limits": {"pixels": 599}}, LIMIT, "1 frames of 600 samples; the limit is 599"),
        ({"rows": (1 << 31) - 1, "columns": (1 << 31) - 1, "samples": 4}, LIMIT, "the limit is"),
        ({"limits": {"memory": 1 << 12}}, LIMIT, "more memory than the limit"),
    ]:
        with raises(status, text):
            library.encode(image, **info)
    assert library.encode(image, bits_stored=12) == dicompress.encode(image, bits_stored=12)


def test_several_threads_decode_one_stream(library):
    image = volume(6)
    data = dicompress.encode(image, neighbours=True)
    wrong = []
    with library.open(data, threads=2) as stream:

        def decode(frame: int) -> None:
            for _ in range(4):
                if not np.array_equal(stream.decode(frame=frame)[0, ..., 0], image[frame]):
                    wrong.append(frame)

        threads = [threading.Thread(target=decode, args=(frame,)) for frame in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.dcmp")), ids=lambda p: p.stem)
def test_golden_streams_decode_or_name_the_model_that_is_missing(library, path):
    data, expected = path.read_bytes(), json.loads((GOLDEN / "sha256.json").read_text())[path.name]
    model = Stream.read(data).model
    if Pyramid.installed(model) is None:
        with raises(UNKNOWN_MODEL, model.hex()):
            library.open(data)
        return
    with library.open(data) as stream:
        pixels = stream.decode()
    assert str(pixels.dtype) == expected["array"][0] and pixels.size == np.prod(expected["array"][1])
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == expected["sha256"]
