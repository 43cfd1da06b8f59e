"""How many numbers a network learns, as published."""

import pytest
import torch

from foveate import backbones

PLAIN = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnet18v2": 11_687_720,
    "resnet34v2": 21_795_880,
    "resnet50v2": 25_549_352,
    "resnet101v2": 44_541_480,
    "resnet152v2": 60_185_128,
}
WITH_ATTENTION = [
    ("resnet18", "se", 11_776_552),
    ("resnet34", "se", 21_954_856),
    ("resnet50", "se", 28_071_976),
    ("resnet101", "se", 49_292_328),
    ("resnet152", "se", 66_770_984),
    ("resnet18", "se.bias", 11_778_592),
    ("resnet34", "se.bias", 21_958_868),
    ("resnet50", "se.bias", 28_088_024),
    ("resnet101", "se.bias", 49_326_872),
    ("resnet152", "se.bias", 66_821_848),
    ("resnet50", "cbam", 28_089_624),
    ("resnet101", "cbam", 49_330_172),
    ("resnet152", "cbam", 66_826_848),
    ("resnet50", "shuffle.imagenet", 25_557_740),
    ("resnet50", "eca", 25_557_118),
    ("resnet101", "eca", 44_549_331),
    ("resnet152", "eca", 60_193_064),
    ("resnet50", "coordinate", 27_474_864),
    ("resnet50", "nam", 25_587_240),
    ("resnet50", "soca", 30_603_912),
    ("resnet50", "simam", 25_557_032),
]


def count(name, **options):
    with torch.device("meta"):
        model = backbones.create(name, **options)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("name", "parameters"), PLAIN.items())
def test_a_plain_network_has_as_many_parameters_as_published(name, parameters):
    assert count(name) == parameters


@pytest.mark.parametrize(("name", "attention", "parameters"), WITH_ATTENTION)
def test_attention_adds_as_many_parameters_as_published(name, attention, parameters):
    assert count(name, attention=attention) == parameters


def test_the_number_in_a_name_counts_its_layers():
    # a stem, two or three convolutions in each residual block, and a classifier
    depths = {
        name: int(name.removeprefix("resnet").removesuffix("v2"))
        for name in backbones.names()
        if not name.endswith("_fpn")
    }
    with torch.device("meta"):
        models = {name: backbones.create(name) for name in depths}

    layers = {
        name: 1 + sum(".conv" in n or n == "conv1" for n, _ in model.named_modules())
        for name, model in models.items()
    }

    assert layers == depths
