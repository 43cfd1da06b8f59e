"""Train blocks otherwise than the host: groups of parameters, a frozen host."""

import copy
import pickle

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError, SiteError
from foveate.surgery import freeze_host, parameter_groups

EXAMPLE = (1, 3, 16, 12)


class Normed(nn.Module):
    """A convolution, a norm, attention and a head with its weight tied to itself."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.gate = nn.Hardswish()
        self.head = nn.Conv2d(8, 8, 1, bias=False)
        self.again = nn.Conv2d(8, 8, 1, bias=False)
        self.again.weight = self.head.weight

    def forward(self, x):
        x = self.gate(self.norm(self.conv(x)))
        return self.again(self.head(x))


def grafted(block="se", **options):
    host = Normed()
    fv.graft(host, block, at="gate", example=EXAMPLE, **options)
    return host


def names_by_group(host, groups):
    names = {id(p): name for name, p in host.named_parameters()}
    return {g["name"]: [names[id(p)] for p in g["params"]] for g in groups}


def train(host, optimizer, steps=3):
    torch.manual_seed(1)
    for _ in range(steps):
        loss = host(torch.randn(4, *EXAMPLE[1:])).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def state_of(host):
    return copy.deepcopy(host.state_dict())


def changed(host, before):
    now = host.state_dict()
    return {key for key in before if not torch.equal(now[key], before[key])}


def test_every_parameter_is_in_one_group_once():
    host = grafted()

    groups = parameter_groups(host, 0.1)

    # a weight that is tied has the first of its names here
    assert names_by_group(host, groups) == {
        "host": ["conv.weight", "head.weight"],
        "host_no_decay": ["conv.bias", "norm.weight", "norm.bias"],
        "blocks": [
            "gate.foveate.after.0.block.fc1.weight",
            "gate.foveate.after.0.block.fc2.weight",
        ],
        "blocks_no_decay": ["gate.foveate.after.0.amount"],
    }


def test_blocks_have_their_own_rate_and_decay():
    groups = parameter_groups(
        grafted(), 0.1, block_lr=1.0, weight_decay=0.01, block_weight_decay=0.5
    )

    assert [(g["name"], g["lr"], g["weight_decay"]) for g in groups] == [
        ("host", 0.1, 0.01),
        ("host_no_decay", 0.1, 0.0),
        ("blocks", 1.0, 0.5),
        ("blocks_no_decay", 1.0, 0.0),
    ]


def test_what_is_not_said_of_blocks_is_that_of_the_host():
    groups = parameter_groups(grafted(), 0.1, weight_decay=0.01)

    assert [(g["lr"], g["weight_decay"]) for g in groups[2:]] == [
        (0.1, 0.01),
        (0.1, 0.0),
    ]


def test_a_rate_of_nothing_for_the_host_is_not_that_of_the_blocks():
    groups = parameter_groups(grafted(), 0.0, block_lr=0.1)

    assert [group["lr"] for group in groups] == [0.0, 0.0, 0.1, 0.1]


def test_groups_without_parameters_are_left_out():
    host = grafted("simam", start="paper")

    groups = parameter_groups(host, 0.1)

    assert [group["name"] for group in groups] == ["host", "host_no_decay"]


def test_frozen_parameters_are_in_no_group():
    host = grafted()
    host.conv.weight.requires_grad_(False)

    groups = parameter_groups(host, 0.1)

    assert names_by_group(host, groups)["host"] == ["head.weight"]


def test_layers_that_were_replaced_are_in_no_group():
    torch.manual_seed(0)
    host = fv.backbones.resnet10(width=16, attention="se")
    fv.swap(host, "eca", example=(1, 3, 32, 32))

    groups = parameter_groups(host, 0.1)

    # a kernel for each of the four blocks, and nothing of the old attention
    named = names_by_group(host, groups)
    assert len(named["blocks"]) == 4
    assert not any("fc1" in name for names in named.values() for name in names)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_optimizers_of_torch_take_the_groups_and_train_all(optimizer):
    host = grafted()
    before = {name: p.detach().clone() for name, p in host.named_parameters()}

    train(host, optimizer(parameter_groups(host, 0.1, weight_decay=0.01)))

    still = {n for n, p in host.named_parameters() if torch.equal(p, before[n])}
    # what a norm follows in training has no say
    assert still <= {"conv.bias"}


def test_training_with_groups_shows_in_the_report():
    host = grafted()
    first = fv.grafts(host, (4, 3, 16, 12))[0].moved

    train(host, torch.optim.SGD(parameter_groups(host, 0.01, block_lr=1.0)))

    assert first == 0
    assert fv.grafts(host, (4, 3, 16, 12))[0].moved > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": -1}, r"lr must be a number of 0 or more, got -1\."),
        ({"lr": 0.1, "block_lr": "1e-3"}, r"block_lr must be .* got '1e-3'\."),
        ({"lr": 0.1, "weight_decay": float("nan")}, "weight_decay must be .* got nan"),
    ],
)
def test_values_that_cannot_work_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        parameter_groups(grafted(), **options)


def test_a_host_that_is_frozen_whole_says_how_to_thaw_it():
    host = grafted("simam", start="paper")
    freeze_host(host)

    with pytest.raises(OptionError, match=r"no parameter is to be .*frozen=False"):
        parameter_groups(host, 0.1)


@pytest.mark.parametrize("call", [lambda h: parameter_groups(h, 0.1), freeze_host])
def test_a_host_without_blocks_says_to_graft_first(call):
    with pytest.raises(SiteError, match=r"Normed has no grafts\. Graft first: fv\.gr"):
        call(Normed())


def test_a_frozen_host_keeps_all_that_is_its_own_while_its_blocks_learn():
    host = grafted("cbam")
    freeze_host(host)
    before = state_of(host)

    host.train()
    train(host, torch.optim.SGD(parameter_groups(host, 0.1)))

    moved = changed(host, before)
    assert moved
    assert all(".foveate." in key for key in moved)


def test_a_host_that_is_not_frozen_lets_its_statistics_drift():
    host = grafted()
    for parameter in (*host.conv.parameters(), *host.norm.parameters()):
        parameter.requires_grad_(False)
    before = state_of(host)

    train(host, torch.optim.SGD(parameter_groups(host, 0.1)))

    assert "norm.running_mean" in changed(host, before)


def test_a_frozen_host_computes_the_same_in_training_and_in_evaluation():
    host = grafted()
    freeze_host(host)
    x = torch.randn(4, *EXAMPLE[1:])

    outputs = [host.train(mode)(x) for mode in (True, False)]

    assert torch.equal(*outputs)


def test_norms_of_blocks_learn_their_statistics_in_a_frozen_host():
    host = grafted("nam")
    freeze_host(host)
    before = state_of(host)

    host.train()
    host(torch.randn(4, *EXAMPLE[1:]))

    moved = {key for key in changed(host, before) if key.endswith("running_mean")}
    assert moved
    assert all(".foveate." in key for key in moved)


@pytest.mark.parametrize(
    "how",
    [copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))],  # noqa: S301
)
def test_copies_of_a_frozen_host_are_frozen_and_thaw(how):
    host = grafted()
    freeze_host(host)
    twin = how(host).train()
    twin(torch.randn(4, *EXAMPLE[1:]))
    kept = twin.norm.running_mean.clone()

    freeze_host(twin, frozen=False)
    twin(torch.randn(4, *EXAMPLE[1:]))

    assert torch.equal(kept, torch.zeros(8))
    assert not torch.equal(twin.norm.running_mean, kept)


def test_freezing_twice_is_freezing_once():
    host = grafted()
    names = freeze_host(host)

    again = freeze_host(host)
    freeze_host(host, frozen=False)

    assert names == [
        "conv.weight",
        "conv.bias",
        "norm.weight",
        "norm.bias",
        "head.weight",
    ]
    assert again == []
    assert not host.norm._forward_pre_hooks


def test_thawing_lets_the_host_learn_in_its_mode_and_leaves_no_trace():
    host = grafted()
    hooks = [list(m._forward_pre_hooks.values()) for m in host.modules()]
    freeze_host(host)

    names = freeze_host(host, frozen=False)

    assert len(names) == 5
    assert all(parameter.requires_grad for parameter in host.parameters())
    assert {module.training for module in host.modules()} == {True}
    assert [list(m._forward_pre_hooks.values()) for m in host.modules()] == hooks


def test_thawing_after_pruning_works_too():
    host = grafted()
    freeze_host(host)
    fv.prune(host)

    freeze_host(host, frozen=False)

    assert all(parameter.requires_grad for parameter in host.parameters())


def test_a_layer_that_was_replaced_is_frozen_with_the_host():
    host = fv.backbones.resnet10(width=16, attention="se")
    fv.swap(host, "eca", example=(1, 3, 32, 32))

    freeze_host(host)
    fv.prune(host)

    assert not any(parameter.requires_grad for parameter in host.parameters())


def test_a_host_that_is_frozen_within_a_wrapper_is_frozen():
    host = grafted()

    freeze_host(nn.DataParallel(host))

    assert not host.conv.weight.requires_grad
    assert host.gate.foveate.after[0].amount.requires_grad


def test_a_frozen_host_compiles_to_one_graph_and_keeps_its_statistics():
    host = grafted()
    freeze_host(host)
    host.train()
    compiled = torch.compile(host, backend="aot_eager", fullgraph=True)
    x = torch.randn(4, *EXAMPLE[1:])

    output = compiled(x)

    torch.testing.assert_close(output, host(x))
    assert torch.equal(host.norm.running_mean, torch.zeros(8))


def test_a_frozen_host_is_exported():
    host = grafted()
    freeze_host(host)
    x = torch.randn(EXAMPLE)

    program = torch.export.export(host.eval(), (x,))

    torch.testing.assert_close(program.module()(x), host(x))


def test_frozen_statistics_are_those_of_timms_norms_too(timm):
    host = timm.create_model("mobilenetv3_small_050")
    fv.graft(host, "eca", at="blocks.1", example=(1, 3, 32, 32))
    freeze_host(host)
    before = state_of(host)

    host.train()
    host(torch.randn(2, 3, 32, 32))

    assert changed(host, before) == set()
