"""The coder: exact round trips, code lengths, and data that did not come from it."""

import math

import numpy as np
import pytest
from helpers.tensors import decode, encode
from hypothesis import given, settings
from hypothesis import strategies as st

from dicompress import StreamError
from dicompress.coder import MixtureTensor, code_length, native

COMPONENTS = 3


def random_mixture(rng, channels, rows, columns, low, high, scale, with_base=False, **coding):
    parameters = np.empty((channels, 3, COMPONENTS, rows, columns), np.float32)
    spread = max(1, (high - low) * 256 // scale)
    parameters[:, 0] = rng.integers(-5 * 4096, 5 * 4096, parameters[:, 0].shape)
    parameters[:, 1] = np.clip(rng.integers(-spread, spread + 1, parameters[:, 1].shape) * 2048, -(2**23), 2**23)
    parameters[:, 2] = rng.integers(-6 * 4096, 9 * 4096, parameters[:, 2].shape)
    base = rng.integers(low * 256, high * 256 + 1, (rows, columns)).astype(np.int32) if with_base else None
    parameters = parameters.reshape(-1, rows, columns)
    return MixtureTensor(parameters, COMPONENTS, scale, low, high, base, **coding)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 12), st.integers(1, 12),
       st.integers(-32768, 0), st.integers(0, 65535), st.integers(64, 1 << 20), st.booleans(),
       st.sampled_from(["gaussian", "logistic"]), st.booleans())  # fmt: skip
def test_any_symbols_come_back(seed, channels, rows, columns, low, span, scale, with_base, distribution, adaptive):
    rng = np.random.default_rng(seed)
    coding = {"distribution": distribution, "adaptive": adaptive}
    mixture = random_mixture(rng, channels, rows, columns, low, low + span, scale, with_base, **coding)
    symbols = rng.integers(low, low + span + 1, (channels, rows, columns)).astype(np.int32)
    assert np.array_equal(decode(encode(symbols, mixture)[0], mixture, symbols.shape), symbols)


def test_the_extreme_values_of_sixteen_bits_stay_codable_when_the_mixture_is_sure_of_another():
    parameters = np.zeros((3, 1, 4), np.float32)
    parameters[2] = -8 * 4096
    mixture = MixtureTensor(parameters, 1, 64, 0, 65535)
    symbols = np.array([[[0, 65535, 1, 40000]]], np.int32)
    assert np.array_equal(decode(encode(symbols, mixture)[0], mixture, symbols.shape), symbols)


DRAWS = {"gaussian": (np.random.Generator.normal, lambda t: 0.5 * math.erfc(-t / math.sqrt(2))),
         "logistic": (np.random.Generator.logistic, lambda t: 1 / (1 + math.exp(-max(t, -700.0))))}  # fmt: skip


def sampled(rng, rows=256, columns=256, distribution="gaussian", adaptive=True):
    """Symbols drawn from a mixture of the kind a network gives, and the float probabilities of what was drawn."""
    draw, cdf = DRAWS[distribution]
    k, scale = COMPONENTS, 5 * 256
    parameters = np.empty((3 * k, rows, columns), np.float32)
    parameters[:k] = rng.integers(-3 * 4096, 3 * 4096, (k, rows, columns))
    parameters[k : 2 * k] = rng.integers(-12000, 12000, (k, rows, columns))
    parameters[2 * k :] = rng.integers(-4096, 2 * 4096, (k, rows, columns))
    base = rng.integers(400 * 256, 3000 * 256, (rows, columns)).astype(np.int32)
    weight = np.exp2(parameters[:k] / 4096)
    weight /= weight.sum(0)
    mean = base / 256 + parameters[k : 2 * k] / 4096 * 5
    deviation = np.exp2(parameters[2 * k :] / 4096) * 5
    pick = (weight.cumsum(0) < rng.random((rows, columns))).sum(0).clip(0, k - 1)[None]
    drawn = draw(rng, np.take_along_axis(mean, pick, 0), np.take_along_axis(deviation, pick, 0))
    symbols = np.clip(np.rint(drawn), 0, 4095).astype(np.int32)
    cdf = np.vectorize(cdf)
    upper = np.where(symbols == 4095, 1.0, cdf((symbols + 0.5 - mean) / deviation))
    lower = np.where(symbols == 0, 0.0, cdf((symbols - 0.5 - mean) / deviation))
    probability = (weight * (upper - lower)).sum(0)
    mixture = MixtureTensor(parameters, k, scale, 0, 4095, base, distribution=distribution, adaptive=adaptive)
    return symbols, mixture, probability


def test_overhead_is_below_half_a_per_cent_of_the_ideal_code_length():
    symbols, mixture, _ = sampled(np.random.default_rng(1))
    ideal = code_length(symbols, mixture)
    assert ideal <= 8 * len(encode(symbols, mixture)[0]) < 1.005 * ideal


@pytest.mark.parametrize("distribution", DRAWS)
def test_tables_alone_cost_less_than_a_thousandth(distribution):
    symbols, mixture, probability = sampled(np.random.default_rng(2), 96, 96, distribution, adaptive=False)
    exact = -np.log2(np.maximum(probability, 2.0**-24)).sum()
    assert code_length(symbols, mixture) == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("distribution", DRAWS)
def test_tables_and_adaptation_cost_less_than_a_hundredth_where_there_is_nothing_to_learn(distribution):
    symbols, mixture, probability = sampled(np.random.default_rng(2), 96, 96, distribution)
    exact = -np.log2(np.maximum(probability, 2.0**-24)).sum()
    assert code_length(symbols, mixture) == pytest.approx(exact, rel=1e-2)


@pytest.mark.parametrize("channels", [1, 3])
def test_adaptation_learns_errors_that_go_together_and_deviations_that_are_wrong(channels):
    """One mixture everywhere; the true errors are smooth and half as wide. Knowing nothing of it costs far more."""
    rng = np.random.default_rng(8)
    white = rng.normal(0, 1, (channels, 131, 131))
    smooth = white[:, 1:-1, 1:-1] + 0.8 * (white[:, :-2, 1:-1] + white[:, 1:-1, :-2])
    symbols = np.clip(np.rint(100 + 10 * smooth / smooth.std()), 0, 255).astype(np.int32)
    parameters = np.zeros((channels, 3, 129, 129), np.float32)
    parameters[:, 1], parameters[:, 2] = 100 * 4096, np.log2(20) * 4096 // 1
    mixture = MixtureTensor(parameters.reshape(-1, 129, 129), 1, 256, 0, 255)
    independent = symbols.size * (math.log2(20 * math.sqrt(2 * math.pi)) + 0.5 * 0.25 * math.log2(math.e))
    assert code_length(symbols, mixture) < 0.92 * independent
    assert np.array_equal(decode(encode(symbols, mixture)[0], mixture, symbols.shape), symbols)


def test_threads_change_nothing():
    symbols, mixture, _ = sampled(np.random.default_rng(3), 300, 512)
    data, _ = encode(symbols, mixture, threads=1)
    assert data == encode(symbols, mixture, threads=4)[0]
    assert np.array_equal(decode(data, mixture, symbols.shape, threads=4), symbols)


def test_data_that_ends_early_or_goes_on_is_an_error():
    symbols, mixture, _ = sampled(np.random.default_rng(4), 32, 32)
    data, _ = encode(symbols, mixture)
    for wrong in (data[:-1], data[: len(data) // 2], b"", data + b"\0"):
        with pytest.raises(StreamError):
            decode(wrong, mixture, symbols.shape)


def test_random_bytes_never_crash():
    symbols, mixture, _ = sampled(np.random.default_rng(5), 16, 16)
    rng = np.random.default_rng(6)
    for _ in range(300):
        body = rng.bytes(int(rng.integers(0, 400)))
        try:
            decode(bytes([len(body) & 127 | 128, len(body) >> 7]) + body, mixture, symbols.shape)
        except StreamError:
            pass


@pytest.fixture(scope="module")
def with_states():
    """A band that is long enough for states, its mixture and symbols: last steps, sixteen states of five bytes, and so on."""
    symbols, mixture, _ = sampled(np.random.default_rng(9), 96, 96)
    body, states = native.encode(symbols, *mixture.prediction, 0, 96)
    assert states and body[0] < 128
    return body, mixture, symbols


def decode_band(body, mixture, symbols, states=True):
    found = np.empty_like(symbols)
    native.decode(body, states, found, *mixture.prediction, 0, len(symbols[0]))
    return found


def test_states_cost_few_bytes(with_states):
    body, mixture, symbols = with_states
    assert np.array_equal(decode_band(*with_states), symbols)
    assert 8 * len(body) < code_length(symbols, mixture) + 8 * 20


def test_damaged_states_are_refused(with_states):
    body, mixture, symbols = with_states
    wrong = [
        body[:40], body[:1], b"", body + bytes(9),
        b"\0" + body[1:], b"\x80" * 9, b"\xff\xff\x7f" + body[1:],  # of the last steps: none, without end, all
        bytes([body[0] + 1]) + body[1:], bytes([body[0] - 1]) + body[1:],
        body[:5] + b"\0" + body[6:],  # a state below 2^32
    ]  # fmt: skip
    for changed in wrong:
        with pytest.raises(StreamError):
            decode_band(changed, mixture, symbols)
    with pytest.raises(StreamError):
        decode_band(body, mixture, symbols, states=False)


def test_changed_bytes_of_states_are_errors_or_other_symbols(with_states):
    body, mixture, symbols = with_states
    rng, errors = np.random.default_rng(10), 0
    for _ in range(60):
        changed = bytearray(body)
        changed[int(rng.integers(len(body)))] ^= 1 << int(rng.integers(8))
        try:
            assert not np.array_equal(decode_band(bytes(changed), mixture, symbols), symbols)
        except StreamError:
            errors += 1
    assert errors > 50  # as the states do not end where they began


def test_a_symbol_outside_the_range_is_refused():
    symbols, mixture, _ = sampled(np.random.default_rng(7), 8, 8)
    symbols[0, 0, 0] = 5000
    with pytest.raises(ValueError, match="outside"):
        encode(symbols, mixture)
