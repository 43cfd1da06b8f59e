"""What only selective kernels promise; the rest is in tests/contracts."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.blocks import SelectiveKernel
from foveate.errors import OptionError


def count(block):
    return sum(p.numel() for p in block.parameters())


def branches_of(block, x):
    return torch.stack([branch(x) for branch in block.branches], dim=1)


@pytest.mark.parametrize(
    ("channels", "paper", "dense"),
    [(64, 8_768, 355_360), (256, 62_528, 5_550_112), (512, 198_720, 22_110_240)],
)
def test_has_as_many_parameters_as_the_paper(channels, paper, dense):
    assert count(fv.create("sk", channels)) == paper
    assert count(fv.create("sk.dense", channels)) == dense


@pytest.mark.parametrize(
    ("kernel_size", "side", "dilation"), [(1, 1, 1), (3, 3, 1), (5, 3, 2), (7, 3, 3)]
)
def test_a_large_kernel_is_a_dilated_one_of_three(kernel_size, side, dilation):
    block = SelectiveKernel(32, kernel_sizes=(3, kernel_size))

    conv = block.branches[1].conv
    assert conv.kernel_size == (side, side)
    assert conv.dilation == (dilation, dilation)


def test_a_large_kernel_is_whole_if_not_dilated():
    block = SelectiveKernel(32, kernel_sizes=(1, 7), dilated=False)

    conv = block.branches[1].conv
    assert (conv.kernel_size, conv.dilation) == ((7, 7), (1, 1))


def test_equal_logits_give_the_mean_of_the_branches():
    torch.manual_seed(0)
    block = SelectiveKernel(32).eval()
    nn.init.zeros_(block.attn.fc2.weight)
    x = torch.randn(2, 32, 5, 7)

    torch.testing.assert_close(block(x), branches_of(block, x).mean(dim=1))


def test_each_value_lies_among_those_of_the_branches():
    torch.manual_seed(0)
    block = fv.create("sk.dense", 8).eval()
    nn.init.normal_(block.attn.fc2.weight, std=3)
    x = torch.randn(2, 8, 5, 7)

    y, branches = block(x), branches_of(block, x)

    assert (y >= branches.amin(dim=1) - 1e-5).all()
    assert (y <= branches.amax(dim=1) + 1e-5).all()


def test_rows_of_the_last_projection_belong_to_one_branch_after_another():
    torch.manual_seed(0)
    block = SelectiveKernel(32, fc_bias=True).eval()
    with torch.no_grad():
        block.attn.fc2.bias[32:] += 1000
    x = torch.randn(2, 32, 5, 7)

    branch = block.maps(x)["branch"]

    assert branch[:, 0].eq(0).all()
    assert branch[:, 1].eq(1).all()
    torch.testing.assert_close(block(x), block.branches[1](x))


def test_weights_match_the_formula_by_hand():
    options = {"groups": 1, "fc_norm": False, "hidden_channels": 1}
    block = SelectiveKernel(1, **options).eval()
    with torch.no_grad():
        for value, branch in zip((1.0, 3.0), block.branches, strict=True):
            branch.conv.weight.zero_()
            branch.conv.weight[0, 0, 1, 1] = value
            branch.bn.running_var.fill_(1 - branch.bn.eps)
        block.attn.fc1.weight.fill_(-1)
        block.attn.fc2.weight.copy_(torch.tensor([0.0, -0.25]).reshape(2, 1, 1, 1))
    x = torch.ones(1, 1, 3, 5)

    # the branches are 1 and 3, so fc1 gives -4, uncut, and fc2 gives 0 and 1
    want = torch.tensor([0.0, 1.0]).softmax(dim=0)
    branch = block.maps(x)["branch"].flatten()
    torch.testing.assert_close(branch, want)
    torch.testing.assert_close(block(x), (want[0] + 3 * want[1]).expand_as(x))


def test_starts_with_nearly_equal_weights():
    torch.manual_seed(0)
    block = SelectiveKernel(64).eval()

    branch = block.maps(torch.randn(4, 64, 7, 5))["branch"]

    torch.testing.assert_close(branch, torch.full_like(branch, 0.5), rtol=0, atol=0.02)


def test_starts_with_the_deviations_of_the_official_network():
    torch.manual_seed(0)
    block = SelectiveKernel(256, conv_bias=True, fc_bias=True)

    # 8 channels of 3x3 are read by each output
    conv, fc2 = block.branches[0].conv, block.attn.fc2
    assert conv.weight.std().item() == pytest.approx((2 / 72) ** 0.5, rel=0.05)
    assert fc2.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert conv.bias.eq(0).all()
    assert fc2.bias.eq(0).all()


def test_without_norm_the_projections_follow_each_other():
    assert list(fv.create("sk.dense", 8).attn._modules) == ["fc1", "fc2"]


def test_the_bottleneck_is_never_narrower_than_32():
    assert SelectiveKernel(256).attn.fc1.out_channels == 32
    assert SelectiveKernel(1024).attn.fc1.out_channels == 64


@pytest.mark.parametrize(("stride", "size"), [(2, (4, 3)), (3, (3, 2))])
def test_a_stride_makes_the_map_smaller(stride, size):
    block = SelectiveKernel(32, kernel_sizes=(1, 3, 5), stride=stride)

    assert block(torch.randn(2, 32, 7, 5)).shape == (2, 32, *size)


def test_refuses_one_image_in_training():
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        SelectiveKernel(32).train()(torch.randn(1, 32, 5, 7))


def test_trains_on_one_image_without_norm():
    block = fv.create("sk.dense", 8).train()

    assert block.training_batch == 1
    assert block(torch.randn(1, 8, 5, 7)).isfinite().all()


@pytest.mark.parametrize("kernel_sizes", [(), (3,), "35", 3, None], ids=repr)
def test_wants_two_or_more_kernels(kernel_sizes):
    words = r"kernel_sizes must be a sequence of 2 or more whole numbers, such as \(3, "

    with pytest.raises(OptionError, match=words):
        SelectiveKernel(32, kernel_sizes=kernel_sizes)


def test_rejects_an_even_kernel_and_offers_the_nearest():
    words = r"kernel_sizes must be odd, .*, got 4\. Nearest that fit: 3 or 5\.$"

    with pytest.raises(OptionError, match=words):
        SelectiveKernel(32, kernel_sizes=(3, 4))


def test_rejects_channels_that_groups_do_not_divide():
    words = r"multiple of 32 \(groups\), got 100\. Nearest that fit: 96 or 128\.$"

    with pytest.raises(OptionError, match=words):
        SelectiveKernel(100)


def test_takes_a_list_of_kernels():
    assert len(SelectiveKernel(32, kernel_sizes=[3, 5, 7]).branches) == 3
