"""What blocks add to a host, against the host and the blocks by themselves."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate import backbones
from foveate.errors import CostWarning, OptionError, SiteError, UnknownNameError
from foveate.profile import count, grafted, memory, overheads, plan_cost, timing
from foveate.records import Overheads


class Pairwise(nn.Module):
    """Weighs each place by all places: holds the square of their number."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        places = x.flatten(2)
        weights = (places.transpose(1, 2) @ places).softmax(dim=2)
        return (places @ weights).view_as(x)


PAIRWISE = f"{__file__}:Pairwise"


def small_host():
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU())


def quick(model, blocks, **options):
    """Return overheads at one small size, not timed if not asked to be."""
    options = {"at": "1", "sizes": [(9, 7)], "latency": False} | options
    return overheads(model, blocks, **options)


def test_a_row_for_each_size_batch_and_block():
    found = quick(small_host(), ["se", "simam"], sizes=[8, (9, 7)], batches=(1, 2))

    assert [(row.size, row.batch, row.block) for row in found.rows] == [
        (size, batch, block)
        for size in ((8, 8), (9, 7))
        for batch in (1, 2)
        for block in ("se", "simam")
    ]
    assert (found.host, found.at) == ("Sequential", "1")


def test_size_and_work_are_those_of_the_blocks():
    host = backbones.resnet10(width=16)
    shape = (1, 3, 48, 40)
    places = fv.plan(host, "cbam", at="layer?", example=shape)

    (row,) = quick(host, "cbam", at="layer?", sizes=[(48, 40)]).rows

    added = plan_cost(places).total
    assert (row.parameters, row.macs) == (added.parameters, added.macs)
    assert row.host.macs == count(host, shape).macs


def test_memory_is_that_of_the_host_with_blocks():
    host = small_host()
    with_it = small_host()
    fv.graft(with_it, "se", at="1", example=(1, 3, 9, 7))

    (row,) = quick(host, "se", batches=[2]).rows

    assert row.host.memory == memory(host, (2, 3, 9, 7))
    assert row.grafted.memory == memory(with_it, (2, 3, 9, 7))
    assert row.saved_bytes > 0


def test_host_and_copy_take_turns_and_their_times_are_paired(monkeypatch):
    seen = []

    def turns(calls, **options):
        seen.append((len(calls), [call().shape for call in calls], options))
        return timing.Rounds([[1, 2, 40], [1.5, 3, 60]], threads=1)

    monkeypatch.setattr(timing, "interleaved", turns)

    (row,) = quick(small_host(), "se", latency=True, seconds=3, threads=1).rows

    # the host by itself and with its block, on the same images
    shape = torch.Size([1, 16, 9, 7])
    assert seen == [(2, [shape, shape], {"seconds": 3, "threads": 1})]
    assert row.ratios.median == 1.5
    assert row.latency_share == 0.5
    assert row.latency_ms == 0.5 * 2
    assert row.host.latency.median_ms == 2
    assert row.grafted.latency.median_ms == 3


def test_times_are_there_if_they_are_not_left_out():
    (row,) = quick(small_host(), "se", latency=True, seconds=0.001).rows

    assert row.host.latency.runs == row.grafted.latency.runs >= 5
    assert row.ratios.low <= row.ratios.median <= row.ratios.high


def test_the_host_is_left_as_it_was():
    host = backbones.resnet10(width=8)
    state = {name: value.clone() for name, value in host.state_dict().items()}

    quick(host, "se", at="layer1", latency=True, seconds=0.001)

    assert host.state_dict().keys() == state.keys()
    assert all(torch.equal(host.state_dict()[key], state[key]) for key in state)
    assert all(module.training for module in host.modules())
    assert fv.surgery.planned(host) is None


def test_another_precision_is_that_of_the_copies_alone():
    host = small_host()

    (row,) = quick(host, "se", dtype=torch.float64).rows

    assert row.dtype == "float64"
    assert row.host.memory.peak_bytes == 2 * 16 * 63 * 8
    assert host[0].weight.dtype == torch.float32


def test_copies_share_the_parameters_of_the_host():
    host = small_host()
    plan = fv.plan(host, "se", at="1", example=(1, 3, 9, 7))

    copied = grafted._grafted(host, plan)

    assert copied[0].weight is host[0].weight
    assert fv.surgery.planned(host) is None


def test_images_have_the_channels_of_the_host_or_those_asked_for():
    own = backbones.resnet10(width=8, in_channels=2)
    plain = nn.Sequential(nn.Conv2d(5, 4, 1), nn.ReLU())

    assert quick(own, "simam", at="layer1", sizes=[32]).rows
    assert quick(plain, "simam", channels=5).rows


def test_a_block_that_is_bound_to_a_size_is_made_for_each():
    found = quick(small_host(), "joint_cbam", sizes=[4, 6])

    small, large = (row.parameters for row in found.rows)
    assert small < large


def test_each_row_is_told_as_it_is_found():
    heard = []

    found = quick(small_host(), ["se", "simam"], listen=heard.append)

    assert tuple(heard) == found.rows


def test_what_is_over_the_budget_is_not_timed_and_names_block_and_map():
    words = (
        r"^Sequential with .*:Pairwise, the largest of whose maps is 16 x 64x64, "
        r"was not run on \(8, 3, 64, 64\): it would hold .* more than the budget "
        r"of 128.0 MiB\. "
    )

    with pytest.warns(CostWarning, match=words) as seen:
        found = quick(
            small_host(),
            [PAIRWISE, "simam"],
            sizes=[64],
            batches=[8],
            latency=True,
            seconds=0.001,
            budget_bytes=2**27,
        )

    over, within = found.rows
    assert seen[0].filename == __file__
    assert (over.ratios, over.grafted.latency) == (None, None)
    assert over.peak_bytes > 2**27
    assert within.ratios is not None


def test_a_host_that_looks_at_its_numbers_is_measured_as_it_runs():
    class Choosing(nn.Module):
        def forward(self, x):
            return x + 1 if bool(x.sum() > -1e9) else x

    host = nn.Sequential(Choosing(), *small_host())

    (row,) = quick(host, "se", at="2").rows

    assert row.parameters == 2 * 16 + 16
    assert row.host.memory.peak_bytes > 0


@pytest.mark.slow
@pytest.mark.filterwarnings(
    # torch's own, on loading its compiler
    "ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"
)
def test_both_can_be_compiled():
    found = quick(
        small_host(),
        ["se", "simam"],
        sizes=[8, 9],
        compile=True,
        latency=True,
        seconds=0.001,
    )

    assert all(row.compiled and row.ratios.median > 0 for row in found.rows)


def test_overheads_are_read_back_as_they_were_written(tmp_path):
    found = quick(small_host(), "se", latency=True, seconds=0.001)

    assert Overheads.load(found.save(tmp_path / "found.json")) == found


def test_a_layer_that_cannot_have_the_block_is_refused_or_left_out():
    host = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())

    with pytest.raises(SiteError, match=r"^0: "):
        quick(host, "se", at=["0", "2"])
    assert quick(host, "se", at=["0", "2"], fitting=True).at == "0, 2"


@pytest.mark.parametrize(
    "options", [{"sizes": [0]}, {"batches": [0]}, {"sizes": [(3, 4, 5)]}]
)
def test_a_size_that_is_none_is_refused(options):
    with pytest.raises(OptionError, match=r"^overheads: a shape must be"):
        quick(small_host(), "se", **options)


class Glancing(nn.Module):
    """A block that looks at its numbers, which a map without memory does not have."""

    def __init__(self, channels):
        super().__init__()
        self.amount = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        factor = 2 if x.sum().item() > 0 else 1
        return x * factor * self.amount[:, None, None]


def test_a_block_that_looks_at_its_numbers_is_measured_as_it_runs():
    host = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())

    (row,) = overheads(
        host, Glancing, at="1", sizes=[6], start="paper", latency=False
    ).rows

    assert row.parameters == 8


def test_a_host_over_the_budget_is_not_run_to_find_its_layers():
    kinds = set()

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.act = nn.ReLU()

        def forward(self, x):
            kinds.add((type(x).__name__, x.device.type))
            return self.act(self.conv(x))

    with pytest.warns(CostWarning):
        overheads(Watched(), "se", at="act", sizes=[64], budget_bytes=1)

    assert kinds == {("Tensor", "meta"), ("FakeTensor", "cpu")}


def test_a_name_that_is_none_is_refused_before_anything_is_measured():
    host = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU())
    told = []

    with pytest.raises(UnknownNameError, match="'sse'"):
        overheads(host, ["se", "sse"], at="1", sizes=[8], listen=told.append)

    assert not told


def test_random_numbers_go_on_where_they_were():
    host = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU())
    before = torch.get_rng_state()

    overheads(host, "se", at="1", sizes=[8], seconds=0.01)

    assert torch.equal(torch.get_rng_state(), before)


def test_a_single_size_is_refused_with_what_would_work():
    with pytest.raises(OptionError, match=r"such as sizes=\[224, 640\] and batches"):
        overheads(nn.Sequential(nn.Conv2d(3, 8, 3)), "se", at="0", sizes=32)
