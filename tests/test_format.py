"""docs/format.md: its example is what comes out, byte by byte, and is read as it says."""

import re
from pathlib import Path

import numpy as np

import dicompress

PAGE = (Path(__file__).parents[1] / "docs" / "format.md").read_text()


def rows() -> list[tuple[bytes, str]]:
    section = PAGE[PAGE.index("## An example") : PAGE.index("## Container")]
    return [(bytes.fromhex(found), said) for found, said in re.findall(r"^\| `([0-9a-f ]+)` \| (.*) \|$", section, re.M)]


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
    core = Path(__file__).parents[1] / "core"
    numeric = (core / "numeric.hpp").read_text()
    arithmetic = PAGE[PAGE.index("## Arithmetic") : PAGE.index("## Probabilities")]
    said = {float(number) for number in re.findall(r"\d+\.\d{4,}", arithmetic)}
    assert said == {float(number) for number in re.findall(r"(\d+\.\d{4,})f", numeric)}
    limits = re.search(r"limits = \{([\d, ]+)\}", (core / "width.hpp").read_text())[1]
    assert limits in re.sub(r",\s+", ", ", PAGE[PAGE.index("### Width") :])
