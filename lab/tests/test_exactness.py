"""One network, several executions, identical bytes; and streams of the past still decode, with all of them."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.images import phantom
from helpers.streams import Stream
from onnx import numpy_helper

import dicompress
import dicompress_lab.models
from dicompress import coder
from dicompress.models import Values
from dicompress_lab.models.reference import Reference
from dicompress_lab.runtime.float32 import to_float32

MODELS = Path(dicompress_lab.models.__file__).parent
GOLDEN = Path(__file__).parent / "golden"


def executions_of(kind) -> dict:
    return {
        "two threads": kind(threads=2),
        "one thread": kind(threads=1),
        "no graph optimisation": kind(threads=2, optimise=False),
        "float32": kind(threads=2, convert=to_float32),
    }


@pytest.fixture(scope="module")
def executions():
    return executions_of(Reference)


def test_all_executions_give_the_same_streams_and_decode_each_other(executions, ct_pixels, mr_pixels):
    slices = np.stack([phantom(90, 100, noise=40)] * 3) + np.random.default_rng(0).integers(0, 4, (3, 90, 100)).astype(np.uint16)
    for image in (ct_pixels, mr_pixels, phantom(203, 310), slices):
        settings = {"neighbours": image.ndim == 3}
        streams = {name: dicompress.encode(image, model=model, threads=1, **settings) for name, model in executions.items()}
        assert len(set(streams.values())) == 1
        stream = streams["two threads"]
        assert dicompress.encode(image, model=executions["two threads"], threads=2, **settings) == stream
        for model in executions.values():
            assert np.array_equal(dicompress.decode(stream, model=model), image)


def saturating_inputs() -> dict:
    """For every network of `reference`, its inputs at random over the whole of their types."""
    rng = np.random.default_rng(0)
    context = rng.integers(0, 256, (1, 32, 32, 36)).astype(np.uint8)
    z = (rng.integers(-12, 13, (1, 5, 32, 36)) * 4 + 128).astype(np.uint8)
    pixels = rng.integers(-2048, 2048, (1, 1, 64, 72)).astype(np.float32)
    finer = {f"predict{s}": {"z": z, "context": context} for s in (1, 2)}
    return {"extract": {"pixels": pixels}, "predict3": {"z": z}} | finer


def test_all_executions_agree_on_inputs_that_saturate(executions):
    for network, inputs in saturating_inputs().items():
        first, *others = [model._networks[network](**inputs) for model in executions.values()]
        for other in others:
            assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(first, other))


def test_no_accumulator_can_leave_the_integers_that_float32_holds():
    """The bound, recomputed from the files that ship: sum |w| * max|a| + |bias| < 2**24 for every channel."""
    convolutions = 0
    for path in MODELS.glob("*/weights/*/*.onnx"):
        graph = onnx.load(path).graph
        values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        for node in graph.node:
            if node.op_type not in ("QLinearConv", "Conv"):
                continue
            w, b = (node.input[3], node.input[8]) if node.op_type == "QLinearConv" else node.input[1:3]
            largest = 2048 if node.input[0] == "pixels" else 128
            w, b = values[w].astype(np.int64), values[b].astype(np.int64)
            assert (np.abs(w).reshape(len(w), -1).sum(1) * largest + np.abs(b)).max() < 1 << 24
            if node.op_type == "QLinearConv":
                assert np.abs(w).max() <= 63
                scales = np.log2([*values[node.input[4]].ravel(), values[node.input[1]], values[node.input[6]]])
                assert np.array_equal(scales, np.rint(scales))
            convolutions += 1
    assert convolutions > 100


def test_the_coder_adds_less_than_half_a_per_cent_on_a_real_image(ct_pixels):
    model, image = Reference(), ct_pixels.astype(np.int32)
    values = Values(int(image.min()), int(image.max()))
    plan = model.plan(model.header(image, values), image.shape, values, model.levels(image.shape))
    tensors = model.analyse(plan, image)
    ideal = sum(coder.code_length(t, model.predict(plan, k, tensors[:k])) for k, t in enumerate(tensors))
    stream = Stream.read(dicompress.encode(ct_pixels, model=model))
    assert 8 * sum(len(chunk) for chunks in stream.sections for chunk in chunks) < 1.005 * ideal


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.dcmp")), ids=lambda p: p.stem)
def test_golden_streams_decode_for_ever(path, executions):
    expected = json.loads((GOLDEN / "sha256.json").read_text())[path.name]
    data = path.read_bytes()
    assert dicompress.inspect(data).model == "reference"
    for model in executions.values():
        image = dicompress.decode(data, model=model)
        assert [str(image.dtype), list(image.shape)] == expected["array"]
        assert hashlib.sha256(image.tobytes()).hexdigest() == expected["sha256"]


def test_no_golden_stream_is_missing():
    names = json.loads((GOLDEN / "sha256.json").read_text()).keys()
    assert len(names) >= 5 and set(names) == {p.name for p in GOLDEN.glob("*.dcmp")}
