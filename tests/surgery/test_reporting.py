"""What is said of the blocks of a host, and of how far they have moved."""

import copy

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError
from foveate.records import Grafts

EXAMPLE = (1, 3, 9, 7)


class Half(nn.Module):
    """A block that halves its map."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        return x / 2


class Broken(Half):
    """A block that divides by nothing."""

    def forward(self, x):
        return x + torch.tensor(float("inf"))


class Fork(nn.Module):
    """A host that returns two maps of one of its layers."""

    def __init__(self):
        super().__init__()
        self.both = Both()

    def forward(self, x):
        return self.both(x)


class Both(nn.Module):
    def forward(self, x):
        return x, x[:, :2]


def network():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))


def test_a_host_without_grafts_says_so():
    report = fv.grafts(network())

    assert (len(report), str(report)) == (0, "Sequential has no grafts.")


def test_a_block_that_starts_as_the_identity_has_not_moved():
    host = network()
    fv.graft(host, "cbam", at="1", example=EXAMPLE)

    (block,) = fv.grafts(host, EXAMPLE)

    assert (block.amount, block.largest_amount, block.moved) == (0, 0, 0)


@pytest.mark.parametrize(
    ("name", "start"), [("se", "gate"), ("criss_cross", "identity")]
)
def test_starts_without_a_blend_have_no_amount_and_have_not_moved(name, start):
    host = network()
    fv.graft(host, name, at="1", example=EXAMPLE, start=start)

    (block,) = fv.grafts(host, EXAMPLE)

    assert (block.amount, block.largest_amount, block.moved) == (None, None, 0)


def test_a_block_that_halves_its_map_has_moved_by_a_half():
    host = network()
    fv.graft(host, Half, at="1", example=EXAMPLE, start="paper")

    (block,) = fv.grafts(host, EXAMPLE)

    assert block.moved == pytest.approx(0.5)


def test_the_amounts_of_a_blend_are_told_without_their_signs():
    host = network()
    fv.graft(host, Half, at="2", example=EXAMPLE)
    host[2].foveate.after[0].amount.data = torch.tensor([0.0, -0.5, 0.1, 0.2])

    (block,) = fv.grafts(host)

    # of 0, 0.5, 0.1 and 0.2
    assert block.amount == pytest.approx(0.2)
    assert block.largest_amount == pytest.approx(0.5)


def test_a_blend_moves_by_its_share_of_the_block():
    host = network()
    fv.graft(host, Half, at="2", example=EXAMPLE)
    host[2].foveate.after[0].amount.data.fill_(0.2)

    (block,) = fv.grafts(host, EXAMPLE)

    # a fifth of the way to a half
    assert block.moved == pytest.approx(0.1)


def test_without_images_nothing_is_measured():
    host = network()
    fv.graft(host, "se", at="1", example=EXAMPLE)

    assert fv.grafts(host)[0].moved is None


def test_the_parameters_of_the_blend_are_counted():
    host = network()
    fv.graft(host, "se", at="1", example=EXAMPLE)

    # 8 * 1 and 1 * 8 without biases, and 8 amounts
    assert fv.grafts(host)[0].parameters == 24


def test_rows_come_in_the_order_of_the_host_and_name_their_places():
    host = network()
    fv.graft(host, "simam", at="2", example=EXAMPLE, position="before", start="paper")
    fv.graft(host, "eca", at="1", example=EXAMPLE, position="replace")

    report = fv.grafts(host)

    assert [(b.position, b.path, b.block, b.start) for b in report] == [
        ("replace", "1", "eca", "identity"),
        ("before", "2", "simam", "paper"),
    ]


def test_each_map_of_a_layer_has_a_row():
    host = Fork()
    fv.graft(host, Half, at="both", example=EXAMPLE, start="paper")

    report = fv.grafts(host, EXAMPLE)

    assert [block.map for block in report] == [0, 1]
    assert "after both (map 1)" in str(report)


def test_training_moves_the_blocks():
    host = network()
    fv.graft(host, "se", at="1", example=EXAMPLE)
    optimizer = torch.optim.SGD(host.parameters(), lr=0.1)

    for _ in range(3):
        loss = host(torch.randn(4, 3, 9, 7)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    (block,) = fv.grafts(host, EXAMPLE)
    assert block.amount > 0
    assert block.moved > 0


def test_the_host_is_left_as_it_was():
    host = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Dropout()).train()
    fv.graft(host, "cbam", at="1", example=EXAMPLE)
    state, random = copy.deepcopy(host.state_dict()), torch.get_rng_state()

    fv.grafts(host, (4, 3, 9, 7))

    assert all(
        torch.equal(value, state[key]) for key, value in host.state_dict().items()
    )
    assert {module.training for module in host.modules()} == {True}
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(m._forward_hooks for m in host[1].foveate.modules())


@torch.no_grad()
def test_a_host_that_was_compiled_is_measured_too():
    host = network()
    fv.graft(host, Half, at="1", example=EXAMPLE, start="paper")
    compiled = torch.compile(host, backend="eager")
    compiled(torch.randn(EXAMPLE))

    (block,) = fv.grafts(compiled, EXAMPLE)

    assert block.moved == pytest.approx(0.5)


@torch.no_grad()
def test_a_host_that_was_compiled_in_place_is_measured_too():
    host = network()
    fv.graft(host, Half, at="1", example=EXAMPLE, start="paper")
    host.compile(backend="eager")
    host(torch.randn(EXAMPLE))

    (block,) = fv.grafts(host, EXAMPLE)

    assert block.moved == pytest.approx(0.5)


def test_a_map_of_zeros_says_why_it_has_no_number():
    host = network()
    fv.graft(host, Half, at="1", example=EXAMPLE, start="paper")
    for parameter in host.parameters():
        parameter.data.zero_()

    (block,) = fv.grafts(host, EXAMPLE)

    assert (block.moved, block.note) == (None, "gets only zeros")


def test_a_block_that_broke_in_training_says_so():
    host = network()
    fv.graft(host, "se", at="1", example=EXAMPLE)
    host[1].foveate.after[0].amount.data[3] = float("nan")

    (block,) = fv.grafts(host, EXAMPLE)

    assert (block.amount, block.note) == (None, "its amounts are not finite")


def test_a_map_that_is_not_finite_says_so():
    host = network()
    fv.graft(host, Broken, at="1", example=EXAMPLE, start="paper")

    (block,) = fv.grafts(host, EXAMPLE)

    assert (block.moved, block.note) == (None, "its map is not finite")


def test_a_block_that_does_not_run_with_these_images_says_so():
    class Choosy(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return self.wide(x) if x.shape[-1] > 8 else self.narrow(x)

    host = Choosy()
    fv.graft(host, "se", at="wide", example=(1, 3, 9, 9))

    (block,) = fv.grafts(host, (1, 3, 7, 7))

    assert (block.moved, block.note) == (None, "did not run")


def test_a_host_without_memory_says_why_it_has_no_numbers():
    with torch.device("meta"):
        host = network()
    fv.graft(host, "se", at="1", example=EXAMPLE)

    (block,) = fv.grafts(host, EXAMPLE)

    assert (block.amount, block.moved) == (None, None)
    assert block.note == "has no values on the meta device"


def test_half_precision_does_not_run_over():
    host = network().to(torch.float16)
    fv.graft(host, Half, at="1", example=EXAMPLE, start="paper")
    x = torch.full((1, 3, 60, 60), 100.0, dtype=torch.float16)

    (block,) = fv.grafts(host, x)

    assert block.moved == pytest.approx(0.5)


def test_a_host_that_does_not_run_with_the_example_says_so():
    host = network()
    fv.graft(host, "se", at="1", example=EXAMPLE)

    with pytest.raises(OptionError, match="example: Sequential does not run with"):
        fv.grafts(host, (1, 5, 9, 7))


def test_what_is_no_host_is_refused():
    with pytest.raises(OptionError, match=r"expected a host.*got 'resnet18' \(str\)"):
        fv.grafts("resnet18")


def test_the_record_is_read_back_as_it_was_written(tmp_path):
    host = network()
    fv.graft(host, "se", at="1", example=EXAMPLE)
    report = fv.grafts(host, EXAMPLE)

    assert Grafts.load(report.save(tmp_path / "grafts.yaml")) == report
