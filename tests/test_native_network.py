"""The core's integer networks: what onnxruntime computes, with every kernel, on every processor."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dicompress.errors import DicompressError, StreamError
from dicompress.native import network as native
from dicompress.runtime import Network as Onnx

pytest.importorskip("onnx")
from onnx import TensorProto

from dicompress.training.graph import Graph
from dicompress.training.weights import join, network_bytes, pyramid_weights, split

ROOT = Path(__file__).parent.parent
KERNELS = native.kernels()
SHAPES = [(1, 1), (1, 2), (1, 40), (3, 5), (9, 1), (2, 129), (17, 33), (24, 64)]
# inputs, features, narrow, components, dilations of blocks, adds features, gives features, attention, slope
NETWORKS = {
    "D": (32, 32, 32, 3, (1,), False, True, True, 0.25),
    "H": (32, 32, 32, 3, (), True, True, True, 0.25),
    "V": (28, 32, 32, 3, (), True, False, True, 0.25),
    "D of former JPEGs": (20, 48, 32, 3, (1, 2), False, True, True, 0.25),
    "H of former JPEGs": (24, 48, 32, 3, (1,), True, True, True, 0.25),
    "small": (4, 4, 4, 1, (2,), False, False, False, 0.0),
    "odd": (12, 20, 36, 5, (1, 3), True, True, True, 0.5),
    "large": (64, 64, 64, 16, (4,), True, True, True, 0.75),
    "40": (8, 16, 40, 2, (1,), False, True, True, 0.25),
}


class Made:
    """A network of random integers. weight: the largest; exponents: of channels' scales, lowest and highest."""

    def __init__(self, rng, sizes, weight=63, exponents=(-9, -6), wide=500):
        self.rng, self.weight, self.exponents = rng, weight, exponents
        inputs, features, narrow, components, dilations, adds, gives, attends, slope = sizes
        self.inputs, self.features_in = inputs, features * adds
        g = self.g = Graph("made")
        x = self.convolution(g.input("x", TensorProto.UINT8, inputs, True), features, inputs)
        if adds:
            x = g.add(x, g.input("features", TensorProto.UINT8, features, True))
        x = g.leaky_relu(x, slope)
        for d in dilations:
            inner = g.leaky_relu(self.convolution(x, features, features, d), slope)
            x = g.add(x, self.convolution(inner, features, features, d))
        y = g.leaky_relu(self.convolution(x, narrow, features, size=1), slope)
        if attends:
            y = g.gate(y, self.convolution(y, narrow, narrow, size=1, out_exponent=-8, out_zero=0))
        q = g.node("DequantizeLinear", self.convolution(y, narrow, 1, group=narrow), g.scale(0), g.zero())
        weights = rng.integers(-wide, wide + 1, (3 * components, narrow, 1, 1))
        g.output(g.wide_convolution(q, weights, rng.integers(-9000, 9001, 3 * components), 128), "parameters",
                 TensorProto.FLOAT, 3 * components)  # fmt: skip
        if gives:
            g.output(x, "next_features", TensorProto.UINT8, features, True)
        self.onnx = g.serialise()
        self.data = network_bytes(self.onnx)
        self.native = native.Network(self.data)

    def convolution(self, x, out, channels, dilation=1, size=3, group=1, out_exponent=-5, **of_result):
        weights = self.rng.integers(-self.weight, self.weight + 1, (out, channels, size, size))
        exponents = self.rng.integers(self.exponents[0], self.exponents[1] + 1, out) + 5 + out_exponent
        pad = size // 2 * dilation
        return self.g.convolution(
            x, weights, self.rng.integers(-999, 1000, out), exponents, out_exponent, kernel_shape=[size, size], strides=[1, 1],
            dilations=[dilation, dilation], pads=[pad] * 4, group=group, **of_result,
        )  # fmt: skip

    def activations(self, shape):
        """x and features: around zero, with some of any value."""
        def some(channels):
            near, any_ = self.rng.integers(100, 157, (*shape, channels)), self.rng.integers(0, 256, (*shape, channels))
            return np.where(self.rng.random((*shape, channels)) < 0.8, near, any_).astype(np.uint8)
        return some(self.inputs), some(self.features_in) if self.features_in else None

    def expected(self, x, features):
        inputs = {"x": x[None]} | ({} if features is None else {"features": features[None]})
        parameters, *after = Onnx(self.onnx, 1)(**inputs)
        return parameters[0], after[0][0] if after else None

    def check(self, x, features, kernels=KERNELS):
        parameters, after = self.expected(x, features)
        for kernel in kernels:
            found, next_features, _ = self.native.run(x, features, kernel=kernel)
            assert np.array_equal(found, parameters), kernel
            assert (next_features is None) == (after is None)
            assert after is None or np.array_equal(next_features, after), kernel
        return parameters, after


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kernel_computes_what_onnxruntime_does(name):
    made = Made(np.random.default_rng(len(name)), NETWORKS[name])
    for shape in SHAPES:
        parameters, after = made.check(*made.activations(shape))
    assert len(np.unique(parameters)) > 100
    assert after is None or len(np.unique(after)) > 100  # the layers in between have not saturated all


@pytest.mark.parametrize("name", ["D", "H", "odd"])
def test_extreme_activations_and_weights_saturate_alike(name):
    made = Made(np.random.default_rng(1), NETWORKS[name], exponents=(-4, -1))
    for x_value in (0, 127, 128, 255):
        for features_value in (0, 255) if made.features_in else (0,):
            x, features = made.activations((5, 21))
            x[:] = x_value
            made.check(x, features if features is None else np.full_like(features, features_value))
    parameters, _ = made.check(*made.activations((16, 48)))
    assert len(np.unique(parameters)) > 100


@pytest.mark.parametrize("name", ["D", "V", "odd", "40"])
def test_halves_are_rounded_to_even_everywhere(name):
    """Small sums of few bits behind the point: a quarter to a half of them are halves."""
    rng = np.random.default_rng(2)
    made = Made(rng, NETWORKS[name], weight=2, exponents=(-2, -1))
    x, features = made.activations((20, 64))
    x[:] = rng.integers(126, 131, x.shape)
    made.check(x, features)


@pytest.mark.parametrize("wide", [8127, 8200, 40000])
def test_wide_weights_of_more_than_two_bytes(wide):
    rng = np.random.default_rng(3)
    made = Made(rng, (8, 8, 32, 3, (), False, False, True, 0.25), wide=1)
    data = np.frombuffer(made.data[-(9 * 32 + 9) * 4 :], "<i4").copy()
    data[[0, 40, 200]] = wide, -wide, wide
    network = native.Network(made.data[: -len(data) * 4] + data.tobytes())
    x, _ = made.activations((6, 37))
    expected, *_ = network.run(x, kernel=native.Kernel.generic)
    assert np.abs(expected).max() > wide
    for kernel in KERNELS:
        assert np.array_equal(network.run(x, kernel=kernel)[0], expected)


@pytest.mark.parametrize("name", ["D", "H", "D of former JPEGs", "large"])
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_rows_can_be_computed_in_parts_and_each_row_of_the_input_is_asked_for_once(name, kernel):
    made = Made(np.random.default_rng(4), NETWORKS[name])
    x, features = made.activations((29, 18))
    whole, after, asked = made.native.run(x, features, kernel=kernel)
    assert asked == list(range(29))
    around = 2 + 2 * sum(NETWORKS[name][4])
    for cuts in ([0, 14, 29], [0, 1, 2, 28, 29], [0, 0, 29, 29]):
        parts = [made.native.run(x, features, a, b, kernel) for a, b in itertools.pairwise(cuts)]
        assert np.array_equal(sum(p[0] for p in parts), whole)
        if after is not None:
            assert np.array_equal(sum(p[1] for p in parts), after)
        for (_, _, asked), a, b in zip(parts, cuts, cuts[1:]):
            assert asked == (list(range(max(0, a - around), min(29, b + around))) if a < b else [])


def test_rows_that_are_not_there_are_not_computed():
    made = Made(np.random.default_rng(5), NETWORKS["D"])
    x, _ = made.activations((4, 4))
    for first, last in ((-1, 2), (0, 5), (3, 2)):
        assert not made.native.run(x, None, first, last)[0].any()


SMALL = (8, 4, 4, 1, (1,), True, True, True, 0.25)
HEAD = 10  # bytes before the layers


def small():
    return Made(np.random.default_rng(6), SMALL).data


def test_a_file_that_is_cut_short_or_goes_on_is_refused():
    data = small()
    for length in range(len(data)):
        with pytest.raises(StreamError, match="the data ends"):
            native.Network(data[:length])
    with pytest.raises(StreamError, match="1 bytes left over"):
        native.Network(data + b"\0")


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 6, "inputs of 6"), (0, 0, "inputs of 0"), (1, 68, "features of 68"), (2, 255, "narrow channels of 255"),
        (3, 0, "components of 0"), (3, 17, "components of 17"), (4, 8, "flags of 8"), (5, 5, "a slope of 5"), (7, 5, "blocks of 5"),
        (8, 0, "a dilation of 0"), (8, 5, "a dilation of 5"), (9, 200, "a slope of 200"),
        (HEAD, 64, "a weight of 64"), (HEAD, 0xC0, "a weight of -64"), (HEAD, 0x80, "a weight of -128"),
        (HEAD + 4 * 72 + 16, 26, "a shift of 26"), (HEAD + 4 * 72 + 3, 0x80, "sums of up to"),
        (HEAD + 4 * 72 + 3, 0x01, "sums of up to"), (-1, 0x80, "sums of up to"), (-13, 0x7F, "sums of up to"),
    ],
)  # fmt: skip
def test_numbers_that_no_network_has_are_refused(position, value, message):
    data = bytearray(small())
    data[position] = value
    with pytest.raises(StreamError, match=message):
        native.Network(bytes(data))


def test_a_damaged_file_is_refused_or_runs():
    rng, data = np.random.default_rng(7), small()
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), 3):
            damaged[at] = rng.integers(256)
        try:
            network = native.Network(bytes(damaged))
        except StreamError:
            continue
        x = rng.integers(0, 256, (3, 7, network.inputs), dtype=np.uint8)
        features = rng.integers(0, 256, (3, 7, network.features_in), dtype=np.uint8) if network.features_in else None
        results = [network.run(x, features, kernel=k) for k in KERNELS]
        assert all(np.array_equal(r[0], results[0][0]) for r in results)


def test_features_that_are_missing_or_of_another_shape_are_an_error():
    made = Made(np.random.default_rng(8), NETWORKS["H"])
    x, features = made.activations((4, 6))
    for wrong in (None, features[:3], features[..., :16].copy()):
        with pytest.raises(ValueError, match="features"):
            made.native.run(x, wrong)
    with pytest.raises(ValueError, match="channels"):
        made.native.run(x[..., :28].copy(), features)


def folder_of_networks(tmp_path):
    rng, sizes = np.random.default_rng(9), [SMALL[:5] + flags + SMALL[7:] for flags in ((False, True), (True, True), (True, False))]
    (tmp_path / "model.json").write_text(json.dumps({"references": True}))
    made = [Made(rng, of) for of in sizes]
    for name, network in zip("dhv", made):
        (tmp_path / f"predict_{name}.onnx").write_bytes(network.onnx)
    return made


@pytest.mark.parametrize("former_jpegs", [False, True])
def test_the_networks_of_a_model_become_one_file(former_jpegs, tmp_path):
    made, data = folder_of_networks(tmp_path), pyramid_weights(tmp_path)
    references, networks = split(data)
    assert references and len(networks) == 3 and join(references, networks) == data
    if former_jpegs:
        data, made = join(references, 2 * networks), 2 * made
    weights = native.Weights(data)
    assert weights.references and weights.former_jpegs == former_jpegs and len(weights.networks) == len(made)
    for network, m in zip(weights.networks, made):
        x, features = m.activations((5, 8))
        assert np.array_equal(network.run(x, features)[0], m.native.run(x, features)[0])


def test_the_hash_is_xxh64():
    assert native.hash(b"") == 0xEF46DB3751D8E999.to_bytes(8, "little")
    assert native.hash(b"a") == 0xD24EC4F1A98C6E5B.to_bytes(8, "little")


def test_files_of_weights_that_are_damaged_are_refused(tmp_path):
    folder_of_networks(tmp_path)
    data = pyramid_weights(tmp_path)
    for length in range(0, len(data), 7):
        with pytest.raises(StreamError):
            native.Weights(data[:length])
    for damaged, message in (
        (b"DCMW" + data[4:], "no file of weights"),
        (data[:4] + b"\2" + data[5:], "no file of weights"),
        (data[:5] + b"\4" + data[6:], "flags"),
        (data + b"\0", "1 bytes left over"),
        (data[:6] + b"\xff\xff\xff\xff" + data[10:], "the data ends"),
    ):
        with pytest.raises(StreamError, match=message):
            native.Weights(damaged)
    d, h, v = (Made(np.random.default_rng(9), SMALL[:5] + flags + SMALL[7:]).data for flags in
               ((False, True), (True, True), (True, False)))  # fmt: skip
    for networks in ((d, h, h), (h, h, v), (d, d, v), (d, v, v)):
        file = data[:6] + b"".join(len(n).to_bytes(4, "little") + n for n in networks)
        with pytest.raises(StreamError, match="do not fit one another"):
            native.Weights(file)


def test_the_library_carries_the_installed_weights():
    folder = ROOT / "src" / "dicompress" / "models" / "pyramid" / "weights"
    files = {path.parent.name: path.read_bytes() for path in folder.glob("*/weights.bin")}
    assert {native.hash(data).hex(): data for data in native.installed_weights()} == files
    for data in files.values():
        assert len(native.Weights(data).networks) in (3, 6)


def test_graphs_of_another_form_are_not_converted():
    g = Graph("other")
    g.output(g.leaky_relu(g.input("x", TensorProto.UINT8, 4, True), 0.25), "y", TensorProto.UINT8, 4, True)
    with pytest.raises(DicompressError, match="QLinearConv was expected"):
        network_bytes(g.serialise())
    with pytest.raises(DicompressError, match="slope of 1.2"):
        Made(np.random.default_rng(0), SMALL[:-1] + (0.3,))
    with pytest.raises(DicompressError, match="raised"):
        Made(np.random.default_rng(0), SMALL, exponents=(1, 1))


SOURCES = ["tests/network_driver.cpp", "core/base/cpu.cpp",
           *(f"core/network/{n}.cpp" for n in ("network", "read", "generic", "steps", "avx2", "vnni", "neon", "wasm"))]
EMULATED = {
    "x86-64 without AVX": ("g++", "qemu-x86_64", "Nehalem", {"generic"}),
    "x86-64 with AVX2": ("g++", "qemu-x86_64", "Haswell", {"generic", "avx2"}),
    "aarch64": ("aarch64-linux-gnu-g++", "qemu-aarch64", "cortex-a72", {"generic", "neon"}),
    "aarch64 with dot products": ("aarch64-linux-gnu-g++", "qemu-aarch64", "cortex-a76", {"generic", "neon"}),
}


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """Compiles the driver; skips where there is no such compiler."""
    built = {}

    def of(compiler):
        if not shutil.which(compiler):
            pytest.skip(f"there is no {compiler}")
        if compiler not in built:
            built[compiler] = tmp_path_factory.mktemp("driver") / compiler
            flags = ["-std=c++20", "-O2", "-ffp-contract=off", "-static", "-I", "core", "-o", built[compiler]]
            subprocess.run([compiler, *flags, *SOURCES], cwd=ROOT, check=True)
        return built[compiler]

    return of


def digests(command):
    """Lines by kernel, without its name."""
    lines = [line.split(" ", 1) for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()]
    return {kernel: [rest for k, rest in lines if k == kernel] for kernel, _ in lines}


# What this machine's kernels, and all emulated ones, computed.
EXPECTED = [
    "83ae319fcf24695a fc0de34d11feb362 5116befad8fb35f3 9b60d32c9bbba0e9 ebabd7adc41d3be0",
    "d8b92aaae85717cb 1f623c49c64c7e28 41c11f4d7bf9dc4f 15596629e3430338 495dcd3366ba7af9",
    "3d2610ddac8b31ad f055ce52392b6333 c7d96b872dcc62a4 a2cea1fd586daaeb 47083f4d1f04ee23",
    "ec758529e80d2131 bfd96c0c708acad2 1b10eaa975990a17 63f10eb8651e81dc 7eb89ad231625ba9",
    "28d9dfea48c78dd5 3343b9eaf8d13a50 645968db98aeb27e a1189be783ef06e6 addaf846e2880228",
    "e50895aaab5b43a5 957aebb25e913ac0 209d597776c61592 12471816afee5f3c e7576aea2a7b5a79",
    "52b5448e598cf18a d26120cafbf53eb3 8ea273eaec78098b 4c7b449a6afc1912 cd38ba0b9fbb7847",
    "3ef19009b46d4c6a b1f4b1324fabf0b7 dfe17b120796cdb7 dcb1cc7769082a22 9fa130bd75a27650",
    "d095cb41441aa7b0 94a5521a70288cf1 529b5acdc14ace5a f5c4f02ed89401a8 8a68275374bc0616",
]


def test_every_kernel_of_this_machine_computes_the_same(driver):
    found = digests([driver("g++")])
    assert set(found) == {k.name for k in KERNELS}
    assert all(lines == EXPECTED for lines in found.values())


@pytest.mark.parametrize("name", EMULATED)
def test_emulated_processors_compute_the_same(name, driver):
    compiler, emulator, processor, kernels = EMULATED[name]
    if not shutil.which(emulator):
        pytest.skip(f"there is no {emulator}")
    found = digests([emulator, "-cpu", processor, driver(compiler)])
    assert set(found) == kernels
    assert all(lines == EXPECTED for lines in found.values())


RUNNER = """
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";
const wasi = new WASI({ version: "preview1" });
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { wasi_snapshot_preview1: wasi.wasiImport });
wasi.start(instance);
"""


def test_webassembly_computes_the_same(tmp_path):
    for tool in ("em++", "node"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    older = "examples/web/libcxx"  # what Emscripten's C++ library may lack
    flags = ["-std=c++20", "-O2", "-ffp-contract=off", "-msimd128", "-fwasm-exceptions", "-sSTANDALONE_WASM", "-I", "core"]
    command = ["em++", *flags, "-I", older, "-include", f"{older}/newer.hpp", "-o", tmp_path / "driver.wasm", *SOURCES]
    subprocess.run(command, cwd=ROOT, check=True)
    (tmp_path / "run.mjs").write_text(RUNNER)
    found = digests(["node", tmp_path / "run.mjs", tmp_path / "driver.wasm"])
    assert set(found) == {"generic", "wasm"}
    assert all(lines == EXPECTED for lines in found.values())
