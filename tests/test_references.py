"""Planes that lean on others: which they may, what is decoded for a frame, and what no stream may claim."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from conftest import phantom
from hypothesis import given, settings
from hypothesis import strategies as st
from mutation_run import planes
from mutations import Mutator
from test_levels import Halves

import dicompress
from dicompress import DicompressError, StreamError
from dicompress.codec import api
from dicompress.codec.container import read_stream, write_stream
from dicompress.codec.references import MAX_DEPTH, candidates, coding_order, depths, order
from dicompress.models import Values


class Leaning(Halves):
    """Halves whose mixtures are centred on the mean of the references, if there are any."""

    hash, most_references = b"leaning!", 2

    def header(self, image, values, references=()):
        return b"halves"

    def estimate(self, image, values, choices):
        middles = [np.mean(references, 0) if references else image.mean() for references in choices]
        return [float(np.log2(np.abs(image - middle) + 0.7).sum()) for middle in middles]

    def plan(self, header, shape, values, levels, references=(), level=0):
        plan = super().plan(header, shape, values, levels)
        plan.leaned = [r.copy() for r in references], level
        return plan

    def predict(self, plan, k, tensors):
        mixture = super().predict(plan, k, tensors)
        references, lowest = plan.leaned
        if not references:
            return mixture
        step = 1 << plan.levels[k] - lowest
        middle = np.mean(references, 0)[::step, ::step]
        part = middle if k == 0 else middle[1::2] if k % 2 == 0 else middle[::2, 1::2]
        mixture.parameters[2] = 4096  # a deviation of two values
        return replace(mixture, base=np.rint(part * 256).astype(np.int32))


def volume(frames: int, rows: int = 40, columns: int = 36, noise: float = 1.0) -> np.ndarray:
    """Noise that hardly changes from frame to frame."""
    rng = np.random.default_rng(1)
    still = rng.integers(0, 1000, (rows, columns))
    return np.clip(still + rng.normal(0, noise, (frames, rows, columns)), 0, 1100).astype(np.uint16)


def leaning(data: bytes) -> list[tuple[int, ...]]:
    return [head.references for head in read_stream(data).heads]


def test_frames_lean_on_those_before_if_that_pays():
    image = volume(4)
    alone, leant = (dicompress.encode(image, model=Leaning(), neighbours=n, threads=1) for n in (False, True))
    assert leaning(alone) == [()] * 4 and leaning(leant) == [(), (1, -1), (2,), (1, 2)]
    assert len(leant) < 0.6 * len(alone)
    unlike = np.random.default_rng(0).integers(0, 1000, image.shape).astype(np.uint16)
    assert leaning(dicompress.encode(unlike, model=Leaning(), neighbours=True)) == [()] * 4


def test_a_frame_is_decoded_from_what_it_leans_on(monkeypatch):
    image, decoded = volume(40), []
    data = dicompress.encode(image, model=Leaning(), neighbours=True)
    real = api.decode_plane
    monkeypatch.setattr(api, "decode_plane", lambda *arguments: decoded.append(1) or real(*arguments))
    assert np.array_equal(dicompress.decode(data, model=Leaning()), image) and len(decoded) == 40
    for frame in (0, 3, 16, 17, 32, 39):
        decoded.clear()
        assert np.array_equal(dicompress.decode(data, frame=frame, model=Leaning()), image[frame])
        assert len(decoded) == {0: 1, 3: 4, 16: 9, 17: 11, 32: 17, 39: 5}[frame] <= 1 + MAX_DEPTH


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
    stream = read_stream(data)
    assert 12 < max(depths([stream.needs(n) for n in range(120)])) <= MAX_DEPTH
    assert np.array_equal(dicompress.decode(data, frame=37, model=Leaning(), threads=1), image[37])


def test_models_that_lean_on_nothing_are_asked_for_nothing():
    image = volume(3)
    one, other = (dicompress.encode(image, model="reference", neighbours=n, threads=1) for n in (False, True))
    assert one == other


@pytest.mark.parametrize("distances", [(0,), (-1,), (2,), (1, 0), (4,), (-40,), (1 << 40,)])
def test_references_that_cannot_be(distances):
    """To itself, in a circle with the plane behind, before the first, and far outside."""
    stream = read_stream(dicompress.encode(volume(3), model=Leaning(), neighbours=True))
    heads = list(stream.heads)
    heads[1:] = [replace(heads[1], references=distances), replace(heads[2], references=(1,))]
    with pytest.raises(StreamError, match="lean"):
        dicompress.decode(write_stream(replace(stream, heads=heads)), model=Leaning())


def test_planes_may_lean_on_later_ones():
    """Any order can be written: here the first frame is decoded last."""
    image = volume(3)
    data = dicompress.encode(image[::-1], model=Leaning(), neighbours=True)
    stream = read_stream(data)
    turned = [replace(h, references=tuple(-n for n in h.references)) for h in stream.heads[::-1]]
    tiles = [[s.chunk(i) for i in (2, 1, 0)] for s in stream.sections]
    sections = [type(stream.sections[0]).of(chunks) for chunks in tiles]
    again = write_stream(replace(stream, heads=turned, sections=sections))
    assert np.array_equal(dicompress.decode(again, model=Leaning()), image)
    assert np.array_equal(dicompress.decode(again, frame=0, model=Leaning()), image[0])


def test_a_forged_depth():
    stream = read_stream(dicompress.encode(volume(40), model=Leaning(), neighbours=True))
    heads = [replace(h, references=(1,)) if k else h for k, h in enumerate(stream.heads)]
    with pytest.raises(StreamError, match=f"more than {MAX_DEPTH}"):
        dicompress.decode(write_stream(replace(stream, heads=heads)), model=Leaning())
    many = [replace(heads[1], references=(1, 2, 1))] * 3
    with pytest.raises(StreamError, match="at most 2"):
        dicompress.decode(write_stream(replace(stream, frames=3, heads=many)), model=Leaning())


def test_changed_streams_are_errors_or_the_right_planes():
    """Whatever is changed behind the checksums: planes that were coded, or an error of ours."""
    images = [volume(5), np.stack([volume(2)] * 3, -1), volume(3, 33, 41)]
    streams = [dicompress.encode(i, model=Leaning(), neighbours=True, colour=i.ndim == 4) for i in images]
    assert all(s[4] == 4 for s in streams)
    right = {p for i in images for p in planes(i, i.shape[-1] if i.ndim == 4 else 1)}
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
        assert right.issuperset(planes(image, info.samples))
        outcomes["right"] += 1
    assert outcomes[StreamError] > 500 and outcomes["right"] > 10 and outcomes["lean"] > 10


def test_a_model_without_references_refuses_them(mr_pixels):
    stream = read_stream(dicompress.encode(np.stack([mr_pixels] * 2), model="reference"))
    heads = [stream.heads[0], replace(stream.heads[1], references=(1,))]
    with pytest.raises(StreamError, match="lean"):
        dicompress.decode(write_stream(replace(stream, heads=heads)))


def test_depths():
    assert depths([[], [0], [1, 0], [], [3]]) == [0, 1, 2, 0, 1]
    assert depths([[1], []]) == [1, 0]
    for circle in ([[1], [0]], [[0]], [[1], [2], [0], []], [[5]], [[-1]]):
        with pytest.raises(StreamError):
            depths(circle)


def test_order_decodes_each_once():
    needs = [[], [0], [0, 1], [], [2, 1]]
    assert list(order([4], needs.__getitem__)) in ([0, 1, 2, 4],)
    assert list(order([4, 3, 0], needs.__getitem__)) == [0, 1, 2, 4, 3]


def test_candidates():
    shallow = {n: 0 for n in range(12)}
    assert coding_order(6, True) == [0, 2, 1, 4, 3, 5] and coding_order(3, False) == [0, 1, 2]
    assert candidates(4, 1, True, {0: 0, 1: 2, 2: 1}) == [(2,), (2, 0)]
    assert candidates(3, 1, True, {0: 0, 1: 2, 2: 1, 4: 2}) == [(2, 4)]
    assert candidates(3, 1, True, {0: 0, 1: 2, 2: 1}) == [(2, 1)], "the last frame"
    assert candidates(3, 1, False, shallow) == []
    assert candidates(2, 3, False, {0: 0, 1: 0}) == [(1,), (1, 0)]
    assert candidates(7, 3, True, {0: 0, 1: 1, 2: 1, 6: 1}) == [(1,), (6,), (6, 1)]
    deep = {n: n // 2 for n in range(0, 33, 2)}
    assert candidates(34, 1, True, deep) == [(30,)] and candidates(31, 1, True, deep) == [(30,)]
    assert candidates(36, 1, True, deep | {34: 16}) == [(0,)], "from the first on again"


def test_numbers_of_other_values():
    listed = np.array([-7, 0, 3, 300])
    pixels = np.array([[-32768, -8, -7, -6, 0, 1], [3, 4, 299, 300, 301, 65535]])
    values = Values(0, 3, listed=listed)
    assert np.array_equal(values.numbers(pixels), np.minimum(np.searchsorted(listed, pixels), 3))
    assert np.array_equal(values.stored(np.array([3, 0])), [300, -7])
    assert np.array_equal(Values(-5, 400).numbers(pixels), np.clip(pixels, -5, 400))
