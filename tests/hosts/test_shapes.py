"""The shape of the input that a network is looked at with."""

import pytest
from torch import nn

from foveate import hosts


class Network(nn.Module):
    def __init__(self, **attributes):
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (Network(), (1, 3, 224, 224)),
        (Network(in_channels=4), (1, 4, 224, 224)),
        (Network(in_channels=[3, 1]), (1, 3, 224, 224)),
        (Network(yaml={"nc": 80}), (1, 3, 640, 640)),
        (Network(yaml={"channels": 1}), (1, 1, 640, 640)),
        (Network(default_cfg={"input_size": (3, 299, 288)}), (1, 3, 299, 288)),
        (Network(pretrained_cfg={"num_classes": 3}), (1, 3, 224, 224)),
    ],
)
def test_is_what_the_network_says_of_itself(network, shape):
    assert hosts.example_shape(network) == shape


def test_is_that_of_timm_by_name(timm):
    said = timm.get_pretrained_cfg("test_resnet").input_size

    assert hosts.example_shape("timm:test_resnet") == (1, *said)


def test_has_the_channels_that_a_network_of_timm_was_made_with(timm):
    model = hosts.load("timm:test_resnet", in_chans=5)

    assert hosts.example_shape(model)[1] == 5
