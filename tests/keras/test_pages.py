"""The code on the page of a block runs, and its two halves are twins."""

import re

import keras
import pytest
import torch

import foveate as fv
import foveate.keras as fk
from foveate import catalog
from foveate.report import render_calls, render_card

NAMES = {"fv": fv, "fk": fk}
MAPS = ("x", "x1", "x2", "x3", "x4")


def code_of(name):
    """Return the code for PyTorch and for Keras on the page of a block."""
    page = render_card(catalog.card(name))
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.names())
def test_the_code_for_keras_runs_and_takes_the_weights_of_the_block(name):
    for_torch, for_keras = code_of(name)
    # the maps of the page: of 256 channels, 7 rows and 7 columns
    torch_names = {x: torch.zeros(2, 256, 7, 7) for x in MAPS}
    keras_names = {x: keras.Input((7, 7, 256)) for x in MAPS}

    exec(for_torch, torch_names)  # noqa: S102
    exec(for_keras, keras_names)  # noqa: S102

    assert keras_names["y"].shape == (None, 7, 7, 256)
    block, layer = torch_names["block"], keras_names["layer"]
    assert fk.from_torch(layer, block) is layer
    assert fk.to_torch(layer, block) is block


@pytest.mark.parametrize("name", [n for c in catalog.find() for n in c.variant_names])
def test_the_calls_of_a_variant_create_twins(name):
    card, variant = catalog.resolve(name)

    block, layer = (eval(call, NAMES) for call in render_calls(card, variant))  # noqa: S307

    assert type(block).__name__ == type(layer).__name__
    options = {option: getattr(layer.options, option) for option in variant.options}
    assert options == variant.options
