"""Models written in Python: whatever arrays they give, the stream is the same; what does not fit is an error."""

import gc
from dataclasses import replace

import numpy as np
import pytest
from helpers.images import phantom
from helpers.models import Halves, Leaning

import dicompress
from dicompress.native import codec as native

IMAGE = phantom(150, 130)
MIB = 1 << 20


class OtherArrays(Halves):
    """Its arrays have other types and layouts, and nobody else keeps them."""

    def predict(self, plan, k, tensors):
        mixture = super().predict(plan, k, tensors)
        apart = np.repeat(mixture.parameters, 2, 2)[..., ::2]
        base = np.asfortranarray(mixture.base.astype(np.int64))
        gc.collect()
        return replace(mixture, parameters=apart, base=base)

    def analyse(self, plan, image):
        return [np.asfortranarray(tensor.astype(np.int64)) for tensor in super().analyse(plan, image)]

    def synthesise(self, plan, tensors):
        return np.asfortranarray(super().synthesise(plan, tensors).astype(np.int64))


def test_arrays_of_any_layout():
    data = dicompress.encode(IMAGE, model=OtherArrays())
    assert data == dicompress.encode(IMAGE, model=Halves())
    assert np.array_equal(dicompress.decode(data, model=OtherArrays()), IMAGE)


class TooFew(Halves):
    def analyse(self, plan, image):
        return super().analyse(plan, image)[:-1]


class TooSmall(Halves):
    def analyse(self, plan, image):
        return [tensor[:, :-1] for tensor in super().analyse(plan, image)]


class Flat(Halves):
    def analyse(self, plan, image):
        return [tensor[0] for tensor in super().analyse(plan, image)]


@pytest.mark.parametrize("model", [TooFew, TooSmall, Flat])
def test_tensors_that_are_not_those_of_the_plan(model):
    with pytest.raises(ValueError, match="tensors are not those of its plan"):
        dicompress.encode(IMAGE, model=model())


class Shorter(Halves):
    def predict(self, plan, k, tensors):
        mixture = super().predict(plan, k, tensors)
        return replace(mixture, parameters=mixture.parameters[:, :-1])


class Other(Halves):
    def synthesise(self, plan, tensors):
        return super().synthesise(plan, tensors)[:-1]


def test_predictions_and_images_of_another_shape():
    with pytest.raises(ValueError, match="differ in shape"):
        dicompress.encode(IMAGE, model=Shorter())
    with pytest.raises(dicompress.StreamError, match="another size"):
        dicompress.decode(dicompress.encode(IMAGE, model=Halves()), model=Other())


class Failing(Halves):
    def predict(self, plan, k, tensors):
        raise RuntimeError("no prediction")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_what_a_model_raises_comes_out_whatever_thread_it_was_raised_in(threads):
    frames = np.stack([IMAGE] * 7)
    data = dicompress.encode(frames, model=Halves(), threads=threads)
    for _ in range(5):
        with pytest.raises(RuntimeError, match="no prediction"):
            dicompress.decode(data, model=Failing(), threads=threads)
        with pytest.raises(RuntimeError, match="no prediction"):
            dicompress.encode(frames, model=Failing(), threads=threads)
    assert np.array_equal(dicompress.decode(data, model=Halves(), threads=threads), frames)


def test_threads_change_nothing():
    frames = np.stack([phantom(70, 60, seed) for seed in range(9)])
    frames[3] = 7
    for settings in ({}, {"near": 2}, {"neighbours": True}, {"neighbours": True, "near": 2}):
        one, *others = [dicompress.encode(frames, model=Leaning(), threads=n, **settings) for n in (1, 2, 3, 8)]
        assert all(other == one for other in others)
        images = [dicompress.decode(one, model=Leaning(), threads=n) for n in (1, 2, 3, 8)]
        assert all(np.array_equal(image, images[0]) for image in images)


def test_a_stream_is_decoded_as_far_as_it_was_read():
    data = dicompress.encode(IMAGE, model=Halves())
    for read in (None, 2, 1, 0):
        stream = native.Stream(data, read, MIB, 64 * MIB)
        for level in (0, 1, 2):
            if read is not None and level >= read:
                picture = stream.decode(Halves(), level, None, None, [], 1)[0, ..., 0]
                assert np.array_equal(picture, IMAGE[:: 1 << level, :: 1 << level])
            else:
                with pytest.raises(ValueError, match=f"not read down to level {level}"):
                    stream.decode(Halves(), level, None, None, [], 1)


def test_regions_are_parts_of_the_frame():
    """At every level, over the edges of tiles, of one frame or all, with samples that lean on others."""
    grey = np.stack([phantom(1100, 70), phantom(1100, 70, 1)])
    image = np.stack([grey, grey // 2], -1)
    data = dicompress.encode(image, model=Leaning(), colour=True, neighbours=True)
    chance = np.random.default_rng(0)
    for level in (0, 1, 2):
        stream = native.Stream(data, level, MIB, 64 * MIB)
        picture = image[:, :: 1 << level, :: 1 << level]
        for _ in range(12):
            row, column = (int(chance.integers(n)) for n in picture.shape[1:3])
            rows, columns = (
                int(chance.integers(1, picture.shape[1] - row + 1)),
                int(chance.integers(1, picture.shape[2] - column + 1)),
            )
            found = stream.decode(Leaning(), level, None, (row, column, rows, columns), [], 2)
            assert np.array_equal(found, picture[:, row : row + rows, column : column + columns])
            found = stream.decode(Leaning(), level, 1, (row, column, rows, columns), [], 2)
            assert np.array_equal(found, picture[1:, row : row + rows, column : column + columns])
        for region in ((-1, 0, 1, 1), (0, 0, 0, 1), (0, 0, picture.shape[1] + 1, 1), (2**31 - 1, 0, 2**31 - 1, 1)):
            with pytest.raises(ValueError, match="leaves the image"):
                stream.decode(Leaning(), level, None, region, [], 1)


def test_only_tiles_of_the_region_are_decoded():
    data = dicompress.encode(phantom(2100, 40), model=Halves())
    model = Halves()
    native.Stream(data, 0, MIB, 64 * MIB).decode(model, 0, None, (1500, 0, 3, 40), [], 1)
    assert len(model.plans) == 1
