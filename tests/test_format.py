"""docs/format.md: its example is what comes out, byte by byte, and is read as it says."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.images import phantom
from helpers.reader import read_band
from helpers.streams import Stream, digest, planes
from helpers.tables import read_table
from helpers.tensors import phase
from helpers.xxh64 import xxh64

import dicompress
from dicompress.coder import native

PAGE = (Path(__file__).parents[1] / "docs" / "format.md").read_text()


def rows() -> list[tuple[bytes, str]]:
    section = PAGE[PAGE.index("## An example") : PAGE.index("## Container")]
    return [(bytes.fromhex(found), said) for found, said in re.findall(r"^\| `([0-9a-f ]+)` \| (.*) \|$", section, re.M)]


def test_the_example_is_what_comes_out():
    lines = re.findall(r"^    ([\d ]+)$", PAGE[: PAGE.index("## Container")], re.M)
    image = np.array([line.split() for line in lines], np.uint8)
    data = dicompress.encode(image, bits_stored=8, model="pyramid")
    place = 0
    for part, said in rows():
        assert data[place : place + len(part)] == part, said
        place += len(part)
    assert place == len(data)
    assert np.array_equal(dicompress.decode(b"".join(part for part, _ in rows())), image)


def test_the_numbers_of_the_page_are_those_of_the_code():
    core = Path(__file__).parents[1] / "core" / "coder"
    numeric = (core / "numeric.hpp").read_text()
    arithmetic = PAGE[PAGE.index("## Arithmetic") : PAGE.index("## Probabilities")]
    said = {float(number) for number in re.findall(r"\d+\.\d{4,}", arithmetic)}
    assert said == {float(number) for number in re.findall(r"(\d+\.\d{4,})f", numeric)}
    limits = re.search(r"limits = \{([\d, ]+)\}", (core / "width.hpp").read_text())[1]
    assert limits in re.sub(r",\s+", ", ", PAGE[PAGE.index("### Width") :])


def test_the_checksum():
    """Of the specification's reference program."""
    assert xxh64(b"") == 0xEF46DB3751D8E999 and xxh64(b"abc") == 0x44BC2CF5AD770999
    assert xxh64(b"Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1


GREY = phantom(70, 83)
IMAGES = {
    "uint8": ((GREY >> 4).astype(np.uint8), {}),
    "int8": ((GREY >> 5).astype(np.int8) - np.int8(90), {}),
    "int16, tiles": (phantom(1050, 60).astype(np.int16) - 900, {"bits_stored": 12}),
    "frames": (np.stack([GREY, GREY + 1, np.full_like(GREY, 3)]), {"neighbours": True}),
    "colour": (np.stack([GREY, GREY // 2, 4095 - GREY], -1), {"colour": True}),
    "near": (GREY, {"near": 4, "exact": [(300, 310), (400, 400)]}),
    "near, colour": (np.stack([GREY, GREY // 2], -1), {"colour": True, "near": 3}),
    "ranks": (GREY * 15, {}),
    "ranks, near": (GREY * 16 + 7, {"near": 7}),
}


@pytest.mark.parametrize("name", IMAGES)
def test_a_container_is_what_the_page_says(name):
    """Read and written by the tests' own means: the same bytes, and checksums of the pixels that come out."""
    image, settings = IMAGES[name]
    data = dicompress.encode(image, model="pyramid", **settings)
    stream, info, decoded = Stream.read(data), dicompress.inspect(data), dicompress.decode(data)
    assert stream.write() == data
    assert (stream.rows, stream.columns, stream.samples, stream.near) == (info.rows, info.columns, info.samples, info.near)
    assert (stream.frames or 1, stream.bits_stored, stream.dtype) == (info.frames, info.bits_stored, image.dtype)
    assert (stream.levels, stream.level_bytes, stream.model.hex()) == (info.levels, info.level_bytes, info.model_hash)
    assert [head.digest for head in stream.heads] == [digest(plane) for plane in planes(decoded, stream.samples)]
    for head, plane in zip(stream.heads, planes(image, stream.samples)):
        if not any(head.coefficients):
            assert (head.low, head.high) == (plane.min(), plane.max())
        if head.table:
            assert read_table(head.table, head.low, head.high) == np.unique(plane).tolist()
    assert not name.startswith("ranks") or any(head.table for head in stream.heads)


TABLES = {
    "two": [-5, 4000], "every 16th": range(0, 4096, 16), "rescaled": np.cumsum([2, 3, 2, 2, 3] * 300), "all but one": [*range(90), *range(91, 200)],
    "any": np.flatnonzero(np.random.default_rng(0).random(3000) < 0.5), "few": np.flatnonzero(np.random.default_rng(1).random(60000) < 0.01),
    "the widest": [-65535, *range(0, 900, 7), 65536], "two groups": [*range(40), *range(65000, 65500)],
    "almost regular": (np.arange(3000) * 1.0717).astype(int),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_page_says(name):
    values = np.array(TABLES[name], np.int32)
    table = native.write_table(values)
    assert read_table(table, int(values[0]), int(values[-1])) == values.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("shape, flat", [((20, 25), 0.2), ((37, 9), 0.0), ((110, 90), 0.1)])
def test_a_reader_that_follows_the_page_reads_what_the_coder_writes(shape, flat):
    symbols, mixture = phase(*shape, seed=5, deviation=4.0, flat=flat)
    offset = int(symbols.max()) - 1100
    symbols = np.where(symbols > 0, np.maximum(symbols - offset, 0), 0)
    known = np.where(mixture.known > 0, np.clip(mixture.known - offset, 0, 1100), 0)
    base = np.where(mixture.base > 0, mixture.base - 256 * offset, 0).astype(np.int32)
    mixture = replace(mixture, high=1100, base=base, known=known.astype(np.int32))
    data, states = native.encode(symbols.astype(np.int32), *mixture.prediction, 0, shape[0])
    assert states == (shape[0] == 110)
    assert np.array_equal(read_band(data, states, mixture, shape), symbols[0])
