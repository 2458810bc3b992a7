"""The C interface on damaged streams, and its limits of pixels and memory."""

from dataclasses import replace

import pytest
from helpers.images import phantom, volume
from helpers.library import DAMAGED, LIMIT, UNKNOWN_MODEL, Failure, Library, raises
from helpers.streams import Stream

import dicompress

pytestmark = pytest.mark.slow  # what it tests is built first


@pytest.fixture(scope="module")
def library():
    return Library()


def test_damaged_streams_are_told_apart_from_unknown_ones(library):
    data = dicompress.encode(phantom(40, 50))
    for at in [*range(40), *range(40, len(data), 7)]:
        damaged = data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]
        with pytest.raises(Failure) as found:
            library.open(damaged).decode()
        # Bytes 4 and 15 are the version and the coder's revision; sizes are looked at before their checksum.
        assert found.value.status in ([UNKNOWN_MODEL] if at in (4, 15) else [DAMAGED, LIMIT]) and str(found.value)
    with raises(DAMAGED, "the CRC-32 of level 0 does not agree"):
        library.open(data[:-9] + b"?" + data[-8:])
    for other in (b"", b"DCM", b"DICM" + data[4:]):
        with raises(DAMAGED, "not a dicompress stream: it does not begin with 'DCMP'"):
            library.open(other)
    with raises(UNKNOWN_MODEL, "written by model 0000000000000001, which this library does not have"):
        library.open(replace(Stream.read(data), model=bytes(7) + b"\1").write())


def test_wrong_pixels_are_found_by_their_checksum(library):
    stream = Stream.read(dicompress.encode(phantom(40, 50)))
    (head,) = stream.heads
    opened = library.open(replace(stream, heads=[replace(head, digest=bytes(8))]).write())
    with raises(DAMAGED, "do not have the checksum"):
        opened.decode()
    opened.decode(level=1)
    opened.close()


def test_limits_hold(library):
    image = volume()
    data = dicompress.encode(image)
    library.open(data, pixels=image.size).close()
    with raises(LIMIT, f"5 x 70 x 83 pixels of 1 samples; the limit is .* {image.size - 1} samples"):
        library.open(data, pixels=image.size - 1)
    with raises(LIMIT, "more memory than the limit of 1000 bytes"):
        library.open(data, memory=1000)
    sizes = [int(1.1**k) for k in range(80, 200)]
    enough = next(size for size in sizes if works(library, data, size, decodes=True))
    opens = next(size for size in sizes if works(library, data, size, decodes=False))
    assert opens < enough < 1 << 25
    with library.open(data, memory=opens) as stream, raises(LIMIT, f"the limit of {opens} bytes"):
        stream.decode()
    assert "environment" not in str(found_at(library, data, 1000))


def found_at(library, data: bytes, memory: int, decodes: bool = True) -> Failure | None:
    try:
        with library.open(data, memory=memory, threads=1) as stream:
            if decodes:
                stream.decode()
    except Failure as failure:
        assert failure.status == LIMIT
        return failure
    return None


def works(library, data: bytes, memory: int, decodes: bool) -> bool:
    return found_at(library, data, memory, decodes) is None


def test_claims_cost_nothing(library):
    stream = Stream.read(dicompress.encode(phantom(40, 50)))
    for claim in ({"rows": 1 << 31, "columns": 1 << 31}, {"frames": 1 << 62}, {"rows": 1 << 20, "columns": 1 << 12}):
        with raises(LIMIT, "the limit is"):
            library.open(replace(stream, **claim).write())
    for claim in ({"frames": 1 << 20}, {"rows": 1 << 15, "columns": 1 << 14}):
        with pytest.raises(Failure) as found:
            library.open(replace(stream, **claim).write(), memory=1 << 25).decode()
        assert found.value.status in (DAMAGED, LIMIT)
