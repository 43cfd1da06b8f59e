"""Lines through values, by hand, and a BatchNorm folded into one."""

import copy

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from foveate import ops
from foveate.errors import OptionError

HALVES = [torch.float16, torch.bfloat16]
# 65568 values an image, the fewest for which a BatchNorm is folded and a bit more
LARGE = (2, 8, 66, 126)


def norm_of(channels, **options):
    """Return a BatchNorm whose numbers all differ, of both signs."""
    random = torch.Generator().manual_seed(1)
    norm = nn.BatchNorm2d(channels, **options)
    for value in (norm.weight, norm.bias, norm.running_mean):
        if value is not None:
            value.data += torch.randn(channels, generator=random)
    if norm.running_var is not None:
        norm.running_var += torch.rand(channels, generator=random)
    return norm


def inputs():
    random = torch.Generator().manual_seed(2)
    x = 3 * torch.randn(LARGE, generator=random) + 1
    return x, torch.rand(8, 1, 1, generator=random)


def learned(path, norm, x, share):
    """Return the output of a path, and the gradients of all that goes in."""
    x, share = x.clone().requires_grad_(), share.clone().requires_grad_()
    tensors = [x, share, *norm.parameters()]
    with ops.using(path):
        y = ops.batch_norm_scale(x, norm, share)
    upward = torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
    return [y, *torch.autograd.grad(y, tensors, upward)]


def path_of(*given):
    return ops.explain(ops.batch_norm_scale, *given)[0]


@pytest.fixture
def native():
    """The name of the path in C, where there is a compiler."""
    choice = path_of(inputs()[0], norm_of(8).eval(), inputs()[1])
    if choice.path != "native":
        pytest.skip(choice.refusals["native"])
    return "native"


def test_moments_by_hand():
    x = torch.tensor([1.0, 2.0, 3.0, 6.0]).view(1, 1, 2, 2)

    mean, variance = ops.moments(x)

    # deviations -2, -1, 0, 3
    assert (mean.item(), variance.item()) == (3.0, 3.5)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_moments_of_half_precision_are_summed_in_float32(dtype):
    x = torch.tensor([300.0, -300.0]).repeat(500).view(1, 1, 25, 40).to(dtype)

    mean, variance = ops.moments(x)

    assert (mean.dtype, variance.dtype) == (torch.float32, torch.float32)
    # a square of 300, 90000, is beyond float16
    assert (mean.item(), variance.item()) == (0.0, 90_000.0)


def test_a_line_scales_by_its_sigmoid():
    x = torch.tensor([2.0, 4.0]).view(1, 2, 1, 1)
    # 2 * 3 - 6 = 0, and the logarithm of 3, of which the sigmoid is 3/4
    weight = torch.tensor([3.0, 0.0]).view(1, 2, 1, 1)
    bias = torch.tensor([-6.0, 1.0986123]).view(1, 2, 1, 1)

    y = ops.affine_sigmoid_scale(x, weight, bias)

    torch.testing.assert_close(y.flatten(), torch.tensor([1.0, 3.0]))


def test_two_groups_are_interleaved_after_they_are_scaled():
    x = torch.arange(1.0, 5.0).view(1, 4, 1, 1)
    none = torch.zeros(1, 4, 1, 1)

    y = ops.affine_sigmoid_scale(x, none, none, 2)

    assert y.flatten().tolist() == [0.5, 1.5, 1.0, 2.0]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_a_line_in_float32_keeps_the_type_of_the_map(dtype):
    x = torch.ones(1, 2, 3, 5, dtype=dtype)

    y = ops.affine_sigmoid_scale(x, torch.ones(1, 2, 1, 1), torch.ones(1, 2, 1, 1))

    assert y.dtype == dtype


def test_a_line_keeps_channels_last():
    last = torch.channels_last
    x = torch.randn(2, 4, 3, 5).contiguous(memory_format=last)
    weight = torch.ones(1, 4, 1, 1)

    for groups in (1, 2):
        y = ops.affine_sigmoid_scale(x, weight, weight, groups)
        assert y.is_contiguous(memory_format=last)


def test_gates_of_halves_by_hand():
    # a group of two: the mean of the first channel is 2, the second becomes -1 and 1
    x = torch.tensor([1.0, 3.0, 5.0, 9.0]).view(1, 2, 1, 2)
    weight, bias = torch.tensor([3.0, 2.0]), torch.tensor([-6.0, 2.0])

    gate = ops.halves_gate(x, weight, bias, 0.0)

    # sigmoid(0), twice, then sigmoid(0) and sigmoid(4)
    want = torch.tensor([0.5, 0.5, 0.5, 0.9820138])
    torch.testing.assert_close(gate.flatten(), want)


def test_halves_of_all_groups_are_interleaved():
    x = torch.arange(1.0, 9.0).view(1, 8, 1, 1)
    none = torch.zeros(4)

    y = ops.halves_scale(x, none, none, 1e-5)

    assert (2 * y).flatten().tolist() == [1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": None},
        {"momentum": 0.3, "eps": 0.1},
        {"track_running_stats": False},
        {"affine": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_a_folded_batch_norm_agrees_with_the_reference(native, options, training):
    norm = norm_of(8, **options).train(training)
    other = copy.deepcopy(norm)

    # twice, as the statistics of a first batch weigh in the second
    for _ in range(2):
        found = learned(native, norm, *inputs())
        wanted = learned("reference", other, *inputs())

    for one, another in zip(found, wanted, strict=True):
        size = another.abs().max().item()
        torch.testing.assert_close(one, another, rtol=2e-5, atol=2e-6 * max(size, 1))
    for key, value in norm.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key])


def test_statistics_that_are_frozen_in_training_stay(native):
    norm = norm_of(8).train()
    norm.track_running_stats = False
    before = copy.deepcopy(norm.state_dict())
    x, share = inputs()

    with ops.using(native):
        ops.batch_norm_scale(x, norm, share)

    assert all(value.equal(before[key]) for key, value in norm.state_dict().items())


def test_a_mean_far_from_0_is_folded_as_torch_folds_it(native):
    norm = norm_of(8).train()
    x, share = inputs()
    x += 1e3

    with ops.using(native):
        y = ops.batch_norm_scale(x, copy.deepcopy(norm), share)

    want = ops.batch_norm_scale(x.double(), norm.double(), share.double())
    # the spacing of float32 at 1000, over a deviation of 3, times a weight below 4
    torch.testing.assert_close(y.double(), want, rtol=4 * 6.1e-5 / 3, atol=1e-4)


def test_a_training_step_between_forward_and_backward_changes_no_gradient(native):
    norm = norm_of(8).eval()
    x, share = inputs()
    want = learned("reference", copy.deepcopy(norm), x, share)[2]
    share.requires_grad_()
    upward = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))

    with ops.using(native):
        y = ops.batch_norm_scale(x, norm, share)
        ops.batch_norm_scale(x, norm.train(), share)
        (found,) = torch.autograd.grad(y, share, upward)

    torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_a_graph_folds_a_batch_norm_without_a_break(native):
    norm = norm_of(8).train()
    other = copy.deepcopy(norm)
    x, share = inputs()
    compiled = torch.compile(
        lambda x, share: ops.batch_norm_scale(x, norm, share),
        fullgraph=True,
        backend="aot_eager",
    )

    y = compiled(x, share)

    torch.testing.assert_close(y, ops.batch_norm_scale(x, other, share))
    for key, value in norm.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key])


def test_transforms_of_a_batch_norms_parameters_agree(native):
    norm = norm_of(8).eval()
    x, share = inputs()
    assert path_of(x, norm, share).path == native

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = norm

        def forward(self, bias):
            given = {"bias": bias, "weight": norm.weight.detach()}
            with torch.nn.utils.stateless._reparametrize_module(norm, given):
                return ops.batch_norm_scale(x, norm, share).sum()

    found = torch.func.grad(Scaled())(norm.bias.detach())

    want = torch.autograd.grad(ops.batch_norm_scale(x, norm, share).sum(), norm.bias)
    torch.testing.assert_close(found, want[0], rtol=1e-4, atol=1e-3)


@pytest.mark.filterwarnings(
    # torch's own, from its first use of a tangent
    "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
)
def test_a_tangent_of_the_map_passes_through_the_reference():
    norm = norm_of(8).eval()
    x, share = inputs()

    with forward_ad.dual_level():
        y = ops.batch_norm_scale(
            forward_ad.make_dual(x, torch.ones_like(x)), norm, share
        )
        tangent = forward_ad.unpack_dual(y).tangent

    assert tangent.isfinite().all()


def test_one_place_in_training_is_an_error_of_torch():
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        ops.batch_norm_scale(torch.ones(1, 8, 1, 1), norm_of(8), torch.ones(8, 1, 1))


class Renamed(nn.BatchNorm2d):
    """A BatchNorm that could do anything else."""


def hooked():
    norm = norm_of(8)
    norm.register_forward_hook(lambda *call: None)
    return norm


@pytest.mark.parametrize(
    ("shape", "norm", "why"),
    [
        (LARGE, Renamed(8), "takes the place of an nn.BatchNorm2d, got Renamed"),
        (LARGE, hooked(), "the hooks of the BatchNorm2d want to see it called"),
        (LARGE, norm_of(8).double(), "takes a BatchNorm in float32, got torch.float64"),
        ((1, 65536, 1, 1), norm_of(65536), "one place has no variance"),
        ((2, 8, 5, 7), norm_of(8), "pays from 65536 values an image, got 280"),
    ],
    ids=["class", "hooks", "type", "one place", "size"],
)
@pytest.mark.usefixtures("native")
def test_a_batch_norm_that_is_not_folded_says_why(shape, norm, why):
    x, share = torch.ones(shape), torch.ones(shape[1], 1, 1)

    with ops.using("native"), pytest.raises(OptionError, match=why):
        ops.batch_norm_scale(x, norm, share)
