"""Networks whose weights are drawn anew."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError, UnknownNameError
from foveate.explain.randomising import randomised


class Factors(nn.Module):
    """Parameters without a way to draw them."""

    def __init__(self, values):
        super().__init__()
        self.values = nn.Parameter(torch.as_tensor(values))


def small():
    torch.manual_seed(0)
    model = fv.backbones.create("resnet10", width=8, num_classes=3, attention="cbam")
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(1, 2)
                module.weight.normal_()
    return model


def test_every_layer_is_another_and_the_network_itself_is_not_touched():
    model = small()
    before = {key: value.clone() for key, value in model.state_dict().items()}

    other = randomised(model)

    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
    for name, weight in other.named_parameters():
        # a BatchNorm begins with shifts of 0, as this one did
        if weight.dim() > 1 or "bn" in name.split(".")[-2]:
            assert name.endswith("bias") or not weight.equal(before[name]), name


def test_running_statistics_begin_anew():
    other = randomised(small())

    assert (other.bn1.running_mean == 0).all()
    assert (other.bn1.running_var == 1).all()


def test_statistics_of_a_layer_without_parameters_begin_anew():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2, affine=False))
    model[1].running_mean.fill_(3)

    assert randomised(model)[1].running_mean.tolist() == [0, 0]


def test_the_same_seed_draws_the_same_and_another_draws_others():
    model = small()

    one, same, other = (randomised(model, seed=seed) for seed in (1, 1, 2))

    assert torch.equal(one.conv1.weight, same.conv1.weight)
    assert not torch.equal(one.conv1.weight, other.conv1.weight)


def test_random_numbers_of_the_caller_go_on():
    model = small()
    numbers = torch.random.get_rng_state()

    randomised(model)

    assert torch.equal(torch.random.get_rng_state(), numbers)


def test_the_last_layers_alone():
    model = small()

    other = randomised(model, layers=1)

    assert not torch.equal(other.fc.weight, model.fc.weight)
    for key, value in other.state_dict().items():
        assert key.startswith("fc.") or torch.equal(value, model.state_dict()[key])


def test_layers_by_their_paths():
    model = small()

    other = randomised(model, layers=["layer4", "conv1"])

    changed = {
        key.split(".")[0]
        for key, value in other.state_dict().items()
        if not torch.equal(value, model.state_dict()[key])
    }
    assert changed == {"layer4", "conv1"}


def test_parameters_that_no_layer_draws_are_put_in_another_order():
    values = torch.arange(30.0).view(5, 6)

    other = randomised(nn.Sequential(Factors(values)))[0].values

    assert not torch.equal(other, values)
    assert torch.equal(other.flatten().sort().values, values.flatten())


def test_what_a_layer_holds_beside_its_own_is_put_in_another_order():
    layer = nn.Linear(4, 5)
    layer.extra = nn.Parameter(torch.arange(12.0))

    other = randomised(nn.Sequential(layer))[0]

    assert not torch.equal(other.weight, layer.weight)
    assert not torch.equal(other.extra, layer.extra)


def test_modes_and_what_is_learned_stay_as_they_are():
    model = small().eval()
    model.conv1.weight.requires_grad_(requires_grad=False)

    other = randomised(model)

    assert not any(module.training for module in other.modules())
    assert not other.conv1.weight.requires_grad
    assert other.fc.weight.requires_grad


@pytest.mark.slow
def test_a_grafted_host_is_drawn_anew_with_its_blocks():
    model = fv.backbones.create("resnet10", width=8, num_classes=3)
    fv.graft(model, "se", at="layer[3-4].*.bn2", example=(1, 3, 32, 32), start="paper")

    other = randomised(model)

    block, was = other.layer4[0].bn2.foveate, model.layer4[0].bn2.foveate
    for now, before in zip(block.parameters(), was.parameters(), strict=True):
        assert now.numel() == 1 or not torch.equal(now, before)
    assert other(torch.rand(2, 3, 33, 47)).isfinite().all()


def test_an_unknown_path_is_refused_with_near_ones():
    with pytest.raises(UnknownNameError, match=r"at 'conv'. Did you mean 'conv1'"):
        randomised(small(), layers="conv")


def test_no_layers_and_no_parameters_are_refused():
    with pytest.raises(OptionError, match="layers must be greater than 0, got 0"):
        randomised(small(), layers=0)
    with pytest.raises(OptionError, match="ReLU has no parameters"):
        randomised(nn.ReLU())


def test_a_network_without_weights_is_refused():
    with pytest.raises(OptionError, match="meta device"):
        randomised(nn.Linear(2, 3, device="meta"))


def test_a_network_that_cannot_be_copied_says_so():
    layer = nn.Linear(2, 2)
    del layer.weight
    layer.weight = torch.ones(2, 2, requires_grad=True) * 2

    with pytest.raises(OptionError, match="Linear cannot be copied"):
        randomised(layer)


class Asking(nn.Module):
    """A layer whose way to draw its parameters wants to be told how."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(20.0))

    def reset_parameters(self, gain):
        raise AssertionError(gain)


def test_parameters_that_only_the_network_can_draw_are_put_in_another_order():
    model = nn.Sequential(Asking())

    drawn = randomised(model)[0].weight

    assert not drawn.equal(model[0].weight)
    assert drawn.sort().values.equal(model[0].weight)
