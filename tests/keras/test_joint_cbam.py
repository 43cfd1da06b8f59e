"""What only joint CBAM promises in Keras; that all twins agree is in test_twins.py."""

import re

import keras
import numpy as np
import pytest
import torch

import foveate as fv
import foveate.keras as fk
from foveate.errors import OptionError, ShapeError

FORMATS = ("channels_last", "channels_first")
OUTPUTS = ("product", "pair", "channel", "spatial")
SIZE = (3, 5)


def twins(output, data_format="channels_last"):
    torch.manual_seed(0)
    options = {
        "spatial_size": SIZE,
        "reduction": 2,
        "kernel_size": 3,
        "output": output,
    }
    block = fv.create("joint_cbam", 8, **options)
    for parameter in block.parameters():
        parameter.data += 0.5 * torch.randn_like(parameter)
    layer = fk.create("joint_cbam", 8, data_format=data_format, **options)
    return block, fk.from_torch(layer, block)


def image(data_format="channels_last", size=SIZE):
    x = np.random.default_rng(0).standard_normal((2, 8, *size)).astype("float32")
    return torch.from_numpy(x), ordered(x, data_format)


def ordered(x, data_format):
    return np.moveaxis(x, 1, -1) if data_format == "channels_last" else x


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_gives_what_the_output_says(output, data_format):
    block, layer = twins(output, data_format)
    theirs, ours = image(data_format)

    y = layer(ours)

    with torch.no_grad():
        want = block(theirs)
    assert isinstance(y, tuple) == (output == "pair")
    pairs = zip(y, want, strict=True) if output == "pair" else [(y, want)]
    for found, right in pairs:
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(found),
            ordered(right.numpy(), data_format),
            rtol=1e-5,
            atol=1e-5,
        )


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_shows_the_gates_that_the_output_uses(output, data_format):
    block, layer = twins(output, data_format)
    theirs, ours = image(data_format)

    found = layer.maps(ours)

    with torch.no_grad():
        want = block.maps(theirs)
    assert list(found) == list(want)
    for name, gate in want.items():
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(found[name]),
            ordered(gate.numpy(), data_format),
            rtol=1e-5,
            atol=1e-5,
        )


@pytest.mark.slow
def test_a_pair_is_two_outputs_of_a_model(tmp_path):
    _, layer = twins("pair")
    maps = keras.Input((*SIZE, 8))
    model = keras.Model(maps, list(layer(maps)))
    _, x = image()
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    assert [tuple(y.shape) for y in model.outputs] == [(None, *SIZE, 8)] * 2
    for found, want in zip(loaded(x), model(x), strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(want)
        )


@pytest.mark.parametrize(("output", "many"), [("product", 2), ("channel", 1)])
def test_one_layer_gives_the_logits_of_each_gate(output, many):
    _, layer = twins(output)

    assert layer.last_layers() == (layer.mlp.fc2,) * many


def test_a_pair_has_no_gate_that_could_open():
    _, layer = twins("pair")

    with pytest.raises(OptionError, match=r"output='pair'; use output='product'"):
        layer.last_layers()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"spatial_size": 7},
        {"spatial_size": (7, 0)},
        {"spatial_size": SIZE, "kernel_size": 4},
        {"spatial_size": SIZE, "output": "pairs"},
        {"spatial_size": SIZE, "reduction": 0},
    ],
)
def test_refuses_options_in_the_words_of_torch(options):
    with pytest.raises(OptionError) as theirs:
        fv.create("joint_cbam", 8, **options)
    with pytest.raises(OptionError, match=f"^{re.escape(str(theirs.value))}$"):
        fk.create("joint_cbam", **options)


@pytest.mark.parametrize("data_format", FORMATS)
def test_refuses_maps_of_another_size_in_the_words_of_torch(data_format):
    block, layer = twins("product", data_format)
    theirs, ours = image(data_format, size=(5, 3))

    with pytest.raises(ShapeError) as problem:
        block(theirs)
    with pytest.raises(ShapeError, match=re.escape(str(problem.value))):
        layer(ours)


def test_a_functional_model_of_another_size_is_refused_where_it_is_made():
    layer = fk.create("joint_cbam", spatial_size=SIZE)

    with pytest.raises(ShapeError, match=r"is bound to maps of 3x5 .* got 4x5"):
        layer(keras.Input((4, 5, 8)))
