"""docs/format.md: its example is what comes out, byte by byte, and is read as it says."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reader import read_band
from test_adaptation import phase

import dicompress
from dicompress.coder import native

PAGE = (Path(__file__).parents[1] / "docs" / "format.md").read_text()


def rows() -> list[tuple[bytes, str]]:
    section = PAGE[PAGE.index("## An example") : PAGE.index("## Container")]
    return [
        (bytes.fromhex(found), said) for found, said in re.findall(r"^\| `([0-9a-f ]+)` \| (.*) \|$", section, re.M)
    ]


def test_the_example_is_what_comes_out():
    lines = re.findall(r"^    ([\d ]+)$", PAGE[: PAGE.index("## Container")], re.M)
    image = np.array([line.split() for line in lines], np.uint8)
    data = dicompress.encode(image, bits_stored=8)
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
