"""The adaptive stage: what it learns, and that it rounds alike however it is compiled."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.tensors import decode, encode, phase

from dicompress import coder
from dicompress.coder import MixtureTensor

CORE = Path(__file__).parents[1] / "core"
COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (60, 80)])
@pytest.mark.parametrize("deviation", [0.3, 40.0, 800.0])
def test_round_trip(shape, deviation):
    symbols, mixture = phase(*shape, deviation=deviation)
    symbols = symbols.clip(0, 4095)
    data, decoded = encode(symbols, mixture)
    assert np.array_equal(decoded, symbols)
    assert np.array_equal(decode(data, mixture, symbols.shape), symbols)
    assert 8 * len(data) <= coder.code_length(symbols, mixture) + 160


def test_an_empty_tensor_takes_no_bytes():
    symbols, mixture = phase(3, 4)
    for empty in (symbols[:, :0], symbols[:, :, :0]):
        assert encode(empty, mixture)[0] == b""
        assert decode(b"", mixture, empty.shape).shape == empty.shape


def test_the_regression_finds_what_the_mixture_missed():
    symbols, mixture = phase()
    blind = MixtureTensor(mixture.parameters, 3, mixture.scale, 0, 4095, mixture.base)
    assert coder.code_length(symbols, mixture) < 0.97 * coder.code_length(symbols, blind)


def test_padding_costs_next_to_nothing():
    symbols, mixture = phase(200, 200, flat=1.0)
    assert coder.code_length(symbols, mixture) < 0.01 * symbols.size
    half, mixture = phase(200, 200, flat=0.5)
    whole, other = phase(200, 200)
    assert coder.code_length(half, mixture) < 0.53 * coder.code_length(whole, other)


def test_a_single_other_pixel_in_the_padding_survives():
    symbols, mixture = phase(40, 40, flat=1.0)
    symbols[0, 20, 20] = 4095
    assert np.array_equal(decode(encode(symbols, mixture)[0], mixture, symbols.shape), symbols)


@pytest.mark.parametrize("near", [1, 7, 255])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("deviation", [0.3, 40.0, 800.0])
def test_no_decoded_value_is_off_by_more_than_allowed(near, known, deviation):
    symbols, mixture = phase(60, 80, deviation=deviation, flat=0.2)
    symbols = symbols.clip(0, 4095)
    exact = ((0, 0), (1000, 1003), (4095, 4095))
    bound = replace(mixture, near=near, exact=exact, known=mixture.known if known else None)
    data, decoded = encode(symbols, bound)
    assert np.array_equal(decode(data, bound, symbols.shape), decoded)
    assert np.abs(decoded - symbols).max() <= near and decoded.min() >= 0 and decoded.max() <= 4095
    for first, last in exact:
        kept = (symbols >= first) & (symbols <= last)
        assert np.array_equal(kept, (decoded >= first) & (decoded <= last))
        assert np.array_equal(decoded[kept], symbols[kept])
    assert len(data) < len(encode(symbols, replace(bound, near=0))[0])


def test_bins_lie_where_the_mixture_expects_the_value():
    parameters = np.array([0, 0, 0], np.float32)[:, None, None].repeat(400, 1).repeat(50, 2)
    values = np.random.default_rng(0).normal(1000, 3, (1, 400, 50)).round().astype(np.int32)
    mixture = MixtureTensor(parameters, 1, 3 * 256, 0, 4095, np.full((400, 50), 1000 * 256, np.int32), near=10)
    data, decoded = encode(values, mixture)
    assert (decoded == 1000).mean() > 0.99 and len(data) < 400
    off, decoded_off = encode(values - 10, mixture)  # the mixture is wrong at first, and learns
    assert len(off) < 0.5 / 8 * values.size and np.abs(decoded_off - values + 10).max() <= 10


def test_a_bin_that_is_cut_stands_for_the_value_expected_in_it():
    parameters = np.array([0, 0, 0], np.float32)[:, None, None].repeat(2, 1).repeat(2, 2)
    base = np.full((2, 2), 9 * 256, np.int32)
    mixture = MixtureTensor(parameters, 1, 256, 0, 100, base, near=10, exact=((8, 8),), adaptive=False)
    _, decoded = encode(np.array([[[9, 12], [7, 8]]]), mixture)
    assert decoded.tolist() == [[[10, 10], [7, 8]]]  # 10 of 9 to 19, where 14 is the middle; 7 of 0 to 7, not 4


PRINT = '#include "coder/arithmetic.hpp"\n#include <cstdio>\nint main() { std::puts(dicompress::rounds_every_operation() ? "yes" : "no"); }'


@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
def test_the_module_notices_how_it_was_compiled(tmp_path):
    """At import: a module with fused arithmetic would decode most streams, and a few of them wrongly."""

    def says(*options: str) -> str:
        command = [COMPILER, "-std=c++20", "-O2", f"-I{CORE}", *options, "-x", "c++", "-", "-o", tmp_path / "program"]
        subprocess.run(command, input=PRINT, text=True, check=True, capture_output=True)
        return subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True).stdout.strip()

    assert says("-ffp-contract=off") == says("-ffp-contract=off", "-march=native") == "yes"
    fused = subprocess.run([COMPILER, "-march=native", "-dM", "-E", "-"], input="", capture_output=True, text=True).stdout
    if "__FMA__" in fused or "__ARM_FEATURE_FMA" in fused:
        assert says("-ffp-contract=fast", "-march=native") == "no"
    with pytest.raises(subprocess.CalledProcessError):
        says("-ffast-math")


WAYS = {
    "-O0": (4, ["-O0"]),
    "-O3": (4, ["-O3"]),
    "-O3, vectors of eight": (8, ["-O3"]),
    "this processor": (16, ["-O3", "-march=native"]),
}


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_compiling_gives_the_same_bytes(tmp_path, way):
    width, options = WAYS[way]
    program, source = tmp_path / "program", Path(__file__).with_name("coder_driver.cpp")
    flags = ["-std=c++20", "-ffp-contract=off", "-w", f"-DWIDTH={width}", f"-I{CORE}", *options]
    subprocess.run([COMPILER, *flags, source, "-o", program], check=True)
    for near, rows in ((0, 90), (3, 90), (0, 30)):  # the last one is too short for states
        symbols, mixture = phase(rows, 70, seed=3, flat=0.2)
        mixture = replace(mixture, near=near, exact=((0, 0),))
        header = [*symbols.shape[1:], 3, mixture.scale, mixture.low, mixture.high, near, 0, 0]
        arrays = (np.array(header, np.int32), mixture.parameters, mixture.base, mixture.known)
        expected, states = coder.native.encode(symbols := symbols.copy(), *mixture.prediction, 0, rows)
        assert near or states == (rows == 90)
        (tmp_path / "input").write_bytes(b"".join(a.tobytes() for a in (*arrays, symbols)))
        subprocess.run([program, tmp_path / "input", tmp_path / "output"], check=True)
        assert (tmp_path / "output").read_bytes() == expected, near


def test_vectors_of_every_kind_give_the_same_bytes_and_read_them():
    native = coder.native
    every = [native.Vectors.plain, native.Vectors.avx2, native.Vectors.avx512]
    kinds = every[: every.index(native.best_vectors()) + 1]  # a processor has all before its best
    for near, rows in ((0, 60), (3, 60), (0, 300)):
        original, mixture = phase(rows, 70, seed=4, flat=0.2)
        mixture = replace(mixture, near=near, exact=((0, 0),))
        coded = set()
        for kind in kinds:
            symbols, decoded = original.copy(), np.empty_like(original)
            coded.add(native.encode(symbols, *mixture.prediction, 0, rows, kind))
            native.decode(*next(iter(coded)), decoded, *mixture.prediction, 0, rows, kind)
            assert np.array_equal(decoded, symbols)
        assert len(coded) == 1
