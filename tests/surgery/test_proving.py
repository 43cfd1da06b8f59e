"""The self-check: what it catches, what it says, and that the host is as it was."""

import dataclasses
import random
from collections import namedtuple

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import ShapeError, SiteError

EXAMPLE = (1, 3, 16, 8)

Pair = namedtuple("Pair", "fine coarse")


class Walking(nn.Module):
    """A layer that runs whatever children it has."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.act = nn.ReLU()

    def forward(self, x):
        for child in self.children():
            x = child(x)
        return x


class Long(Walking):
    """The same with more children than a message names."""

    def __init__(self):
        super().__init__()
        for number in range(7):
            self.add_module(f"b{number}", nn.ReLU())


class Counting(Walking):
    """A layer that counts its children."""

    def forward(self, x):
        return self.act(x) * len(list(self.children()))


class Choosy(Walking):
    """A layer that breaks at a child that it does not know."""

    def forward(self, x):
        for name, _ in self.named_children():
            x = {"conv": self.conv, "act": self.act}[name](x)
        return x


class Unsteady(nn.Module):
    """A host that draws numbers that are not torch's."""

    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(x) + random.random()


class Drawing(Unsteady):
    """A host that draws numbers of torch's."""

    def forward(self, x):
        return self.act(x) + torch.rand(())


class Changed(nn.Module):
    """A host that reads a map again after its activation has changed it."""

    def __init__(self, *, inplace=True):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.act = nn.ReLU(inplace=inplace)

    def forward(self, x):
        x = self.conv(x)
        return self.act(x) + x


class Overwriting(nn.Module):
    """A host that changes its input."""

    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(x.sub_(0.5))


class Listed(nn.Module):
    """A host that runs its layer from a list."""

    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()
        self.all = [self.act]

    def forward(self, x):
        for layer in self.all:
            x = layer(x)
        return x


class Reading(nn.Module):
    """A host that reads the weights of its layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(x.to(self.conv.weight.dtype))


class Maps(nn.Module):
    """A layer that returns several maps, as ``form`` makes them."""

    def __init__(self, form):
        super().__init__()
        self.form = form

    def forward(self, x):
        return self.form(x, x[..., ::2, ::2])


class Several(nn.Module):
    """A host of a layer with several maps, which it returns."""

    def __init__(self, form):
        super().__init__()
        self.maps = Maps(form)

    def forward(self, x):
        return self.maps(x)


class Infinite(nn.Module):
    """A block whose answer is not finite."""

    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        return x / 0


class Fickle(Infinite):
    """A block that needs two images."""

    def forward(self, x):
        if len(x) < 2:
            raise RuntimeError("two images or more")
        return x


class Shrinking(Infinite):
    """A block that keeps the shape of zeros only."""

    def forward(self, x):
        return x[:1, :1] if x.any() else x


class Masked(nn.Module):
    """A host whose map is not finite."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        return self.act(x.log()).sigmoid()


@dataclasses.dataclass
class Answer:
    """What a host may return."""

    scores: torch.Tensor


class Answering(Unsteady):
    def forward(self, x):
        return Answer(super().forward(x))


def state(host):
    """Return all that a graft could change."""
    modules = [
        (path, id(module), module.training, dict(module._forward_hooks))
        for path, module in host.named_modules()
    ]
    before = [dict(module._forward_pre_hooks) for module in host.modules()]
    tensors = {key: value.clone() for key, value in host.state_dict().items()}
    return modules, before, tensors


def same(one, other):
    return one[:2] == other[:2] and all(
        value.equal(other[2][key]) for key, value in one[2].items()
    )


CAUGHT = {
    "runs its children": (
        nn.Sequential(Walking()),
        {"at": "0"},
        "0: Walking does something with each of its children, so a block cannot be one "
        "of them. Graft to one of them: 0.conv, 0.act.",
    ),
    "runs its many children": (
        nn.Sequential(Long()),
        {"at": "0"},
        "0: Long does something with each of its children, so a block cannot be one of "
        "them. Graft to one of them: 0.b6, 0.b5, 0.b4, 0.b3, 0.b2, 0.b1 and 3 more.",
    ),
    "counts its children": (
        nn.Sequential(Counting()),
        {"at": "0"},
        "0: Counting does something with each of its children, so a block cannot be "
        "one of them. Graft to one of them: 0.conv, 0.act. Seen: the host's output "
        "changes.",
    ),
    "breaks": (
        nn.Sequential(Choosy()),
        {"at": "0"},
        "0: Choosy does something with each of its children, so a block cannot be one "
        "of them. Graft to one of them: 0.conv, 0.act. Seen: KeyError: 'foveate'",
    ),
    "unsteady": (
        Unsteady(),
        {"at": "act"},
        "the host computes something else at each run, so it cannot be proven that a "
        "block changes nothing. Make it answer the same in evaluation: fix its random "
        "numbers, and what it keeps from run to run.",
    ),
    "unsteady within an answer": (
        Answering(),
        {"at": "act"},
        "the host computes something else at each run",
    ),
    "in place": (
        Changed(),
        {"at": "act", "position": "before"},
        "act: a later layer changes this map in place, as with inplace=True, and the "
        "host reads it elsewhere too, which a block would come between. Let that layer "
        "make a new map (inplace=False), or graft to another.",
    ),
    "in place, with another start": (
        Changed(),
        {"at": "act", "position": "before", "start": "paper"},
        "act: a later layer changes this map in place",
    ),
    "run from a list": (
        Listed(),
        {"at": "act", "position": "replace"},
        "act: the host does not reach this layer by its name only, so what stands in "
        "its place ran 0 times. Graft after it instead.",
    ),
    "read": (
        Reading(),
        {"at": "conv", "position": "replace"},
        "with its blocks the host does not run: AttributeError: 'Replacement' object "
        "has no attribute 'weight'",
    ),
    "infinite": (
        nn.Sequential(nn.ReLU()),
        {"at": "0", "block": Infinite},
        ":Infinite does not start as the identity with start='identity': its own "
        "output is not finite there. Use another block or another layer, or "
        "start='paper' to have it all the same.",
    ),
    "infinite map": (
        Masked(),
        {"at": "act"},
        "act: se does not start as the identity with start='identity': the map that "
        "it gets is not finite there.",
    ),
    "block that breaks": (
        nn.Sequential(nn.ReLU()),
        {"at": "0", "block": Fickle},
        "with its blocks the host does not run: RuntimeError: two images or more",
    ),
    "block that changes the shape": (
        nn.Sequential(nn.ReLU()),
        {"at": "0", "block": Shrinking, "start": "paper"},
        ":Shrinking must return the shape that it gets, (1, 3, 16, 8).",
    ),
}
"""By what is amiss: a host, what is asked for, and what is said."""


@pytest.fixture(params=CAUGHT.values(), ids=CAUGHT)
def caught(request):
    return request.param


def attempt(host, keywords):
    keywords = {"block": "se", "example": EXAMPLE} | keywords
    with pytest.raises(SiteError) as error:
        fv.graft(host, **keywords)
    return str(error.value)


def test_what_is_caught_is_said(caught):
    host, keywords, words = caught

    assert words in attempt(host, keywords)


def test_what_is_caught_leaves_the_host_as_it_was(caught):
    host, keywords, _ = caught
    before = state(host)

    attempt(host, keywords)

    assert same(state(host), before)


@pytest.mark.parametrize(
    ("host", "keywords"),
    [
        (nn.Sequential(Walking()), {"at": "0.act"}),
        (nn.Sequential(Counting()), {"at": "0.act"}),
        (nn.Sequential(Choosy()), {"at": "0.conv"}),
        (Changed(inplace=False), {"at": "act", "position": "before"}),
        (Changed(), {"at": "conv"}),
        (Listed(), {"at": "act"}),
        (Reading(), {"at": "conv"}),
        (nn.Sequential(nn.ReLU()), {"at": "0", "block": Infinite, "start": "paper"}),
        (Masked(), {"at": "act", "start": "paper"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_what_is_offered_instead_works(host, keywords):
    done = fv.graft(host, **({"block": "se", "example": EXAMPLE} | keywords))

    assert len(done.places) == 1


def test_only_the_layer_that_is_amiss_is_named():
    host = nn.Sequential(nn.Conv2d(3, 3, 1), Walking(), nn.ReLU())

    assert attempt(host, {"at": ["0", "1", "2"]}).startswith("1: Walking does")


def test_a_host_that_draws_numbers_of_torch_is_proven():
    host = Drawing()

    done = fv.graft(host, "se", at="act", example=EXAMPLE)

    assert done.places[0].path == "act"


def test_a_host_that_changes_its_input_is_proven():
    example = torch.ones(EXAMPLE)

    fv.graft(Overwriting(), "se", at="act", example=example)

    assert example.equal(torch.ones(EXAMPLE))


@pytest.mark.parametrize(
    "form",
    [
        lambda fine, coarse: (fine, coarse),
        lambda fine, coarse: [fine, coarse],
        lambda fine, coarse: {"fine": fine, "coarse": coarse},
        Pair,
        lambda fine, coarse: {"maps": [fine, (coarse,)]},
    ],
    ids=["tuple", "list", "dict", "named tuple", "nested"],
)
def test_a_layer_of_several_maps_gets_a_block_for_each(form):
    host = Several(form)

    done = fv.graft(host, "se", at="maps", example=EXAMPLE)

    assert [str(shape) for shape in done.places[0].maps] == ["3 x 16x8", "3 x 8x4"]
    assert len(host.maps.foveate.after) == 2


def test_several_maps_come_back_in_the_form_that_they_had():
    host = Several(Pair)
    x = torch.randn(EXAMPLE)
    before = host(x)

    fv.graft(host, "se", at="maps", example=EXAMPLE)

    after = host(x)
    assert type(after) is Pair
    assert after.fine.equal(before.fine)
    assert after.coarse.equal(before.coarse)


def test_each_of_several_maps_runs_a_block_of_its_own():
    host = Several(Pair)
    x = torch.randn(EXAMPLE)
    before = host(x)
    fv.graft(host, "se", at="maps", example=EXAMPLE)

    host.maps.foveate.after[1].amount.data.fill_(1)

    after = host(x)
    assert after.fine.equal(before.fine)
    assert not after.coarse.equal(before.coarse)


def test_a_layer_that_has_more_maps_in_training_says_so():
    host = Several(Pair)
    fv.graft(host, "se", at="maps", example=EXAMPLE)
    host.maps.form = lambda fine, coarse: (fine, coarse, coarse)
    words = "maps: has blocks for 2 maps, and now there are 3, as in some hosts in"

    with pytest.raises(ShapeError, match=words):
        host(torch.randn(EXAMPLE))


def test_a_layer_that_has_fewer_maps_in_training_says_so():
    host = Several(Pair)
    fv.graft(host, "se", at="maps", example=EXAMPLE)
    host.maps.form = lambda fine, coarse: fine

    with pytest.raises(ShapeError, match="for 2 maps, and now there are 1"):
        host(torch.randn(EXAMPLE))
