"""What only efficient channel attention promises; the rest is in tests/contracts."""

import pytest
import torch
from torch import nn

from foveate.blocks import ECA
from foveate.errors import OptionError


@pytest.mark.parametrize(
    ("channels", "kernel_size"),
    [
        (1, 1),
        (4, 1),
        (8, 3),
        (16, 3),
        (32, 3),
        (64, 3),
        (128, 5),
        (256, 5),
        (512, 5),
        (1024, 5),
        (2048, 7),
    ],
)
def test_kernel_size_follows_the_rule_of_the_paper(channels, kernel_size):
    assert ECA(channels).conv.kernel_size == (kernel_size,)


@pytest.mark.parametrize(("channels", "parameters"), [(64, 3), (256, 5), (512, 5)])
def test_has_as_many_parameters_as_its_kernel_is_wide(channels, parameters):
    assert sum(p.numel() for p in ECA(channels).parameters()) == parameters


def test_gamma_and_b_shape_the_rule():
    # (log2(256) - 2) / 1 = 6, and the odd number above is 7
    assert ECA(256, gamma=1, b=-2).conv.kernel_size == (7,)


def test_zero_weights_halve_the_input():
    block = ECA(8)
    nn.init.zeros_(block.conv.weight)
    x = torch.randn(2, 8, 3, 5)

    assert block(x).equal(x / 2)


def test_a_delta_kernel_gates_by_the_mean():
    block = ECA(8, kernel_size=3)
    block.load_state_dict({"conv.weight": torch.tensor([[[0.0, 1.0, 0.0]]])})
    x = torch.randn(2, 8, 3, 5)

    gate = block.gate(x)

    torch.testing.assert_close(gate, x.mean(dim=(2, 3), keepdim=True).sigmoid())


def test_a_shifted_kernel_reads_the_channel_before_and_0_at_the_edge():
    block = ECA(3, kernel_size=3)
    block.load_state_dict({"conv.weight": torch.tensor([[[1.0, 0.0, 0.0]]])})
    x = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)

    logits = block.logits(x)

    assert logits.flatten().tolist() == [0.0, 1.0, 2.0]


def test_a_kernel_wider_than_the_channels_works():
    x = torch.randn(2, 2, 3, 5)

    assert ECA(2, kernel_size=9)(x).shape == x.shape


def test_commutes_with_any_order_of_places():
    torch.manual_seed(0)
    block = ECA(8).double()
    x = torch.randn(2, 8, 3, 5, dtype=torch.float64)
    order = torch.randperm(15)

    def reorder(x):
        return x.flatten(2)[:, :, order].reshape(x.shape)

    torch.testing.assert_close(block(reorder(x)), reorder(block(x)))


def test_rejects_an_even_kernel_and_offers_its_neighbours():
    with pytest.raises(
        OptionError,
        match=r"^ECA: kernel_size must be odd.*got 4\. Nearest that fit: 3 or 5\.$",
    ):
        ECA(64, kernel_size=4)


@pytest.mark.parametrize("gamma", [0, -2, float("nan")])
def test_rejects_a_gamma_that_is_not_above_0(gamma):
    with pytest.raises(OptionError, match=r"gamma must be a number greater than 0"):
        ECA(64, gamma=gamma)
