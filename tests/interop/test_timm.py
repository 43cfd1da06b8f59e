"""timm as a peer: its layers and ours, with the same weights, answer alike."""

from functools import partial

import pytest
import torch

import foveate as fv
from foveate import backbones
from foveate.blocks import CBAM, ECA, CoordinateAttention, SqueezeExcite
from foveate.interop import dump, load

# timm's layer, its options, ours, our options, channels
LAYERS = {
    "SE": ("se", {}, "se.bias", {"hidden_channels": 8}),
    "SE without bias": ("se", {"bias": False, "rd_channels": 5}, "se", {}),
    "ECA": ("eca", {}, "eca", {}),
    "CBAM": ("cbam", {}, "cbam", {"bias": False}),
    "CBAM with biases": ("cbam", {"mlp_bias": True}, "cbam", {}),
    "CBAM, small kernel": (
        "cbam",
        {"spatial_kernel_size": 3},
        "cbam",
        {"bias": False, "kernel_size": 3},
    ),
    "SK": (
        "sk",
        {"split_input": False, "groups": 8, "rd_channels": 12},
        "sk",
        {"groups": 8, "hidden_channels": 12},
    ),
    "SK, true kernels": (
        "sk",
        {"split_input": False, "keep_3x3": False, "kernel_size": [3, 5, 7]},
        "sk",
        {"groups": 1, "dilated": False, "kernel_sizes": (3, 5, 7)},
    ),
    "Coordinate": ("coord", {}, "coordinate", {"bias": False}),
    "Coordinate with biases": ("coord", {"bias": True}, "coordinate", {}),
}
CHANNELS = 48
EVERY = pytest.mark.parametrize("case", LAYERS)


def pair(timm, case):
    """Return timm's layer and ours, as wide as it is."""
    layer, options, name, ours = LAYERS[case]
    theirs = timm.layers.get_attn(layer)(CHANNELS, **options)
    for candidate in ("fc1", "attn.fc_reduce", "conv1"):
        if f"{candidate}.weight" in theirs.state_dict() and layer != "eca":
            width = theirs.get_submodule(candidate).out_channels
            ours = {"hidden_channels": width, **ours}
    return theirs, fv.create(name, CHANNELS, **ours).double().eval()


def new_map():
    torch.manual_seed(2)
    return torch.randn(2, CHANNELS, 9, 6, dtype=torch.float64)


@EVERY
def test_answers_as_a_layer_of_timm(timm, case, disturbed):
    theirs, block = pair(timm, case)
    disturbed(theirs)

    loaded = load(block, theirs.state_dict(), "timm")

    assert (loaded.missing, loaded.unexpected) == ((), ())
    torch.testing.assert_close(
        block(new_map()), theirs(new_map()), rtol=1e-12, atol=1e-12
    )


@EVERY
def test_a_layer_of_timm_answers_as_ours(timm, case, disturbed):
    theirs, block = pair(timm, case)
    disturbed(block)
    theirs.double().eval()

    theirs.load_state_dict(dump(block, "timm"))

    torch.testing.assert_close(
        theirs(new_map()), block(new_map()), rtol=1e-12, atol=1e-12
    )


@EVERY
def test_weights_of_timm_come_back_bit_for_bit(
    timm, case, disturbed, assert_same_state
):
    theirs, block = pair(timm, case)
    disturbed(theirs)

    load(block, theirs.state_dict())
    back = dump(block, "timm")

    assert list(back) == list(theirs.state_dict())
    assert_same_state(back, theirs.state_dict())


NETWORKS = {
    "se": partial(SqueezeExcite, bias=True, min_channels=8),
    "eca": ECA,
    "cbam": partial(CBAM, bias=False),
    # two thirds of a sixteenth of the channels, rounded to a multiple of 8
    "coord": lambda channels: CoordinateAttention(
        channels, hidden_channels=max(8, round(channels / 24 / 8) * 8), bias=False
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("attn", NETWORKS)
@pytest.mark.parametrize("depth", [18, 50])
def test_a_network_of_timm_and_ours_give_the_same_logits(
    timm, attn, depth, disturbed, assert_same_state
):
    theirs = timm.create_model(
        f"resnet{depth}", num_classes=5, block_args={"attn_layer": attn}
    )
    # as they are, the activations of so many layers grow beyond all bounds
    disturbed(theirs).load_state_dict(
        {k: v / 5 if v.dim() == 4 else v for k, v in theirs.state_dict().items()}
    )
    model = backbones.create(
        f"resnet{depth}", num_classes=5, attention=NETWORKS[attn]
    ).double()
    x = torch.randn(1, 3, 33, 40, dtype=torch.float64)

    loaded = load(model.eval(), theirs.state_dict())

    assert (loaded.missing, loaded.unexpected) == ((), ())
    torch.testing.assert_close(model(x), theirs(x), rtol=1e-10, atol=1e-10)
    back = dump(model, "timm")
    assert list(back) == list(theirs.state_dict())
    assert_same_state(back, theirs.state_dict())
