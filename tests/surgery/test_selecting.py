"""Which layers a selector means."""

import re

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError, SiteError

EXAMPLE = (1, 3, 32, 32)


class Basic(nn.Module):
    """A layer with layers of its own."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.bn(self.conv(x))


class WideBasic(Basic):
    """Another with the same."""


class Net(nn.Module):
    """A host whose stages are numbered, as torchvision's are."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Basic(), Basic())
        self.layer2 = nn.Sequential(WideBasic(), nn.MaxPool2d(2))
        self.head = nn.Flatten()

    def forward(self, x):
        return self.head(self.layer2(self.layer1(self.stem(x))))


def named(value):
    """Return an id that is the same in every process."""
    return value if isinstance(value, str) else getattr(value, "__name__", None)


@pytest.fixture(scope="module")
def net():
    with torch.device("meta"):
        return Net()


def chosen(net, at):
    return [site.path for site in fv.sites(net, EXAMPLE, at=at)]


@pytest.mark.parametrize(
    ("at", "paths"),
    [
        # a path is itself only
        ("layer1", ["layer1"]),
        ("layer1.0.bn", ["layer1.0.bn"]),
        # a star stays within one part
        ("layer*", ["layer1", "layer2"]),
        ("layer1.*", ["layer1.0", "layer1.1"]),
        ("*.*.bn", ["layer1.0.bn", "layer1.1.bn", "layer2.0.bn"]),
        # two stars span parts, none included
        ("**.bn", ["layer1.0.bn", "layer1.1.bn", "layer2.0.bn"]),
        ("**.stem", ["stem"]),
        (
            "layer2.**",
            ["layer2.0.conv", "layer2.0.bn", "layer2.0", "layer2.1", "layer2"],
        ),
        ("layer1.**.bn", ["layer1.0.bn", "layer1.1.bn"]),
        ("layer1**bn", ["layer1.0.bn", "layer1.1.bn"]),
        # either, one of, one that is not, any one
        ("{stem,layer2}", ["stem", "layer2"]),
        ("layer{1.0,2.1}", ["layer1.0", "layer2.1"]),
        ("layer{1.{0,1},2}", ["layer1.0", "layer1.1", "layer2"]),
        ("layer[1-4]", ["layer1", "layer2"]),
        ("layer[!1]", ["layer2"]),
        ("layer?", ["layer1", "layer2"]),
        ("layer1?0", []),
        # a regular expression must fit the whole path
        (r"re:layer\d\.0", ["layer1.0", "layer2.0"]),
        ("re:layer", []),
        # types by name, which may be globs
        ("type:MaxPool2d", ["layer2.1"]),
        ("type:MaxPool2d|Flatten", ["layer2.1", "head"]),
        ("type:*Basic", ["layer1.0", "layer1.1", "layer2.0"]),
        ("type:Basic", ["layer1.0", "layer1.1"]),
        # stages by number, from the end too
        ("stage:1", ["layer1"]),
        ("stage:-1", ["layer2"]),
        ("stage:-2", ["layer1"]),
        # a class and those made of it
        (Basic, ["layer1.0", "layer1.1", "layer2.0"]),
        (WideBasic, ["layer2.0"]),
        # a function is asked only of sites with maps
        (lambda site: site.stride == 4, ["layer2.1", "layer2"]),
        (lambda site: site.type == "Basic", ["layer1.0", "layer1.1"]),
        # several, each once, in the order of the host
        (["stage:-1", "layer2", "stem"], ["stem", "layer2"]),
        (("type:MaxPool2d", WideBasic), ["layer2.0", "layer2.1"]),
        ({"stem"}, ["stem"]),
    ],
    ids=named,
)
def test_a_selector_means(net, at, paths):
    try:
        found = chosen(net, at)
    except SiteError:
        found = []

    assert found == paths


def test_stage_0_is_a_stage_where_the_host_counts_from_0(timm):
    with torch.device("meta"):
        host = timm.create_model("resnet18")

    assert chosen(host, "stage:0") == ["act1"]


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("layer3", "no layer matches 'layer3'. Did you mean 'layer2' or 'layer1"),
        ("Layer1", "no layer matches 'Layer1'. Did you mean 'layer1"),
        ("", "no layer matches ''. Known: head, layer1, layer1.0, "),
        ("layer1.*.relu", "no layer matches 'layer1.*.relu'. Layers there: layer1.0"),
        (
            "x*",
            "no layer matches 'x*'. Layers there: stem, layer1.0.conv, layer1.0.bn, ",
        ),
        ("type:Conv", "no layer of type 'Conv'. Did you mean 'Conv2d'?"),
        ("type:Linear", "no layer of type 'Linear'. Known: Basic, BatchNorm2d, "),
        ("stage:7", "no stage 7. This host has the stages 1, 2, or -1 for the last."),
        ("stage:-3", "no stage -3. This host has the stages 1, 2, or -1 for the last."),
        (
            nn.Linear,
            "no layer of the host is a Linear. Types it has: Basic, BatchNorm2d, ",
        ),
        (["stem", "layer9"], "no layer matches 'layer9'. Did you mean 'layer2' or "),
    ],
    ids=named,
)
def test_a_selector_that_means_nothing_offers_what_there_is(net, at, words):
    with pytest.raises(SiteError, match=f"^at: {re.escape(words)}"):
        chosen(net, at)


def test_a_function_that_is_true_of_nothing_says_so(net):
    words = r"is true of no layer of the host. fv.sites\(...\) shows what there is"

    with pytest.raises(SiteError, match=words):
        chosen(net, lambda site: site.channels > 9)


def test_a_stage_of_a_host_without_stages_offers_its_layers():
    host = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    words = r"^at: this host does not say .* Name its layers instead, .* '0', '1'\."

    with pytest.raises(SiteError, match=words):
        chosen(host, "stage:-1")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("stage:last", "a stage is written stage:N, .* for the last, got 'stage:last'"),
        ("{layer1", r"cannot read '\{layer1': .* needs its end, as in"),
        ("layer[2-1]", r"cannot read 'layer\[2-1\]': bad character range"),
        ("re:(", r"cannot read 're:\(': missing \)"),
        (5, r"expected a pattern such as 'layer4', .* got 5 \(int\)"),
        (["stem", None], r"expected a pattern such as .* got None \(NoneType\)"),
        (b"stem", r"expected a pattern such as .* got 115 \(int\)"),
    ],
    ids=named,
)
def test_what_is_no_selector_says_what_would_be(net, at, words):
    with pytest.raises(OptionError, match=f"^at: {words}"):
        chosen(net, at)


def test_a_layer_itself_is_told_its_name(net):
    words = r"got the layer itself \(MaxPool2d\). Its name is 'layer2.1'."

    with pytest.raises(OptionError, match=words):
        chosen(net, net.layer2[1])


def test_the_layer_of_another_host_is_told_that_it_is_none_of_this():
    host = nn.Sequential(nn.Conv2d(3, 4, 1))

    with pytest.raises(OptionError, match="Its name is not one of this host"):
        chosen(host, nn.ReLU())


def test_a_layer_under_two_names_says_which_is_its_own():
    host = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    host.add_module("again", host[1])

    with pytest.raises(
        SiteError, match=r"^at: again is the same layer as 1, which the"
    ):
        chosen(host, "again")


def test_names_with_signs_of_patterns_are_found_by_a_regular_expression():
    host = nn.Sequential()
    host.add_module("a[1]", nn.Conv2d(3, 4, 1))

    assert chosen(host, r"re:a\[1\]") == ["a[1]"]


def test_a_bracket_within_brackets_is_a_sign_as_any_other():
    host = nn.Sequential()
    host.add_module("a[", nn.Conv2d(3, 4, 1))

    assert chosen(host, "a[[(]") == ["a["]
