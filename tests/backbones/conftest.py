"""Small networks of each kind, and a block that notes when it is called."""

import pytest
import torch
from torch import nn

from foveate.backbones import ResNet

KINDS = {
    "basic": {"bottleneck": False, "pre_activation": False},
    "bottleneck": {"bottleneck": True, "pre_activation": False},
    "basic v2": {"bottleneck": False, "pre_activation": True},
    "bottleneck v2": {"bottleneck": True, "pre_activation": True},
}


@pytest.fixture(params=KINDS)
def kind(request):
    """The two options that choose one of the four residual blocks."""
    return KINDS[request.param]


@pytest.fixture
def tiny():
    """Make a network of one residual block a stage, 8 channels wide."""

    def create(*, width=8, num_classes=3, **options):
        torch.manual_seed(0)
        return ResNet((1, 1, 1, 1), width=width, num_classes=num_classes, **options)

    return create


@pytest.fixture
def calls_of():
    """Return the names of the layers of a module in the order of their calls."""

    def calls(module, x):
        order = []
        hooks = [
            child.register_forward_hook(
                lambda *_, name=name: order.append(name.partition(".")[0])
            )
            for name, child in module.named_children()
        ]
        module(x)
        for hook in hooks:
            hook.remove()
        return order

    return calls


class Recorder(nn.Module):
    """Return the input, and keep what came."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        return x


@pytest.fixture
def recorder():
    """The class of a block that keeps what it is given."""
    return Recorder
