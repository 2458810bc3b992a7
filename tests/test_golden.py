"""Streams of the past still decode."""

import hashlib
import json
from pathlib import Path

import pytest

import dicompress

GOLDEN = Path(__file__).parent / "golden"
STREAMS = sorted(path for path in GOLDEN.iterdir() if path.suffix in (".dcmp", ".dclb", ".dcxw"))


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_golden_streams_decode_for_ever(path):
    expected = json.loads((GOLDEN / "sha256.json").read_text())[path.name]
    image = dicompress.decode(path.read_bytes())
    assert [str(image.dtype), list(image.shape)] == expected["array"]
    assert hashlib.sha256(image.tobytes()).hexdigest() == expected["sha256"]


def test_no_golden_stream_is_missing():
    names = json.loads((GOLDEN / "sha256.json").read_text()).keys()
    assert len(names) >= 5 and set(names) == {p.name for p in STREAMS}
