"""All that a network costs, in one call."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import CostWarning, OptionError
from foveate.profile import count, memory

SHAPE = (2, 3, 7, 5)


def quick_cost(model, *shapes, **options):
    return fv.cost(model, *shapes, seconds=0.001, **options)


def test_it_is_size_work_time_and_memory():
    model = nn.Conv2d(3, 8, 3)

    found = quick_cost(model, SHAPE, threads=1)

    alone = count(model, SHAPE)
    assert (found.parameters, found.macs) == (alone.parameters, alone.macs)
    assert (found.elementwise, found.pooling) == (alone.elementwise, alone.pooling)
    assert found.memory == memory(model, SHAPE)
    assert found.latency.median_ms > 0
    assert found.latency.threads == 1
    assert (found.device, found.dtype) == ("cpu", "float32")


def test_the_model_is_left_as_it_was():
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout())
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()

    quick_cost(model, SHAPE)

    assert all(module.training for module in model.modules())
    assert all(torch.equal(model.state_dict()[key], state[key]) for key in state)
    assert torch.equal(torch.get_rng_state(), random)


def test_time_can_be_left_out():
    model = nn.Conv2d(3, 8, 3)

    found = fv.cost(model, SHAPE, latency=False)

    assert found.latency is None
    assert found.memory == memory(model, SHAPE)


def test_a_network_without_memory_is_not_timed():
    with torch.device("meta"):
        model = nn.Conv2d(3, 8, 3)

    found = fv.cost(model, SHAPE)

    assert found.latency is None
    assert found.macs == 2 * 8 * 3 * 9 * 5 * 3
    # as on a processor: 8 channels of 5 x 3 for two images
    assert found.memory.peak_bytes == 2 * 8 * 5 * 3 * 4
    assert found.device == "meta"


def test_a_fusion_takes_a_shape_for_each_map():
    found = quick_cost(fv.create("gated", 8), (1, 8, 6, 5), (1, 8, 6, 5))

    assert found.macs == 2 * 8 * 8 * 30
    assert found.latency.runs >= 5


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_precision_is_that_of_the_model(dtype):
    found = quick_cost(nn.Sequential(nn.Conv2d(3, 8, 1)).to(dtype), SHAPE)

    assert f"torch.{found.dtype}" == str(dtype)
    assert found.memory.peak_bytes == 2 * 8 * 35 * dtype.itemsize


def test_what_is_over_the_budget_is_not_run_but_counted():
    ran = []

    class Watched(nn.Conv2d):
        def forward(self, x):
            ran.append(type(x))
            return super().forward(x)

    model = Watched(3, 8, 3)
    with pytest.warns(
        CostWarning, match=r"^Watched on \(2, 3, 7, 5\) was not run: it would hold"
    ) as seen:
        found = fv.cost(model, SHAPE, budget_bytes=8)

    assert seen[0].filename == __file__
    assert torch.Tensor not in ran
    assert found.latency is None
    assert found.macs == count(model, SHAPE).macs
    assert found.memory == memory(model, SHAPE)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    # torch's own, on loading its compiler
    "ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"
)
def test_it_can_be_timed_when_it_is_compiled():
    compiled = []
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    model.register_forward_hook(
        lambda *_: compiled.append(torch.compiler.is_compiling())
    )

    found = quick_cost(model, SHAPE, compile=True)

    assert any(compiled)
    assert found.latency.median_ms > 0


def test_a_shape_that_is_none_is_refused():
    with pytest.raises(OptionError, match=r"^cost: a shape must be \(B, C, H, W\)"):
        fv.cost(nn.ReLU(), (3, 7))
