"""Memory that a call holds and keeps, against numbers worked out by hand."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate import backbones
from foveate.errors import OptionError
from foveate.profile import memory, peak_bytes, saved_bytes

SHAPE = (2, 3, 7, 5)
MAP = 2 * 3 * 7 * 5 * 4
"""Bytes of one map in float32."""


class Call(nn.Module):
    """Call a function; it has no parameters."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_the_peak_is_what_is_held_at_once():
    def step(x):
        y = x + 1
        z = y + 1  # two maps are held
        del y
        return z + 1  # and two again

    assert peak_bytes(step, torch.ones(SHAPE)) == 2 * MAP


def test_views_and_changes_in_place_hold_nothing():
    assert peak_bytes(lambda x: x.flatten(1).add_(1)[:, ::2], torch.ones(SHAPE)) == 0


def test_parameters_buffers_and_inputs_are_not_in_the_peak():
    model = nn.Sequential(nn.Flatten(), nn.Linear(105, 4), nn.BatchNorm1d(4))

    # the two outputs of 2 x 4 numbers; the norm holds three empty results besides
    assert peak_bytes(model, torch.ones(SHAPE)) == 2 * 2 * 4 * 4


def test_a_storage_that_is_kept_twice_counts_once():
    # x * x keeps x for both of its factors, and x is what exp comes from
    assert saved_bytes(lambda x: x * x, torch.ones(SHAPE)) == MAP
    assert saved_bytes(lambda x: (x * x).exp(), torch.ones(SHAPE)) == 2 * MAP


def test_a_slice_that_is_kept_counts_as_the_whole_that_it_keeps_alive():
    def sliced(x):
        return (x + 1)[:, :1].square()

    assert saved_bytes(sliced, torch.ones(SHAPE)) == MAP


def test_weights_that_are_kept_are_there_anyway():
    conv = nn.Conv2d(3, 8, 1)

    assert saved_bytes(conv, torch.ones(SHAPE)) == MAP


def test_whole_numbers_are_taken_as_they_are():
    table = nn.Embedding(10, 4)
    places = torch.zeros(2, 3, dtype=torch.int64)

    assert saved_bytes(table, places) == 2 * 3 * 8


@pytest.mark.parametrize("training", [True, False])
def test_a_module_keeps_what_its_mode_keeps_and_is_left_as_it_was(training):
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3).train(training)
    state = {name: value.clone() for name, value in norm.state_dict().items()}
    random = torch.get_rng_state()

    model = nn.Sequential(norm, nn.Dropout(0.5)).train(training)
    found = saved_bytes(model, torch.ones(SHAPE))

    # in training: the map, mean and deviation of 3 channels, and the factors of dropout
    kept = MAP + 2 * 3 * 4 + MAP
    assert found == (kept if training else MAP)
    assert norm.training is training
    assert all(torch.equal(norm.state_dict()[key], state[key]) for key in state)
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("name", ["se", "cbam", "simam", "criss_cross", "soca"])
def test_what_is_followed_without_memory_is_what_really_runs(name):
    block = fv.create(name, 64)
    shape = (2, 64, 33, 31)
    x = torch.ones(shape)

    found = memory(block, shape)

    assert found.peak_bytes == peak_bytes(block, x)
    assert found.saved_bytes == saved_bytes(block, x)
    assert not found.measured


def test_kernels_keep_what_they_promise_also_without_memory():
    map_bytes = 64 * 33 * 31 * 4
    block = fv.create("simam", 64)
    taken = fv.ops.explain(block, torch.ones(1, 64, 33, 31))

    found = memory(block, (1, 64, 33, 31)).saved_bytes

    if taken[0].path != "native":
        pytest.skip(f"no compiled kernels here: {taken[0]}")
    # the input, and two numbers a channel
    assert found == map_bytes + 64 * 2 * 4


def test_a_network_is_followed_as_in_training_and_left_as_it_was():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5)).eval()

    found = memory(model, SHAPE)

    assert found.saved_bytes == MAP + 2 * 3 * 4 + MAP
    assert not any(module.training for module in model.modules())
    assert model[0].num_batches_tracked == 0


def test_what_cannot_train_on_one_image_is_followed_in_evaluation():
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3))

    # the norm keeps the 3 means
    assert memory(model, (1, 3, 7, 5)).saved_bytes == 3 * 4


def test_a_network_without_memory_is_followed_as_on_a_processor():
    with torch.device("meta"):
        abstract = backbones.resnet10(width=16, attention="simam")
    real = backbones.resnet10(width=16, attention="simam")

    assert memory(abstract, (2, 3, 65, 47)) == memory(real, (2, 3, 65, 47))
    assert all(p.is_meta for p in abstract.parameters())


def test_what_does_not_fit_this_machine_can_be_asked_for():
    side = 4096

    found = memory(nn.Sigmoid(), (64, 64, side, side))

    assert found.peak_bytes == 64 * 64 * side**2 * 4 == 2**38


def test_a_network_that_looks_at_its_numbers_is_followed_as_it_runs():
    def choose(x):
        return x + 1 if bool(x.sum() >= 0) else x

    # the sum of 4 bytes and what tells of it in 1 are gone by then
    assert memory(Call(choose), SHAPE).peak_bytes == MAP


def test_a_shared_parameter_stays_shared():
    first, second = nn.Linear(5, 5, bias=False), nn.Linear(5, 5, bias=False)
    second.weight = first.weight

    found = memory(nn.Sequential(first, second), SHAPE)

    # each keeps its input
    assert found.saved_bytes == 2 * MAP


def test_a_shape_that_is_none_is_refused():
    with pytest.raises(OptionError, match=r"^memory: a shape must be .* got \(3, 7\)"):
        memory(nn.ReLU(), (3, 7))
