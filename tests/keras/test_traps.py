"""What Keras does otherwise than PyTorch by default, and our layers must not."""

import keras
import numpy as np
import pytest
import torch
from benchmarks.twinning import Case, pair
from keras import ops
from torch.nn import functional

import foveate as fv
import foveate.keras as fk
from foveate import catalog
from foveate.errors import ShapeError
from foveate.keras._layers import EPS, conv, norm
from foveate.keras._numbers import ACTIVATIONS, mean
from foveate.keras._resizing import resize_nearest

HALVES = ("mixed_float16", "mixed_bfloat16")


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def as_torch(x):
    return torch.tensor(np.array(x).transpose(0, 3, 1, 2))


def assert_equal_maps(found, wanted, tolerance=1e-5):
    found = ops.convert_to_numpy(found).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found, wanted.detach().numpy(), atol=tolerance)


@pytest.mark.parametrize(("height", "width"), [(8, 6), (13, 9), (1, 5)])
def test_a_strided_convolution_has_as_many_zeros_on_each_side(height, width):
    layer = conv("conv", 4, 3, 3, stride=2, dtype="float32")
    x = numbers(2, height, width, 4)

    found = layer(x)

    kernel, bias = (torch.tensor(ops.convert_to_numpy(w)) for w in layer.weights)
    wanted = functional.conv2d(
        as_torch(x), kernel.permute(3, 2, 0, 1), bias, stride=2, padding=1
    )
    assert_equal_maps(found, wanted)


@pytest.mark.parametrize("size", [(5, 4), (11, 3), (20, 13), (1, 1)])
def test_nearest_neighbours_are_those_of_torch_at_any_scale(size):
    x = numbers(2, 7, 5, 3)

    found = resize_nearest(x, *size)

    assert_equal_maps(found, functional.interpolate(as_torch(x), size), tolerance=0)


def test_a_batch_norm_has_the_eps_of_torch():
    layer = norm("bn", 3, dtype="float32")

    assert layer.epsilon == EPS == torch.nn.BatchNorm2d(3).eps
    assert layer.momentum == pytest.approx(0.9)


def test_running_statistics_after_three_batches_are_those_of_torch():
    layer, module = norm("bn", 3, dtype="float32"), torch.nn.BatchNorm2d(3)
    for seed in range(3):
        # so few places that a biased variance would be a fifth smaller
        x = 2 + 3 * numbers(1, 1, 5, 3, seed=seed)
        layer(x, training=True)
        module(as_torch(x))

    state = fk.state_dict(layer)
    for key in ("running_mean", "running_var"):
        wanted = module.state_dict()[key].numpy()
        np.testing.assert_allclose(state[f".{key}".removeprefix(".")], wanted, 1e-5)


def test_sums_of_large_values_of_float16_do_not_overflow():
    # 35 of them, or the square of one, are infinite in float16
    x = ops.cast(2000 + 500 * numbers(1, 7, 5, 3), "float16")
    wide = ops.cast(x, "float32")

    found = norm("bn", 3, dtype="float16")(x, training=True), mean(x, (1, 2))

    wanted = norm("bn", 3, dtype="float32")(wide, training=True), mean(wide, (1, 2))
    for half, whole in zip(found, wanted, strict=True):
        assert keras.backend.standardize_dtype(half.dtype) == "float16"
        np.testing.assert_allclose(
            *map(ops.convert_to_numpy, (half, whole)), rtol=2e-3, atol=2e-3
        )


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "mixed_bfloat16"])
def test_a_convolution_to_one_channel_learns_in_every_precision(policy):
    model = keras.Sequential(
        [keras.Input((5, 7, 2)), fk.create("spatial", norm=False, dtype=policy)]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    before = model.get_weights()[0]

    model.train_on_batch(numbers(2, 5, 7, 2), numbers(2, 5, 7, 2))

    after = model.get_weights()[0]
    assert np.isfinite(after).all()
    assert (after != before).any()


def test_no_normalisation_of_any_form_has_an_eps_of_keras(form):
    layer = pair(Case(form, dtype="float32")).layer

    eps = {part.epsilon for part in parts(layer) if hasattr(part, "epsilon")}

    assert eps <= {EPS}


def parts(layer):
    yield layer
    yield from layer._flatten_layers(include_self=False)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("gelu", torch.nn.GELU()),
        ("leaky_relu_0.1", torch.nn.LeakyReLU(0.1)),
        ("hardswish", torch.nn.Hardswish()),
        ("silu", torch.nn.SiLU()),
        ("relu6", torch.nn.ReLU6()),
        ("relu", torch.nn.ReLU()),
    ],
)
def test_an_activation_is_that_of_torch(name, module):
    x = np.linspace(-8, 8, 161, dtype="float32")

    found = ops.convert_to_numpy(ACTIVATIONS[name](ops.convert_to_tensor(x)))

    # the approximate gelu is 5e-4 off
    np.testing.assert_allclose(found, module(torch.tensor(x)).numpy(), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5)])
def test_pools_of_safm_run_at_any_size(size):
    case = Case("safm", size, dtype="float32")

    found = pair(case).of_keras(training=False).output

    wanted = pair(case).of_torch(training=False).output
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("policy", HALVES)
def test_a_policy_reaches_every_layer_within(form, policy):
    layer = half(form, policy)

    policies = {part.dtype_policy.name for part in parts(layer)}

    assert policies == {policy}
    assert {v.dtype for v in layer.weights} <= {"float32"}


@pytest.mark.parametrize("policy", HALVES)
def test_half_precision_is_finite_and_kept(form, policy):
    layer = half(form, policy)
    x = [numbers(2, 13, 9, layer.channels, seed=n) for n in range(many(layer))]

    y = layer(x if len(x) > 1 else x[0])

    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    assert bool(ops.all(ops.isfinite(y)))


def half(form, policy):
    case = Case(form, (13, 9))
    channels = pair(case).layer.channels
    layer = fk.create(form, channels, dtype=policy, **case.all_options)
    layer.build(layer.shapes_for(channels))
    return layer


def many(layer):
    return layer.num_inputs if isinstance(layer, fk.Fusion) else 1


def test_simam_sums_large_values_of_float16_without_overflow():
    # squares of these are infinite in float16: every gate would be one half
    x = 300 * numbers(1, 13, 9, 8)

    found = fk.create("simam", dtype="float16")(x)

    wanted = fv.create("simam", 8)(as_torch(x.astype("float16").astype("float32")))
    assert_equal_maps(ops.cast(found, "float32"), wanted, tolerance=2)


def test_a_layer_may_be_built_twice(form):
    layer = pair(Case(form, dtype="float32")).layer
    before = len(layer.weights)

    layer.build(layer.shapes_for(layer.channels))

    assert len(layer.weights) == before


def test_the_order_of_axes_is_saved_as_it_was_when_the_layer_was_made():
    keras.config.set_image_data_format("channels_first")
    config = fk.create("se").get_config()
    keras.config.set_image_data_format("channels_last")

    again = fk.SqueezeExcite.from_config(config)

    assert again.data_format == "channels_first"


def test_channels_that_are_not_known_are_an_error_that_says_so():
    words = r"SqueezeExcite: the channels of its input must be known, got \(None, 8, 8"

    with pytest.raises(ShapeError, match=words):
        fk.create("se")(keras.Input((8, 8, None)))


def test_other_channels_than_before_are_an_error():
    layer = fk.create("se", 32)

    with pytest.raises(ShapeError, match=r"expects \(B, H, W, 32\), got \(2, 5, 7, 8"):
        layer(numbers(2, 5, 7, 8))


def test_other_channels_than_in_the_first_map_are_an_error():
    layer = fk.create("simam")
    layer(numbers(2, 5, 7, 32))

    for call in (layer, layer.maps):
        with pytest.raises(ShapeError, match=r"expects \(B, H, W, 32\), got \(2, 5, 7"):
            call(numbers(2, 5, 7, 8))


def test_the_shape_of_the_output_is_asked_for_maps_alone():
    layer = fk.create("se", 32)

    assert layer.compute_output_shape((None, 5, None, 32)) == (None, 5, None, 32)
    with pytest.raises(ShapeError, match=r"expects \(B, H, W, 32\), got \(5, 7, 32\)"):
        layer.compute_output_shape((5, 7, 32))


def test_maps_may_be_asked_for_before_any_call_and_of_any_numbers():
    layer = fk.create("se")

    gate = layer.maps(np.ones((2, 5, 7, 32), "int64"))["channel"]

    assert tuple(gate.shape) == (2, 1, 1, 32)
    assert keras.backend.standardize_dtype(gate.dtype) == "float32"


def test_channels_in_the_other_place_are_an_error_that_names_the_option():
    layer = fk.create("se", 32)

    with pytest.raises(ShapeError, match="build it with data_format='channels_first'"):
        layer(numbers(2, 32, 5, 7))


def test_the_gate_of_the_cbam_of_keras_is_never_below_one_half():
    gate = pair(Case("cbam.keras", dtype="float32")).layer.maps(numbers(4, 13, 9, 32))

    assert ops.convert_to_numpy(gate["channel"]).min() >= 0.5


def test_maps_have_the_shapes_and_values_of_those_of_torch(form):
    case = Case(form, data_format="channels_first", dtype="float32")
    twins = pair(case)
    maps = [torch.tensor(x) for x in twins.maps]

    inputs = twins.inputs() if isinstance(twins.layer, fk.Fusion) else twins.maps[0]
    found = twins.layer.maps(inputs)

    with torch.no_grad():
        wanted = twins.block.eval().maps(*maps)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(found[name]), values.numpy(), rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {}) for name in catalog.names()),
        ("csf", {"upsample": 2}),
        ("eca", {"kernel_size": 257}),
        ("gam", {"groups": 4}),
    ],
)
def test_first_weights_are_drawn_as_those_of_torch(name, options):
    case = Case(name, options=options)
    channels = pair(case).layer.channels
    layer = fk.create(name, channels, **case.all_options)
    layer.build(layer.shapes_for(channels))

    block = fv.create(name, channels, **case.all_options)
    state = fk.state_dict(layer)
    for key, values in block.named_parameters():
        assert_drawn_alike(key, state[key], values.detach().numpy())


def assert_drawn_alike(key, found, wanted):
    if set(wanted.flat) <= {0.0, 1.0}:
        np.testing.assert_array_equal(found, wanted, key)
    elif wanted.size >= 256:
        assert found.std() == pytest.approx(wanted.std(), rel=0.25), key
        assert abs(found).max() == pytest.approx(abs(wanted).max(), rel=0.35), key
    elif wanted.size > 1:
        assert found.std() > 0, key


def test_the_norm_of_a_channel_of_zeros_passes_no_gradient():
    twins = pair(Case("channel", options={"pool_types": ("lp",)}))
    for x in twins.maps:
        x[:, ::3] = 0

    found = twins.of_keras(training=True).gradients
    wanted = twins.of_torch(training=True).gradients

    for key, values in wanted.items():
        np.testing.assert_allclose(found[key], values, atol=1e-5)
