"""Planes that lean on others: which they may, what is decoded for a frame, and what no stream may claim."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from helpers.images import phantom
from helpers.models import Halves, Leaning
from helpers.mutations import Mutator
from helpers.streams import Stream, planes
from hypothesis import given, settings
from hypothesis import strategies as st

import dicompress
from dicompress import DicompressError, StreamError
from dicompress.models import Values
from dicompress.native.codec import candidates, coding_order
from dicompress.native.pyramid import blend

MOST_DEPTH = 16  # planes that must be decoded one after the other before any other one


def volume(frames: int, rows: int = 40, columns: int = 36, noise: float = 1.0) -> np.ndarray:
    """Noise that hardly changes from frame to frame."""
    rng = np.random.default_rng(1)
    still = rng.integers(0, 1000, (rows, columns))
    return np.clip(still + rng.normal(0, noise, (frames, rows, columns)), 0, 1100).astype(np.uint16)


def leaning(data: bytes) -> list[tuple[int, ...]]:
    return [head.references for head in Stream.read(data).heads]


def test_frames_lean_on_those_before_if_that_pays():
    image = volume(4)
    alone, leant = (dicompress.encode(image, model=Leaning(), neighbours=n, threads=1) for n in (False, True))
    assert leaning(alone) == [()] * 4 and leaning(leant) == [(), (1, -1), (2,), (1, 2)]
    assert len(leant) < 0.6 * len(alone)
    unlike = np.random.default_rng(0).integers(0, 1000, image.shape).astype(np.uint16)
    assert leaning(dicompress.encode(unlike, model=Leaning(), neighbours=True)) == [()] * 4


def test_a_frame_is_decoded_from_what_it_leans_on():
    """Every plane that is decoded has a plan of its own."""
    image = volume(40)
    data = dicompress.encode(image, model=Leaning(), neighbours=True)
    model = Leaning()
    assert np.array_equal(dicompress.decode(data, model=model), image) and len(model.plans) == 40
    for frame in (0, 3, 16, 17, 32, 39):
        model = Leaning()
        assert np.array_equal(dicompress.decode(data, frame=frame, model=model), image[frame])
        assert len(model.plans) == 1 + len(Stream.read(data).needs(frame))
        assert len(model.plans) == {0: 1, 3: 4, 16: 9, 17: 11, 32: 17, 39: 5}[frame] <= 1 + MOST_DEPTH


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 5), st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 3]), st.sampled_from([1, 16]),
    st.sampled_from([0, 0, 2]),
)  # fmt: skip
def test_every_frame_and_level_comes_back(frames, rows, columns, samples, step, near):
    image = np.stack([volume(frames, rows, columns) * step] * samples, -1).astype(np.int16)
    image = image if samples > 1 else image[..., 0]
    data = dicompress.encode(image, model=Leaning(), neighbours=True, colour=samples > 1, near=near, threads=1)
    whole = dicompress.decode(data, model=Leaning())
    assert np.abs(whole.astype(int) - image).max() <= near
    for level in range(dicompress.inspect(data).levels + 1):
        picture = dicompress.decode(data, level=level, model=Leaning())
        assert np.array_equal(picture, whole[:, :: 1 << level, :: 1 << level])
        last = dicompress.decode(data, level=level, frame=frames - 1, model=Leaning())
        assert np.array_equal(last, picture[-1])


def test_tiles_lean_on_tiles():
    image = volume(2, 1100, 70)
    data = dicompress.encode(image, model=Leaning(), neighbours=True)
    assert leaning(data) == [(), (1,)]
    for level in range(3):
        assert np.array_equal(dicompress.decode(data, level=level, model=Leaning()), image[:, :: 1 << level, :: 1 << level])


def test_samples_lean_on_samples_and_on_frames():
    image = np.stack([volume(2)[0], *[phantom(40, 36, noise=100)] * 2], -1)[None].repeat(2, 0)
    data = dicompress.encode(image, model=Leaning(), neighbours=True, colour=True)
    assert np.array_equal(dicompress.decode(data, model=Leaning()), image)
    assert np.array_equal(dicompress.decode(data, frame=1, model=Leaning()), image[1])
    assert any(leaning(data)[3:])


def test_no_chain_is_too_long_in_colour():
    grey = volume(40, 32, 33)
    image = np.stack([grey, grey[:, ::-1], grey + grey[:, ::-1] // 2], -1)
    data = dicompress.encode(image, model=Leaning(), neighbours=True, colour=True, threads=1)
    stream = Stream.read(data)
    assert 12 < max(stream.depth(n) for n in range(120)) <= MOST_DEPTH
    assert np.array_equal(dicompress.decode(data, frame=37, model=Leaning(), threads=1), image[37])


def test_models_that_lean_on_nothing_are_asked_for_nothing():
    image = volume(3)
    one, other = (dicompress.encode(image, model=Halves(), neighbours=n, threads=1) for n in (False, True))
    assert one == other


@pytest.mark.parametrize("distances", [(0,), (-1,), (2,), (1, 0), (4,), (-40,), (1 << 40,)])
def test_references_that_cannot_be(distances):
    """To itself, in a circle with the plane behind, before the first, and far outside."""
    stream = Stream.read(dicompress.encode(volume(3), model=Leaning(), neighbours=True))
    heads = list(stream.heads)
    heads[1:] = [replace(heads[1], references=distances), replace(heads[2], references=(1,))]
    with pytest.raises(StreamError, match="lean"):
        dicompress.decode(replace(stream, heads=heads).write(), model=Leaning())


def test_planes_may_lean_on_later_ones():
    """Any order can be written: here the first frame is decoded last."""
    image = volume(3)
    data = dicompress.encode(image[::-1], model=Leaning(), neighbours=True)
    stream = Stream.read(data)
    turned = [replace(h, references=tuple(-n for n in h.references)) for h in stream.heads[::-1]]
    again = replace(stream, heads=turned, sections=[chunks[::-1] for chunks in stream.sections]).write()
    assert np.array_equal(dicompress.decode(again, model=Leaning()), image)
    assert np.array_equal(dicompress.decode(again, frame=0, model=Leaning()), image[0])


def test_a_forged_depth():
    stream = Stream.read(dicompress.encode(volume(40), model=Leaning(), neighbours=True))
    heads = [replace(h, references=(1,)) if k else h for k, h in enumerate(stream.heads)]
    with pytest.raises(StreamError, match=f"more than {MOST_DEPTH}"):
        dicompress.decode(replace(stream, heads=heads).write(), model=Leaning())
    many = [replace(heads[1], references=(1, 2, 1))] * 3
    with pytest.raises(StreamError, match="at most 2"):
        dicompress.decode(replace(stream, frames=3, heads=many).write(), model=Leaning())


def facts(plane: np.ndarray) -> tuple:
    return plane.dtype, plane.shape, plane.tobytes()


def test_changed_streams_are_errors_or_the_right_planes():
    """Whatever is changed behind the checksums: planes that were coded, or an error of ours."""
    images = [volume(5), np.stack([volume(2)] * 3, -1), volume(3, 33, 41)]
    streams = [dicompress.encode(i, model=Leaning(), neighbours=True, colour=i.ndim == 4) for i in images]
    assert all(s[4] == 4 for s in streams)
    right = {facts(p) for i in images for p in planes(i, i.shape[-1] if i.ndim == 4 else 1)}
    mutator, outcomes = Mutator(0, streams), Counter()
    for number in range(2000):
        data = streams[number % len(streams)]
        changed = mutator.change(data) if number % 4 == 0 else mutator.forge(data)
        try:
            info = dicompress.inspect(changed)
            image = dicompress.decode(changed, model=Leaning(), threads=1)
        except DicompressError as error:
            outcomes[type(error)] += 1
            outcomes["lean"] += "lean" in str(error)
            continue
        assert right.issuperset(map(facts, planes(image, info.samples)))
        outcomes["right"] += 1
    assert outcomes[StreamError] > 500 and outcomes["right"] > 10 and outcomes["lean"] > 10


def test_a_model_without_references_refuses_them(mr_pixels):
    stream = Stream.read(dicompress.encode(np.stack([mr_pixels] * 2), model=Halves()))
    heads = [stream.heads[0], replace(stream.heads[1], references=(1,))]
    with pytest.raises(StreamError, match="lean"):
        dicompress.decode(replace(stream, heads=heads).write(), model=Halves())


@pytest.mark.parametrize(
    "references",
    [{0: -1, 1: 1}, {1: -1, 2: -1, 3: 2}, {2: -2, 3: 1, 4: 2}],
    ids=["two", "three", "with one that leans on the circle"],
)
def test_circles(references):
    stream = Stream.read(dicompress.encode(volume(5), model=Leaning()))
    heads = [replace(h, references=(references[k],) if k in references else ()) for k, h in enumerate(stream.heads)]
    with pytest.raises(StreamError, match="circle"):
        dicompress.inspect(replace(stream, heads=heads).write())


def test_chains_as_long_as_may_be():
    """A plane and the sixteen below it; they are written without leaning, so that what comes out is another image."""
    stream = Stream.read(dicompress.encode(volume(17), model=Leaning()))
    heads = [replace(h, references=(1,)) if k else h for k, h in enumerate(stream.heads)]
    dicompress.inspect(replace(stream, heads=heads).write())
    longer = Stream.read(dicompress.encode(volume(18), model=Leaning()))
    with pytest.raises(StreamError, match="more than 16"):
        dicompress.inspect(replace(longer, heads=[*heads, replace(longer.heads[17], references=(1,))]).write())


def test_candidates():
    shallow = dict.fromkeys(range(12), 0)
    assert coding_order(6, True) == [0, 2, 1, 4, 3, 5] and coding_order(3, False) == [0, 1, 2]
    assert candidates(4, 1, True, {0: 0, 1: 2, 2: 1}) == [[2], [2, 0]]
    assert candidates(3, 1, True, {0: 0, 1: 2, 2: 1, 4: 2}) == [[2, 4]]
    assert candidates(3, 1, True, {0: 0, 1: 2, 2: 1}) == [[2, 1]], "the last frame"
    assert candidates(3, 1, False, shallow) == []
    assert candidates(2, 3, False, {0: 0, 1: 0}) == [[1], [1, 0]]
    assert candidates(7, 3, True, {0: 0, 1: 1, 2: 1, 6: 1}) == [[1], [6], [6, 1]]
    deep = {n: n // 2 for n in range(0, 33, 2)}
    assert candidates(34, 1, True, deep) == [[30]] and candidates(31, 1, True, deep) == [[30]]
    assert candidates(36, 1, True, deep | {34: 16}) == [[0]], "from the first on again"


def test_numbers_of_other_values():
    listed = np.array([-7, 0, 3, 300], np.int32)
    pixels = np.array([[-32768, -8, -7, -6, 0, 1], [3, 4, 299, 300, 301, 65535]], np.int32)
    found = blend([pixels], [1 << 14], 0, Values(0, 3, listed=listed))
    assert np.array_equal(found, np.minimum(np.searchsorted(listed, pixels), 3))
    assert np.array_equal(blend([pixels], [1 << 14], 0, Values(-5, 400)), np.clip(pixels, -5, 400))
