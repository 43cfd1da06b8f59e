"""What only second-order channel attention promises; the rest is in tests/contracts."""

import pytest
import torch
from torch import nn

from foveate import ops
from foveate.blocks import SOCA
from foveate.errors import OptionError

DOUBLE = torch.float64


def unrelated(channels):
    """Return a map whose channels have variance 1 and do not vary together."""
    places = torch.arange(channels)
    x = torch.zeros(1, channels, 2, channels, dtype=DOUBLE)
    x[0, places, 0, places] = channels**0.5
    x[0, places, 1, places] = -(channels**0.5)
    return x


@pytest.mark.parametrize(
    ("channels", "parameters"), [(64, 1_096), (256, 16_672), (512, 66_112)]
)
def test_has_as_many_parameters_as_the_formula(channels, parameters):
    assert sum(p.numel() for p in SOCA(channels).parameters()) == parameters


# by the scalar recursion y = 1 / C, z = 1, five times t = (3 - z y) / 2, y t, t z
@pytest.mark.parametrize(
    ("channels", "factor"),
    [
        (1, 1.0),
        (4, 0.999999),
        (8, 0.999271),
        (16, 0.982721),
        (32, 0.907493),
        (64, 0.765763),
        (128, 0.599736),
        (256, 0.448026),
        (512, 0.325953),
    ],
)
def test_five_steps_come_as_near_to_the_root_as_the_recursion(channels, factor):
    pooled = SOCA(channels).pool(3 * unrelated(channels))

    # the root is 3 * factor on the diagonal, and a column has one such value
    want = torch.full((1, channels), 3 * factor / channels, dtype=DOUBLE)
    torch.testing.assert_close(pooled, want, rtol=2e-6, atol=0)


def test_channels_of_several_spreads_do_not_mix():
    x = unrelated(2) * torch.tensor([2.0, 1.0]).reshape(1, 2, 1, 1)

    pooled = SOCA(2, num_iters=30).pool(x)

    torch.testing.assert_close(pooled, torch.tensor([[1.0, 0.5]], dtype=DOUBLE))


def test_channels_that_vary_together_weigh_more():
    pattern = torch.tensor([1.0, -1.0], dtype=DOUBLE).reshape(1, 1, 1, 2)
    together, apart = pattern.expand(1, 2, 1, 2), unrelated(2)

    # the covariance of ones has the root of ones over sqrt(2)
    block = SOCA(2, num_iters=30)
    torch.testing.assert_close(
        block.pool(together), torch.full((1, 2), 0.5**0.5, dtype=DOUBLE)
    )
    torch.testing.assert_close(block.pool(apart), torch.full((1, 2), 0.5, dtype=DOUBLE))


@pytest.mark.parametrize("factor", [2.0, -3.0, 1e-6, 1e6])
def test_pools_a_scaled_map_to_scaled_values(factor):
    torch.manual_seed(0)
    block, x = SOCA(8), torch.randn(2, 8, 5, 7, dtype=DOUBLE)

    pooled = block.pool(factor * x)

    torch.testing.assert_close(pooled, abs(factor) * block.pool(x))


def test_does_not_see_the_means_of_channels():
    torch.manual_seed(0)
    block, x = SOCA(8), torch.randn(2, 8, 5, 7, dtype=DOUBLE)

    pooled = block.pool(x + torch.randn(1, 8, 1, 1, dtype=DOUBLE))

    torch.testing.assert_close(pooled, block.pool(x))


def test_commutes_with_any_order_of_places():
    torch.manual_seed(0)
    block = SOCA(8).double()
    x = torch.randn(2, 8, 3, 5, dtype=DOUBLE)
    order = torch.randperm(15)

    def reorder(x):
        return x.flatten(2)[:, :, order].reshape(x.shape)

    torch.testing.assert_close(block(reorder(x)), reorder(block(x)))


def test_reads_the_middle_of_a_long_side_only():
    torch.manual_seed(0)
    x = torch.randn(1, 8, 6, 3, dtype=DOUBLE)

    pooled = SOCA(8, max_side=4).pool(x)

    torch.testing.assert_close(pooled, SOCA(8).pool(x[:, :, 1:5]))


def test_a_side_of_just_max_side_is_not_cropped():
    torch.manual_seed(0)
    x = torch.randn(1, 8, 4, 3, dtype=DOUBLE)

    pooled = SOCA(8, max_side=4).pool(x)

    torch.testing.assert_close(pooled, SOCA(8).pool(x), rtol=0, atol=0)


@pytest.mark.slow
def test_an_exported_graph_crops_as_well():
    torch.manual_seed(0)
    free = torch.export.Dim.DYNAMIC
    block = SOCA(4, max_side=6).double()
    x = torch.randn(2, 4, 3, 5, dtype=DOUBLE)

    program = torch.export.export(
        block, (x,), dynamic_shapes=({0: free, 2: free, 3: free},)
    )

    for size in [(9, 4), (6, 11), (7, 13)]:
        x = torch.randn(3, 4, *size, dtype=DOUBLE)
        torch.testing.assert_close(program.module()(x), block(x))


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
def test_a_constant_map_is_pooled_to_0(size):
    block = SOCA(8).double()
    x = torch.full((2, 8, *size), 2.0, dtype=DOUBLE, requires_grad=True)

    pooled = block.pool(x)
    pooled.sum().backward()

    assert pooled.eq(0).all()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_pooled_in_float32(dtype):
    torch.manual_seed(0)
    x = (300 * torch.randn(1, 8, 56, 56)).to(dtype)

    pooled = SOCA(8).pool(x)

    assert pooled.dtype == torch.float32
    torch.testing.assert_close(
        pooled.double(), SOCA(8).pool(x.double()), rtol=1e-4, atol=0
    )


def test_zero_weights_halve_the_input():
    block = SOCA(8)
    for parameter in block.fc2.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 8, 3, 5)

    assert block(x).equal(x / 2)


def test_one_step_is_the_closed_form():
    torch.manual_seed(0)
    x = torch.randn(1, 4, 3, 5, dtype=DOUBLE)

    pooled = SOCA(4, num_iters=1).pool(x)

    spread = ops.covariance(x, max_side=1000)[0]
    trace = spread.trace()
    root = (3 * spread - spread @ spread / trace) / (2 * trace.sqrt())
    torch.testing.assert_close(pooled[0], root.mean(dim=0))


@pytest.mark.parametrize(("channels", "width"), [(64, 8), (4, 1)])
def test_bottleneck_keeps_at_least_one_channel(channels, width):
    assert SOCA(channels).fc1.out_channels == width


@pytest.mark.parametrize("option", ["num_iters", "max_side"])
def test_rejects_numbers_below_1(option):
    with pytest.raises(OptionError, match=f"{option} must be greater than 0, got 0"):
        SOCA(8, **{option: 0})


def test_shows_its_options():
    assert repr(SOCA(8)).startswith("SOCA(\n  8, num_iters=5, max_side=1000\n")
