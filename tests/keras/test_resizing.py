"""Resizing gives torch's numbers on every backend, in every mode and at any size."""

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional

from foveate.keras._resizing import resize, resize_bicubic, resize_nearest

SIZES = [
    ((5, 9), (8, 4)),
    ((8, 6), (4, 3)),
    ((4, 6), (8, 12)),
    ((13, 9), (7, 5)),
    ((1, 5), (4, 1)),
    ((7, 1), (13, 9)),
    ((1, 1), (3, 5)),
    ((3, 4), (50, 37)),
]
SMOOTH = [(resize, "bilinear"), (resize_bicubic, "bicubic")]


def image(height, width, dtype="float64"):
    random = np.random.default_rng(0)
    return random.standard_normal((2, height, width, 3)).astype(dtype)


def interpolated(x, size, mode):
    """Return what torch makes of an array with channels last."""
    turned = torch.from_numpy(x).permute(0, 3, 1, 2)
    y = functional.interpolate(turned, size, mode=mode, align_corners=False)
    return y.permute(0, 2, 3, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("function", "mode"), SMOOTH, ids=["bilinear", "bicubic"])
@pytest.mark.parametrize(("before", "after"), SIZES, ids=str)
def test_gives_the_numbers_of_torch(before, after, function, mode, dtype):
    x = image(*before, dtype)

    y = keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(x), *after))

    assert y.dtype == dtype
    tolerance = {"float32": 1e-5, "float64": 1e-12}[dtype]
    want = interpolated(x, after, mode)
    np.testing.assert_allclose(y, want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("before", "after"), SIZES, ids=str)
def test_copies_the_place_at_the_same_share_of_the_side(before, after):
    x = image(*before)

    y = resize_nearest(keras.ops.convert_to_tensor(x), *after)

    rows = [i * before[0] // after[0] for i in range(after[0])]
    columns = [i * before[1] // after[1] for i in range(after[1])]
    want = x[:, rows][:, :, columns]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(y), want)


@pytest.mark.parametrize("function", [resize, resize_bicubic, resize_nearest])
def test_returns_a_map_of_that_size_itself(function):
    x = keras.ops.convert_to_tensor(image(5, 9))

    assert function(x, 5, 9) is x


def test_a_ramp_stays_a_ramp_between_its_ends():
    x = keras.ops.reshape(keras.ops.arange(8, dtype="float32"), (1, 8, 1, 1))

    y = keras.ops.convert_to_numpy(resize(x, 16, 1)).ravel()

    # the centre of row i lies at i / 2 - 1 / 4 of the rows before
    want = [0, *(i / 2 - 1 / 4 for i in range(1, 15)), 7]
    np.testing.assert_allclose(y, want, atol=1e-6)


def test_bicubic_weighs_four_places_by_the_kernel_of_torch():
    x = keras.ops.reshape(keras.ops.array([0.0, 0, 0, 1, 0, 0, 0]), (1, 7, 1, 1))

    y = keras.ops.convert_to_numpy(resize_bicubic(x, 14, 1)).ravel()

    # with a = -3/4, at distances 7/4, 5/4, 3/4, 1/4 and back again
    want = [-9 / 256, -27 / 256, 67 / 256, 225 / 256]
    np.testing.assert_allclose(y[3:11], [*want, *reversed(want)], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("function", [resize, resize_bicubic, resize_nearest])
def test_keeps_half_precision(function, dtype):
    x = keras.ops.cast(image(5, 9), dtype)

    y = function(x, 8, 4)

    assert keras.backend.standardize_dtype(y.dtype) == dtype
    wide = keras.ops.convert_to_tensor(keras.ops.convert_to_numpy(x).astype("float32"))
    want = keras.ops.convert_to_numpy(function(wide, 8, 4))
    found = keras.ops.convert_to_numpy(keras.ops.cast(y, "float32"))
    np.testing.assert_allclose(found, want, atol=0.05)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends know all sizes"
)
@pytest.mark.slow
@pytest.mark.parametrize(("function", "mode"), SMOOTH, ids=["bilinear", "bicubic"])
def test_sizes_may_be_unknown_in_a_graph(function, mode):
    tensorflow = pytest.importorskip("tensorflow")
    sides = [tensorflow.TensorSpec((), "int32")] * 2
    graph = tensorflow.function(
        function,
        input_signature=[tensorflow.TensorSpec((None,) * 3 + (3,), "float64"), *sides],
    )

    for before, after in SIZES:
        x = image(*before)
        want = interpolated(x, after, mode).numpy()
        np.testing.assert_allclose(graph(x, *after), want, rtol=1e-12, atol=1e-12)
