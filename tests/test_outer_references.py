"""Images that lean on images of other streams, as the slices of a series that are kept one by one."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.images import phantom
from helpers.mutations import Mutator
from helpers.streams import Stream, digest

import dicompress
from dicompress import DicompressError, StreamError


def slices(count: int = 3, shape: tuple[int, int] = (90, 101), dtype=np.int16, low: int = -700) -> np.ndarray:
    """Noise that hardly changes from slice to slice."""
    rng = np.random.default_rng(5)
    still = rng.integers(0, 1500, shape)
    return (still + rng.integers(-2, 3, (count, *shape)) + low).astype(dtype)


A, B, C = slices()
UNLIKE = np.random.default_rng(0).integers(-700, 800, A.shape).astype(np.int16)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
@pytest.mark.parametrize("shape", [(90, 101), (1030, 70), (5, 3)])
def test_what_is_like_an_image_saves_much_of_it(dtype, shape):
    a, b, c = slices(3, shape, dtype, -700 if dtype == np.int16 else 0)
    alone, leaning = dicompress.encode(b), dicompress.encode(b, references=[a, c], model="pyramid")
    stream = Stream.read(leaning)
    if min(shape) > 5:
        assert len(leaning) < 0.6 * len(alone) and stream.outer == (digest(a), digest(c)) and stream.heads[0].references == (1, 2)
    assert dicompress.inspect(leaning).references == [found.hex() for found in stream.outer] and stream.write() == leaning
    given = [a, c][: len(stream.outer)]
    assert np.array_equal(dicompress.decode(leaning, references=given), b)
    for k, count in enumerate(dicompress.inspect(leaning).level_bytes):
        expected = b[:: 1 << k, :: 1 << k]
        assert np.array_equal(dicompress.decode(leaning[:count], level=k, references=given), expected)
        assert np.array_equal(
            dicompress.decode(leaning[:count], level=k, references=[r[:: 1 << k, :: 1 << k] for r in given]), expected
        )


def test_one_reference_and_none_that_pays():
    one = dicompress.encode(B, references=[A])
    assert Stream.read(one).outer == (digest(A),) and np.array_equal(dicompress.decode(one, references=[A]), B)
    first = Stream.read(dicompress.encode(B, references=[A, UNLIKE])).outer
    assert first[0] == digest(A)
    picture = phantom(90, 101).astype(np.int16)
    for image, given in ((picture, [UNLIKE]), (np.full_like(B, 7), [A]), (B, [])):
        assert dicompress.encode(image, references=given) == dicompress.encode(image)
    drawing = np.zeros((90, 101), np.int16)
    drawing[20:60, 30:50] = 99
    assert np.array_equal(dicompress.decode(dicompress.encode(drawing, references=[A])), drawing)


@pytest.mark.parametrize("near", [1, 7])
def test_with_an_error_it_leans_on_what_was_decoded(near):
    a = dicompress.decode(dicompress.encode(A, near=near))
    data = dicompress.encode(B, near=near, references=[a], exact=[(-5, -3)])
    assert Stream.read(data).outer == (digest(a),)
    found = dicompress.decode(data, references=[a]).astype(int)
    assert np.abs(found - B).max() == near and np.array_equal(found[(B >= -5) & (B <= -3)], B[(B >= -5) & (B <= -3)])
    assert len(data) < len(dicompress.encode(B, near=near))


def test_other_images_than_these_are_refused():
    data = dicompress.encode(B, references=[A, C])
    wrong = A.copy()
    wrong[3, 4] += 1
    for given, text in [
        ([], "leans on 2 planes of other streams; 0 are given"),
        ([A], "1 are given"),
        ([A, C, C], "3 are given"),
        ([C, A], "reference 1 is not the plane"),
        ([A, wrong], "reference 2 is not the plane"),
        ([A, C.astype(np.uint16)], "reference 2 is not the plane"),
        ([A, C[:-1]], "a reference is int16"),
    ]:
        with pytest.raises(ValueError, match=text):
            dicompress.decode(data, references=given)
    with pytest.raises(ValueError, match="0 planes of other streams; 1 are given"):
        dicompress.decode(dicompress.encode(B), references=[A])
    for given in ([A[:-1]], [A.astype(np.uint16)], [A, C, A], [A[None]]):
        with pytest.raises(ValueError, match="reference"):
            dicompress.encode(B, references=given)
    with pytest.raises(ValueError, match="single image in grey"):
        dicompress.encode(np.stack([B, B]), references=[A])
    with pytest.raises(ValueError, match="single image in grey"):
        dicompress.encode(np.stack([B, B], -1), colour=True, references=[A])


def test_references_in_another_byte_order_or_with_gaps():
    wide = np.zeros((90, 202), ">i2")
    wide[:, ::2] = A
    data = dicompress.encode(B, references=[wide[:, ::2]])
    assert data == dicompress.encode(B, references=[A]) and np.array_equal(dicompress.decode(data, references=[wide[:, ::2]]), B)


def test_claims_that_cannot_be():
    stream = Stream.read(dicompress.encode(B, references=[A, C]))
    for claim in (
        {"outer": stream.outer[:1]},
        {"outer": stream.outer * 2},
        {"frames": 1},
        {"heads": [replace(stream.heads[0], references=(1, 3))]},
        {"heads": [replace(stream.heads[0], references=(1, -1))]},
    ):
        with pytest.raises(StreamError):
            dicompress.inspect(replace(stream, **claim).write())
    assert dicompress.inspect(replace(stream, heads=[replace(stream.heads[0], references=(2, 1))]).write()).references


def test_a_stream_inside_one_stream_still_leans_on_its_own_only():
    """That planes of other streams are there is said before the heads."""
    stream = Stream.read(dicompress.encode(phantom(40, 50)))
    with pytest.raises(StreamError, match="does not exist"):
        dicompress.inspect(replace(stream, heads=[replace(stream.heads[0], references=(1,))]).write())


def test_mutations_are_errors_or_the_right_image():
    stream = Stream.read(dicompress.encode(B, references=[A, C]))
    mutator, right = Mutator(3, [dicompress.encode(B), stream.write()]), 0
    for number in range(600):
        head, sections = stream.heads[0], [list(chunks) for chunks in stream.sections]
        level = number % len(sections)
        sections[level][0] = mutator.change(sections[level][0])
        changed = (
            mutator.change(stream.write()),
            replace(stream, sections=sections).write(),  # behind the checksums
            replace(stream, heads=[replace(head, header=mutator.change(head.header))]).write(),
        )[number % 3]
        try:
            found = dicompress.decode(changed, references=[A, C], threads=1)
        except (DicompressError, ValueError):
            continue
        assert np.array_equal(found, B)
        right += 1
    assert right < 100
