"""Every layer answers as the block for PyTorch of the same name, whatever is asked."""

from dataclasses import replace
from itertools import product

import keras
import numpy as np
import pytest
from benchmarks.twinning import FORMATS, SIZES, Case, covering, forms, pair

import foveate.keras as fk
from foveate import catalog
from foveate.keras._registry import LAYERS

BACKEND = keras.backend.backend()

FLOAT32 = 1e-4
"""Largest difference, as a share of the largest value; the usual is some 1e-6."""

# Constants of activations are rounded. A wrong constant or padding is 1e-5 off.
FLOAT64 = {"torch": 1e-10, "jax": 5e-8, "tensorflow": 5e-8}[BACKEND]

OPTIONS = (
    ("cbam", {"pool_types": ("lp", "lse"), "no_spatial": True}),
    ("channel", {"hidden_channels": 5, "act_layer": "gelu"}),
    ("coordinate", {"norm_layer": "identity", "act_layer": "relu6"}),
    ("csf", {"upsample": 2, "align": "first"}),
    ("eca", {"gamma": 1, "b": 2}),
    ("nam", {"spatial_size": SIZES[1]}),
    ("nam", {"spatial_size": SIZES[1], "detach": False}),
    ("osra", {"sr_ratio": 3, "qk_scale": 0.5, "act_layer": "silu"}),
    ("safm", {"n_levels": 2}),
    ("se", {"gate_layer": "hard_sigmoid", "act_layer": "leaky_relu_0.1"}),
    ("sk", {"stride": 2}),
    ("sk", {"kernel_sizes": (1, 3, 7), "fc_norm": False}),
    ("soca", {"num_iters": 1}),
    ("soca", {"num_iters": 3, "max_side": 6}),
)
"""Options that change what is computed, and are those of no form."""


def cases(form, dtype):
    """Return sizes in formats, in evaluation and in training.

    JAX compiles all for each size, so it gets half of them, each size in both formats
    and both modes; and in float32 one size, as saved models are asked for all.
    """
    if BACKEND == "jax":
        chosen = covering(SIZES[1:2] if dtype == "float32" else SIZES)
    else:
        chosen = product(SIZES, FORMATS, (False, True))
    return [
        (Case(form, size, data_format, dtype), training)
        for size, data_format, training in chosen
    ]


def largest(arrays):
    return max((float(np.abs(values).max()) for values in arrays), default=0)


def farthest(found, wanted):
    """Return the largest difference, as a share of the largest value of all."""
    assert found.keys() == wanted.keys()
    apart = largest(found[key] - wanted[key] for key in wanted)
    return apart / max(largest(wanted.values()), 1e-6)


def assert_equal_answers(case, *, training, tolerance):
    wanted = pair(case).of_torch(training=training)
    found = pair(case).of_keras(training=training)

    assert found.output.dtype == wanted.output.dtype == case.dtype
    assert farthest({"": found.output}, {"": wanted.output}) < tolerance, case
    # a BatchNorm over three values multiplies what rounding left of their spread
    steep = 20 if case.dtype == "float32" else 1
    assert farthest(found.gradients, wanted.gradients) < steep * tolerance, case
    assert farthest(found.statistics, wanted.statistics) < tolerance, case


def test_every_name_of_the_catalogue_has_a_layer():
    assert sorted(LAYERS) == catalog.names()


def test_answers_gradients_and_statistics_are_those_of_pytorch(form):
    for case, training in cases(form, "float32"):
        assert_equal_answers(case, training=training, tolerance=FLOAT32)


def test_they_are_so_in_float64(form):
    for case, training in cases(form, "float64"):
        assert_equal_answers(case, training=training, tolerance=FLOAT64)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_they_are_so_with_other_options(name, options):
    for training in (False, True):
        case = Case(name, options=options, data_format="channels_first")
        assert_equal_answers(case, training=training, tolerance=FLOAT64)


@pytest.mark.parametrize("data_format", FORMATS)
def test_a_saved_model_answers_the_same_at_any_size(form, data_format, tmp_path):
    case = Case(form, data_format=data_format, dtype="float32")
    twins = pair(case, images=2)
    model = functional(twins)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    one = catalog.card(form).sized or (
        BACKEND == "jax" and data_format == "channels_first"
    )
    for size in SIZES[1:2] if one else SIZES:
        asked = pair(replace(case, size=size), images=2)
        wanted = asked.of_torch(training=False).output
        found = loaded.predict(one_or_all(asked.inputs()), verbose=0)
        answer = asked.in_order_of_torch(found)
        assert farthest({"": answer}, {"": wanted}) < FLOAT32, size


def test_a_saved_layer_holds_every_option(form):
    layer = pair(Case(form, data_format="channels_first", dtype="float32")).layer

    again = type(layer).from_config(layer.get_config())

    assert again.get_config() == layer.get_config()
    assert vars(again.options) == vars(layer.options)


def functional(twins):
    """Return a model of the layer alone, for maps of unknown sides if it may be."""
    sized = catalog.card(twins.case.form).sized
    inputs = []
    for x in twins.inputs():
        shape = list(x.shape[1:])
        rows = 0 if twins.case.data_format == "channels_last" else 1
        if not sized:
            shape[rows : rows + 2] = [None, None]
        inputs.append(keras.Input(shape))
    return keras.Model(one_or_all(inputs), twins.layer(one_or_all(inputs)))


def one_or_all(maps):
    return maps if len(maps) > 1 else maps[0]


def test_the_forms_are_those_of_the_catalogue():
    assert {"cbam", "cbam.keras", "add"} <= set(forms())
    assert fk.create("cbam.keras").options.residual
