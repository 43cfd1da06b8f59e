"""What only NAM promises; the rest is in tests/contracts."""

import copy

import pytest
import torch
from torch import nn

import foveate as fv
from foveate import ops
from foveate.blocks import NAM, nam_penalty
from foveate.errors import OptionError, ShapeError

DOUBLE = torch.float64
LAST = torch.channels_last


def perturbed(channels, **options):
    """Return a block in evaluation whose numbers all differ, of both signs."""
    block = NAM(channels, **options).double().eval()
    for norm in (block.channel_bn, block.spatial_bn):
        if norm is not None:
            norm.weight.data += torch.randn_like(norm.weight)
            norm.bias.data += torch.randn_like(norm.bias)
            norm.running_mean += 0.2 * torch.randn_like(norm.running_mean)
            norm.running_var += torch.rand_like(norm.running_var)
    return block


def normal(x, norm):
    """Return ``x`` normalised over its second axis, by the formula."""
    shape = (1, -1, 1, 1) if x.dim() == 4 else (1, -1, 1)
    mean, variance, weight, bias = (
        value.reshape(shape)
        for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (x - mean) / (variance + 1e-5).sqrt() * weight + bias


@pytest.mark.parametrize(
    ("channels", "spatial_size", "parameters"),
    [(64, None, 128), (256, None, 512), (512, None, 1_024), (64, (5, 7), 198)],
)
def test_has_two_parameters_per_channel_and_place(channels, spatial_size, parameters):
    block = NAM(channels, spatial_size=spatial_size)

    assert sum(p.numel() for p in block.parameters()) == parameters


def test_starts_near_one_half():
    x = torch.randn(2, 16, 3, 5, dtype=DOUBLE)

    gate = NAM(16).double().eval().gate(x)

    # the shares are 1 / 16, the statistics 0 and 1
    torch.testing.assert_close(gate, torch.sigmoid(x / (16 * (1 + 1e-5) ** 0.5)))


def test_channels_are_gated_by_the_formula():
    torch.manual_seed(0)
    block = perturbed(4)
    x = torch.randn(2, 4, 3, 5, dtype=DOUBLE)

    gate = block.maps(x)["channel_full"]

    scales = block.channel_bn.weight
    shares = (scales.abs() / scales.abs().sum()).reshape(1, 4, 1, 1)
    want = torch.sigmoid(shares * normal(x, block.channel_bn))
    torch.testing.assert_close(gate, want)


def test_places_are_gated_after_channels_each_by_its_own_scale():
    torch.manual_seed(0)
    block = perturbed(4, spatial_size=(2, 3))
    x = torch.randn(2, 4, 2, 3, dtype=DOUBLE)

    maps = block.maps(x)

    scaled = x * maps["channel_full"]
    scales = block.spatial_bn.weight
    for row in range(2):
        for column in range(3):
            # row by row
            place = 3 * row + column
            values = scaled[:, :, row, column][:, None].expand(2, 6, 4)
            share = scales[place].abs() / scales.abs().sum()
            want = torch.sigmoid(share * normal(values, block.spatial_bn)[:, place])
            torch.testing.assert_close(maps["spatial_full"][:, :, row, column], want)


def test_both_halves_make_the_output():
    torch.manual_seed(0)
    block = perturbed(4, spatial_size=(2, 3))
    x = torch.randn(2, 4, 2, 3, dtype=DOUBLE)

    y = block(x)

    maps = block.maps(x)
    torch.testing.assert_close(y, x * maps["channel_full"] * maps["spatial_full"])
    torch.testing.assert_close(y, x * block.gate(x))


def test_the_statistics_of_a_place_are_over_images_and_channels():
    torch.manual_seed(0)
    block = NAM(4, spatial_size=(2, 3)).double().train()
    x = torch.randn(5, 4, 2, 3, dtype=DOUBLE)

    gate = block.maps(x)["spatial_full"]

    scaled = x * copy.deepcopy(block).maps(x)["channel_full"]
    mean = scaled.mean(dim=(0, 1), keepdim=True)
    variance = scaled.var(dim=(0, 1), correction=0, keepdim=True)
    normalised = (scaled - mean) / (variance + 1e-5).sqrt()
    torch.testing.assert_close(gate, torch.sigmoid(normalised / 6))


@pytest.mark.parametrize("dtype", [DOUBLE, torch.float16, torch.bfloat16], ids=str)
def test_scales_of_0_give_one_half(dtype):
    block = NAM(4, spatial_size=(3, 5)).to(dtype).eval()
    nn.init.zeros_(block.channel_bn.weight)
    nn.init.zeros_(block.spatial_bn.weight)

    y = block(torch.ones(2, 4, 3, 5, dtype=dtype))

    assert y.eq(0.25).all()


@pytest.mark.parametrize("detach", [True, False])
def test_scales_of_0_have_finite_gradients(detach):
    block = NAM(4, detach=detach)
    nn.init.zeros_(block.channel_bn.weight)

    block(torch.randn(2, 4, 3, 5)).sum().backward()

    assert block.channel_bn.weight.grad.isfinite().all()


def test_a_channel_of_scale_0_is_halved():
    torch.manual_seed(0)
    block = perturbed(4)
    with torch.no_grad():
        block.channel_bn.weight[2] = 0
    x = torch.randn(2, 4, 3, 5, dtype=DOUBLE)

    assert block(x)[:, 2].equal(x[:, 2] / 2)


def test_the_sign_of_a_scale_is_no_part_of_its_share():
    torch.manual_seed(0)
    block = perturbed(4)
    nn.init.zeros_(block.channel_bn.bias)
    x = torch.randn(2, 4, 3, 5, dtype=DOUBLE)
    gate = block.gate(x)

    block.channel_bn.weight.data.neg_()

    torch.testing.assert_close(block.gate(x), 1 - gate)


def test_shares_of_large_scales_in_half_precision_add_up():
    block = NAM(64).half().eval()
    nn.init.constant_(block.channel_bn.weight, 6e4)
    nn.init.zeros_(block.channel_bn.bias)
    x = torch.full((1, 64, 1, 1), 1e-3, dtype=torch.float16)

    # the sum of scales is beyond float16, a share is 1 / 64
    want = torch.sigmoid(x.double() * 6e4 / 64)
    torch.testing.assert_close(block.gate(x).double(), want, rtol=0, atol=1e-2)


def test_by_default_the_shares_pass_no_gradient():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 3, 5, dtype=DOUBLE)
    block, learned = perturbed(4), NAM(4, detach=False).double().eval()
    learned.load_state_dict(block.state_dict())

    for each in (block, learned):
        each(x).sum().backward()

    scales = block.channel_bn.weight.detach().requires_grad_()
    shares = (scales.abs() / scales.abs().sum()).reshape(1, 4, 1, 1).detach()
    plain = copy.deepcopy(block.channel_bn)
    plain.weight = nn.Parameter(scales)
    (x * torch.sigmoid(shares * normal(x, plain))).sum().backward()
    torch.testing.assert_close(block.channel_bn.weight.grad, plain.weight.grad)
    assert not torch.allclose(
        block.channel_bn.weight.grad, learned.channel_bn.weight.grad
    )


def test_the_variant_learns_its_shares():
    assert not fv.create("nam.learned", 8).detach


def test_channels_alone_commute_with_any_order_of_places():
    torch.manual_seed(0)
    block = perturbed(8)
    x = torch.randn(2, 8, 3, 5, dtype=DOUBLE)
    order = torch.randperm(15)

    def reorder(x):
        return x.flatten(2)[:, :, order].reshape(x.shape)

    torch.testing.assert_close(block(reorder(x)), reorder(block(x)))


def test_with_places_keeps_channels_last():
    torch.manual_seed(0)
    block = perturbed(4, spatial_size=(3, 5))
    x = torch.randn(2, 4, 3, 5, dtype=DOUBLE)

    y = block(x.contiguous(memory_format=LAST))

    assert y.is_contiguous(memory_format=LAST)
    torch.testing.assert_close(y, block(x), rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("spatial_size", [None, (3, 5)])
def test_exports_with_a_free_batch(spatial_size):
    torch.manual_seed(0)
    block = perturbed(4, spatial_size=spatial_size)
    x = torch.randn(2, 4, 3, 5, dtype=DOUBLE)

    program = torch.export.export(
        block, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
    )

    x = torch.randn(7, 4, 3, 5, dtype=DOUBLE)
    torch.testing.assert_close(program.module()(x), block(x))


def test_a_list_sets_the_size_as_well():
    assert NAM(4, spatial_size=[3, 5]).spatial_size == (3, 5)


def test_refuses_maps_of_another_size():
    block = NAM(4, spatial_size=(4, 9))

    # as many places, but other ones
    with pytest.raises(ShapeError, match=r"bound to maps of 4x9 .*, got 6x6\."):
        block(torch.zeros(1, 4, 6, 6))


@pytest.mark.parametrize("spatial_size", [7, (7,), (0, 7), (7, 7.0)], ids=repr)
def test_refuses_what_is_no_size(spatial_size):
    with pytest.raises(OptionError, match=r"^NAM: spatial_size must be \(H, W\)"):
        NAM(4, spatial_size=spatial_size)


def test_torch_refuses_to_train_on_one_place():
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        NAM(4).train()(torch.zeros(1, 4, 1, 1))


def test_the_penalty_adds_up_the_sizes_of_all_channel_scales():
    model = nn.Sequential(NAM(2, spatial_size=(3, 5)), nn.Sequential(NAM(3)))
    with torch.no_grad():
        model[0].channel_bn.weight.copy_(torch.tensor([1.0, -2.0]))
        model[1][0].channel_bn.weight.copy_(torch.tensor([0.5, 0.0, -4.0]))

    penalty = nam_penalty(model)
    penalty.backward()

    assert penalty.item() == 7.5
    assert model[0].channel_bn.weight.grad.tolist() == [1.0, -1.0]
    assert model[1][0].channel_bn.weight.grad.tolist() == [1.0, 0.0, -1.0]
    assert model[0].spatial_bn.weight.grad is None


def test_the_penalty_of_half_precision_is_summed_in_float32():
    block = NAM(64).half()
    nn.init.constant_(block.channel_bn.weight, 6e4)

    assert nam_penalty(block).item() == pytest.approx(64 * 6e4, rel=1e-3)


def test_a_network_without_nam_has_no_penalty():
    assert nam_penalty(nn.Conv2d(3, 8, 1)).item() == 0


def test_shows_its_options():
    assert repr(NAM(8, spatial_size=(3, 5))).startswith(
        "NAM(\n  8, spatial_size=(3, 5), detach=True\n"
    )


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_a_large_map_gives_the_numbers_of_the_reference(detach, training):
    torch.manual_seed(0)
    block = NAM(8, detach=detach).train(training)
    nn.init.normal_(block.channel_bn.weight)
    x, upward = torch.randn(2, 2, 8, 97, 89).unbind()
    other = copy.deepcopy(block)

    y = block(x)
    y.backward(upward)

    with ops.using("reference"):
        want = other(x)
    want.backward(upward)
    torch.testing.assert_close(y, want)
    for one, another in zip(block.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, another.grad, rtol=1e-4, atol=1e-3)
    for one, another in zip(block.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(one, another)


def test_hooks_of_its_batch_norm_are_called_on_a_large_map():
    block, seen = NAM(8).eval(), []
    block.channel_bn.register_forward_hook(lambda *call: seen.append(call[2]))

    block(torch.ones(1, 8, 97, 89))

    assert len(seen) == 1
