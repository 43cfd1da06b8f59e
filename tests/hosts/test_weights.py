"""Files of weights, loaded into a network in full or not at all."""

import argparse
import re

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from foveate import hosts
from foveate.errors import WeightsError
from foveate.surgery import graft

WRAPPED = ("state_dict", "model", "model_state_dict", "ema")


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, 2))


@pytest.fixture
def weights():
    """Weights that no network starts with."""
    state = network().state_dict()
    return {key: torch.full_like(value, 3) for key, value in state.items()}


def holds(model, weights):
    return all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())


def under(prefix, weights):
    return {f"{prefix}{key}": value for key, value in weights.items()}


def shape(weights):
    """Return what the file may hold around the weights."""
    return {
        "plain": weights,
        **{part: {part: weights, "epoch": 3, "optimizer": {}} for part in WRAPPED},
        "ema beside nothing": {"model": None, "ema": weights},
        "DataParallel": under("module.", weights),
        "compiled": under("_orig_mod.", weights),
        "compiled in DataParallel": {"model": under("module._orig_mod.", weights)},
    }


@pytest.mark.parametrize("kind", shape({}))
def test_loads_what_torch_saved(kind, weights, tmp_path):
    torch.save(shape(weights)[kind], tmp_path / "last.pt")
    model = network()

    hosts.load_weights(model, tmp_path / "last.pt")

    assert holds(model, weights)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_loads_safetensors(prefix, weights, tmp_path):
    save_file(under(prefix, weights), tmp_path / "model.safetensors")
    model = network()

    hosts.load_weights(model, str(tmp_path / "model.safetensors"))

    assert holds(model, weights)


@pytest.mark.parametrize("wrapper", ["", "module."])
def test_loads_what_stands_under_a_prefix_and_nothing_else(wrapper, weights, tmp_path):
    beside = {"head.weight": torch.ones(1)}
    state = under(wrapper, {**under("backbone.", weights), **beside})
    torch.save(state, tmp_path / "last.pt")
    model = network()

    hosts.load_weights(model, tmp_path / "last.pt", prefix="backbone.")

    assert holds(model, weights)


def test_loads_into_a_network_in_data_parallel(weights, tmp_path):
    torch.save(weights, tmp_path / "last.pt")
    model = network()

    hosts.load_weights(nn.DataParallel(model), tmp_path / "last.pt")

    assert holds(model, weights)


def test_a_count_of_batches_may_be_absent(weights, tmp_path):
    torch.save(
        {k: v for k, v in weights.items() if k != "1.num_batches_tracked"},
        tmp_path / "old.pt",
    )
    model = network()

    hosts.load_weights(model, tmp_path / "old.pt")

    assert model[1].num_batches_tracked == 0
    assert torch.equal(model[1].running_mean, weights["1.running_mean"])


def test_names_what_is_missing_unexpected_and_of_another_shape(weights, tmp_path):
    del weights["0.bias"]
    weights["9.weight"] = torch.ones(1)
    weights["2.weight"] = torch.ones(5, 4)
    torch.save(weights, tmp_path / "last.pt")

    with pytest.raises(
        WeightsError,
        match=re.escape(
            "last.pt: its weights do not fit Sequential. Missing: 0.bias. Unexpected: "
            "9.weight. Of another shape: 2.weight is (5, 4), needed (2, 4)."
        ),
    ):
        hosts.load_weights(network(), tmp_path / "last.pt")


def test_weights_that_are_not_finite_are_refused(weights, tmp_path):
    weights["0.bias"][1] = float("nan")
    save_file(weights, tmp_path / "broken.safetensors")
    model = network()

    with pytest.raises(WeightsError, match=r"not finite \(NaN or infinity\) in 0.bias"):
        hosts.load_weights(model, tmp_path / "broken.safetensors")

    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_weights_of_a_network_with_blocks_are_told_how_to_be_written(tmp_path):
    grafted = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    graft(grafted, "se", at="1", example=(1, 3, 8, 8))
    torch.save(grafted.state_dict(), tmp_path / "last.pt")

    with pytest.raises(
        WeightsError,
        match=re.escape(
            "It is of a network with blocks. Write a file of its host alone: "
            "torch.save(fv.surgery.host_state_dict(model), path)."
        ),
    ):
        hosts.load_weights(network(), tmp_path / "last.pt")


def test_a_network_that_refuses_weights_is_left_as_it_was(weights, tmp_path):
    del weights["2.bias"]
    torch.save(weights, tmp_path / "last.pt")
    model = network()
    before = {key: value.clone() for key, value in model.state_dict().items()}

    with pytest.raises(WeightsError):
        hosts.load_weights(model, tmp_path / "last.pt")

    assert holds(model, before)


def test_of_many_keys_that_are_missing_a_message_names_some(tmp_path):
    torch.save({"0.weight": torch.ones(1, 1)}, tmp_path / "last.pt")
    model = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in range(12)))

    with pytest.raises(WeightsError, match=r"Missing: 1\.weight, .* and 3 more\."):
        hosts.load_weights(model, tmp_path / "last.pt")


def test_says_under_which_prefix_the_keys_stand(weights, tmp_path):
    torch.save(under("net.body.", weights), tmp_path / "last.pt")

    with pytest.raises(WeightsError, match=r"They stand under prefix='net\.body\.'\.$"):
        hosts.load_weights(network(), tmp_path / "last.pt")


def test_a_prefix_that_no_key_has_is_named(weights, tmp_path):
    torch.save(weights, tmp_path / "last.pt")

    with pytest.raises(WeightsError, match=r"no key begins with 'net\.'. The keys are"):
        hosts.load_weights(network(), tmp_path / "last.pt", prefix="net.")


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (nn.Linear(1, 1), "needs code to be read (torch.nn.modules.linear.Linear)"),
        (
            {"state_dict": {"weight": torch.ones(1)}, "args": argparse.Namespace(a=1)},
            "needs code to be read (argparse.Namespace), which could do anything, so "
            "it is not loaded. Where you trust it, write its tensors alone: "
            "torch.save(model.state_dict(), path).",
        ),
        ({"epoch": 3, "model": None}, "no state dict but a dict of 'epoch', 'model'."),
        ({}, "holds no state dict but an empty dict."),
        ([torch.ones(1)], "holds no state dict but a list."),
    ],
)
def test_refuses_what_is_no_state_dict(held, message, tmp_path):
    torch.save(held, tmp_path / "last.pt")

    with pytest.raises(WeightsError, match=re.escape(message)):
        hosts.load_weights(network(), tmp_path / "last.pt")


def halved(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("name", ["last.pt", "last.safetensors"])
def test_says_that_a_file_is_cut_short(name, weights, tmp_path):
    path = tmp_path / name
    save = save_file if path.suffix == ".safetensors" else torch.save
    save(weights, path)
    halved(path)

    with pytest.raises(WeightsError, match=r"cannot be read as weights \(.*cut short"):
        hosts.load_weights(network(), path)


@pytest.mark.parametrize("content", [b"", b"hello there", b"version https://git-lfs"])
@pytest.mark.parametrize("name", ["last.pth", "last.safetensors"])
def test_says_that_a_file_holds_no_weights(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(WeightsError, match=rf"^{name}: cannot be read as weights"):
        hosts.load_weights(network(), tmp_path / name)


def test_says_that_there_is_no_file(tmp_path):
    with pytest.raises(WeightsError, match=r"no file .*nowhere\.pt\."):
        hosts.load_weights(network(), tmp_path / "nowhere.pt")


def test_a_network_without_room_for_values_is_refused(weights, tmp_path):
    torch.save(weights, tmp_path / "last.pt")

    with pytest.raises(WeightsError, match=r"is on the meta device.*to_empty"):
        hosts.load_weights(network().to("meta"), tmp_path / "last.pt")


@pytest.mark.parametrize("skip", [["2"], ["2.*"], ["2.weight", "2.bias"], ["[2]"]])
def test_what_is_skipped_keeps_its_weights(skip, weights, tmp_path):
    torch.save({**weights, "2.weight": torch.zeros(9, 4)}, tmp_path / "last.pt")
    model = network()
    head = model[2].weight.clone()

    hosts.load_weights(model, tmp_path / "last.pt", skip=skip)

    assert torch.equal(model[2].weight, head)
    assert torch.equal(model[0].weight, weights["0.weight"])


def test_what_is_skipped_may_be_absent_from_the_file(weights, tmp_path):
    trunk = {key: value for key, value in weights.items() if not key.startswith("2.")}
    torch.save(trunk, tmp_path / "last.pt")
    model = network()

    hosts.load_weights(model, tmp_path / "last.pt", skip=["2"])

    assert torch.equal(model[0].weight, weights["0.weight"])


def test_what_is_to_be_skipped_must_be_there(weights, tmp_path):
    torch.save(weights, tmp_path / "last.pt")

    with pytest.raises(
        WeightsError,
        match=r"^Sequential: no weight is called 'head', which is to be skipped. Known",
    ):
        hosts.load_weights(network(), tmp_path / "last.pt", skip=["head"])
