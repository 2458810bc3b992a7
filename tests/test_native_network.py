"""The core's integer networks: what they compute, with every kernel."""

import itertools

import numpy as np
import pytest
from helpers.networks import KERNELS, NETWORKS, Made

from dicompress.native import network as native

SHAPES = [(1, 1), (1, 2), (1, 40), (3, 5), (9, 1), (2, 129), (17, 33), (24, 64)]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kernel_computes_what_numpy_does(name):
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
