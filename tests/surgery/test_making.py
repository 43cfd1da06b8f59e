"""Which blocks a plan can have, ours and those of the user."""

from pathlib import Path

import pytest
from torch import nn

import foveate as fv
from foveate._loading import load_file
from foveate.errors import (
    OptionError,
    SiteError,
    UnknownNameError,
    UnknownOptionError,
)

small = load_file(Path(__file__).with_name("small.py"))
EXAMPLE = small.EXAMPLE
Double = small.Double


class Halving(Double):
    def forward(self, x):
        return x[..., ::2, ::2]


class Raising(Double):
    def forward(self, x):
        raise RuntimeError("no such kernel")


class Listing(Double):
    def forward(self, x):
        return [x]


class Bare:
    """A class that is no module."""

    def __init__(self, channels):
        self.channels = channels


def conv(channels=3):
    return nn.Conv2d(3, channels, 3, padding=1)


def host():
    return nn.Sequential(
        conv(), nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()), nn.MaxPool2d(2)
    )


def plan(at="1", block="se", net=None, **options):
    return fv.plan(net or host(), block, at=at, example=EXAMPLE, **options)


def reason(at="1", block="se", net=None, **options):
    """Return why the one site that is asked for is refused."""
    found = plan(at, block, net, **options)
    assert found.places == ()
    (refused,) = found.refused
    return refused.reason


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("sse", "no block named 'sse'. Did you mean 'se'"),
        ("gated", "'gated' is a fusion of several maps, .* Blocks of one map: cbam, "),
        (None, r"expected the name of a block or its class, got None \(NoneType\)"),
        (nn.ReLU(), r"got ReLU\(\) \(ReLU\)\. .* give the class, not an object of it"),
        (lambda channels: nn.ReLU(), r"cannot be written into a plan, .* options="),
    ],
    ids=["name", "fusion", "none", "object", "function"],
)
def test_what_is_no_block_says_what_would_be(block, words):
    with pytest.raises((OptionError, UnknownNameError), match=words):
        plan(block=block)


def test_a_class_that_is_not_found_again_by_its_name_is_refused():
    class Hidden(Double):
        pass

    with pytest.raises(
        OptionError, match=r"stands in no module under a name\. Define it"
    ):
        plan(block=Hidden)


def test_a_class_is_written_into_a_plan_as_its_module_has_it():
    (place,) = plan(block=nn.InstanceNorm2d).places

    assert place.block == "torch.nn.modules.instancenorm:InstanceNorm2d"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (Halving, r"must return the shape that it gets, \(2, 8, 16, 8\), and returns"),
        (Raising, r"does not run with a map \(2, 8, 16, 8\): RuntimeError: no such"),
        (Listing, r"must return the shape that it gets"),
        (Bare, r"must make a torch.nn.Module from 8 channels, got <.*Bare"),
        (nn.Dropout, r"cannot be made for 8 channels with options \{\}: ValueError"),
    ],
)
def test_a_block_of_the_user_that_cannot_work_says_why(block, words):
    with pytest.raises(SiteError, match=rf"^1: \S+:{block.__name__} {words}"):
        fv.graft(host(), block, at="1", example=EXAMPLE)


def test_a_block_that_fits_nowhere_is_not_told_to_go_elsewhere():
    with pytest.raises(SiteError) as caught:
        fv.graft(host(), Halving, at="1", example=EXAMPLE)

    assert "fitting" not in str(caught.value)


def test_an_option_that_a_block_of_the_user_refuses_is_named():
    why = reason(block=Double, options={"factor": -1.0})

    assert "cannot be made for 8 channels with options {'factor': -1.0}" in why
    assert "ValueError: factor must be 0 or more" in why


def test_a_block_of_a_file_is_found_there(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from torch import nn\n\n\nclass Mine(nn.InstanceNorm2d):\n    pass\n"
    )

    (place,) = plan(block=f"{path}:Mine").places

    assert place.block == f"{path}:Mine"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("nowhere.py:Mine", "no file nowhere.py."),
        ("no_such_module:Mine", "cannot import no_such_module: No module named"),
        ("torch.nn:Relu", "no 'Relu' in torch.nn."),
    ],
)
def test_a_block_that_is_not_where_it_should_be_says_so_once(block, words):
    with pytest.raises(UnknownNameError, match=words):
        plan(at="**", block=block)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"reductoin": 4}, UnknownOptionError, "no option 'reductoin'. Did you mean"),
        ({"reduction": nn.ReLU}, OptionError, "must be a plain value .*, got <class"),
        ({"reduction": (1, (2,))}, OptionError, r"must be a plain value .*\(1, \(2,\)"),
        (
            {"reduction": (1.5, 2)},
            OptionError,
            r"list of whole numbers or texts\), got",
        ),
        ({"reduction": float("inf")}, OptionError, "must be a plain value .* got inf"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_says_what_would(options, error, words):
    with pytest.raises(error, match=f"se.*{words}"):
        plan(options=options)


def test_a_value_that_the_block_refuses_is_a_refusal_of_the_site():
    why = reason(options={"reduction": 0})

    assert why == "SqueezeExcite: reduction must be greater than 0, got 0."


@pytest.mark.parametrize("block", ["simam", Double], ids=["ours", "user"])
def test_a_start_that_a_block_cannot_have_names_those_that_it_can(block):
    words = r"cannot start as 'gate': .* Use start='identity' or 'paper'\."

    with pytest.raises(OptionError, match=words):
        plan(block=block, start="gate")


@pytest.mark.parametrize("block", ["simam", Double], ids=["ours", "user"])
def test_a_plan_with_a_start_that_the_block_cannot_have_is_refused(block):
    found = plan(block=block)
    gate = found.places[0].model_copy(update={"start": "gate"})
    net = host()

    with pytest.raises(OptionError, match=r"gate.*start='identity'"):
        fv.graft(net, found.model_copy(update={"places": (gate,)}))

    assert list(net.state_dict()) == list(host().state_dict())


def test_a_sized_block_is_told_the_size_of_its_map():
    net = host()

    fv.graft(net, "joint_cbam", at=["0", "2"], example=EXAMPLE)

    blocks = [net[0].foveate.after[0].block, net[2].foveate.after[0].block]
    assert [block.spatial_size for block in blocks] == [(16, 8), (8, 4)]


def test_the_size_of_a_sized_block_may_be_said():
    why = reason(block="joint_cbam", options={"spatial_size": (4, 4)})

    assert "is bound to maps of 4x4 (spatial_size), got 16x8" in why
