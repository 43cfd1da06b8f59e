"""Looking at a host: it is left as it was, and what is said of its sites is right."""

import numpy as np
import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError, SiteError, UnknownNameError
from foveate.records import Sites

EXAMPLE = (1, 3, 16, 8)


class Net(nn.Module):
    """A small host with everything that a look could disturb."""

    def __init__(self, *, breaks=False):
        super().__init__()
        self.breaks = breaks
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        # a host may change its input, and put a new tensor in place of a buffer
        x.mul_(2)
        self.seen = self.seen + 1
        x = self.drop(self.act(self.norm(self.conv(x)))) + torch.rand(())
        if self.breaks:
            raise ValueError("broken on purpose")
        return x


class Two(nn.Module):
    """A host of two arguments, of which one is a list of maps."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, first, rest):
        return self.conv(first + sum(rest))


class Merging(nn.Conv2d):
    """A layer that merges weights into its own when it is evaluated."""

    def eval(self):
        self.weight.data += 1
        return super().eval()

    def train(self, mode=True):
        if not mode:
            self.weight.data += 1
        return super().train(mode)


class Ended(nn.Module):
    """A host that ends its stages where its children say."""

    def __init__(self, **stages):
        super().__init__()
        for name, stage in stages.items():
            self.add_module(name, stage)

    def forward(self, x):
        for stage in self.children():
            x = stage(x)
        return x


def conv(stride=1):
    return nn.Conv2d(3, 3, 3, stride=stride, padding=1)


def look(model, example=EXAMPLE):
    """Look at a host; it may break."""
    try:
        fv.sites(model, example)
    except OptionError:
        assert model.breaks


@pytest.fixture(params=[False, True], ids=["runs", "breaks"])
def net(request):
    return Net(breaks=request.param)


def test_looking_restores_the_mode_of_each_layer(net):
    net.train()
    net.norm.eval()

    look(net)

    modes = {path: module.training for path, module in net.named_modules()}
    assert modes == {"": True, "conv": True, "norm": False, "act": True, "drop": True}


def test_looking_restores_buffers(net):
    before = {name: value.clone() for name, value in net.named_buffers()}

    look(net)

    assert all(value.equal(before[name]) for name, value in net.named_buffers())


def test_looking_keeps_each_buffer_the_tensor_that_it_was(net):
    before = dict(net.named_buffers())

    look(net)

    assert all(value is before[name] for name, value in net.named_buffers())


def test_looking_leaves_random_numbers_as_they_were(net):
    before = torch.get_rng_state()

    look(net)

    assert torch.get_rng_state().equal(before)


def test_looking_seeds_no_device_that_is_not_put_back(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)

    fv.sites(Net(), EXAMPLE)

    assert seeded == []


@pytest.mark.parametrize("grad", [True, False])
def test_looking_leaves_the_gradient_mode(net, grad):
    with torch.set_grad_enabled(grad):
        look(net)

        assert torch.is_grad_enabled() is grad


def test_looking_leaves_no_hooks_and_no_children(net):
    names = [name for name, _ in net.named_modules()]

    look(net)

    hooks = [m._forward_hooks or m._forward_pre_hooks for m in net.modules()]
    assert not any(hooks)
    assert [name for name, _ in net.named_modules()] == names


def test_looking_leaves_the_example_as_it_was(net):
    example = torch.ones(EXAMPLE)

    look(net, example)

    assert example.equal(torch.ones(EXAMPLE))


def test_looking_does_not_call_what_a_host_does_when_it_is_evaluated():
    host = nn.Sequential(Merging(3, 4, 1))
    before = host[0].weight.detach().clone()

    fv.sites(host, EXAMPLE)

    assert host[0].weight.equal(before)


def test_looking_makes_no_gradients():
    host = Net()

    fv.sites(host, torch.ones(EXAMPLE))

    assert all(parameter.grad is None for parameter in host.parameters())


def test_a_site_has_channels_size_and_stride():
    site = fv.sites(Net(), EXAMPLE)["conv"]

    assert (site.channels, site.size, site.stride) == (8, (8, 4), 2.0)


@pytest.mark.parametrize(
    "example",
    [
        (1, 3, 8, 8),
        [1, 3, 8, 8],
        torch.Size([1, 3, 8, 8]),
        tuple(np.array([1, 3, 8, 8])),
        torch.ones(1, 3, 8, 8),
        {"input": (1, 3, 8, 8)},
        {"input": torch.ones(1, 3, 8, 8)},
        ((1, 3, 8, 8),),
    ],
    ids=["shape", "list", "size", "numpy", "tensor", "keyword", "keywords", "tuple"],
)
def test_an_example_may_have_many_forms(example):
    found = fv.sites(nn.Sequential(nn.Conv2d(3, 4, 1)), example)

    assert str(found["0"].outputs[0]) == "4 x 8x8"


def test_an_argument_may_be_a_list_of_tensors():
    x = torch.ones(1, 3, 8, 8)

    found = fv.sites(Two(), (x, [x, x]))

    assert str(found["conv"].outputs[0]) == "4 x 8x8"


def test_an_argument_may_be_a_list_of_shapes():
    found = fv.sites(Two(), ((1, 3, 8, 8), [(1, 3, 8, 8)]))

    assert str(found["conv"].outputs[0]) == "4 x 8x8"


def test_an_example_goes_to_the_precision_of_the_host():
    host = nn.Sequential(nn.Conv2d(3, 4, 1)).double()

    assert fv.sites(host, (1, 3, 8, 8))["0"].channels == 4


def test_an_example_is_made_on_the_cpu_whatever_the_default_device():
    host = nn.Sequential(nn.Conv2d(3, 4, 1))

    with torch.device("meta"):
        found = fv.sites(host, (1, 3, 8, 8))

    assert found["0"].channels == 4


def test_a_host_on_the_meta_device_is_looked_at_there():
    with torch.device("meta"):
        host = nn.Sequential(nn.Conv2d(3, 4, 1))

    assert fv.sites(host, (1, 3, 8, 8))["0"].size == (8, 8)


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (None, r"must be looked at once .* such as example=\(1, 3, 224, 224\)"),
        ((1, 3, 0, 8), r"whole numbers greater than 0, got \(1, 3, 0, 8\). Give one"),
        ((1, 3, 8.5, 8), r"whole numbers greater than 0, got \(1, 3, 8.5, 8\)"),
        ((1, 3, -8, 8), r"greater than 0, got \(1, 3, -8, 8\)"),
        (
            (1, 4, 8, 8),
            r"Sequential does not run with \(1, 4, 8, 8\): RuntimeError: .*",
        ),
        ((), "does not run with no arguments: TypeError.* Give the shape of an input"),
        (224, "does not run with int: TypeError.* Give the shape of an input that"),
        ("image.png", "does not run with str: TypeError.* Give the shape of an input"),
        ({"x": (1, 3, 8, 8)}, "does not run .* unexpected keyword argument 'x'"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_example_that_cannot_work_says_what_would(example, words):
    with pytest.raises(OptionError, match=f"^example: .*{words}"):
        fv.sites(nn.Sequential(nn.Conv2d(3, 4, 1)), example)


def test_a_host_that_is_no_module_is_refused():
    words = r"expected a host, a torch.nn.Module, got 'resnet18' \(str\)"

    with pytest.raises(OptionError, match=words):
        fv.sites("resnet18", EXAMPLE)


def test_stages_are_those_that_layers_are_named_by():
    host = Ended(stem=conv(), layer1=conv(2), layer2=conv(2), head=nn.Flatten())

    found = fv.sites(host, EXAMPLE)

    assert {s.path: s.stage for s in found if s.stage} == {"layer1": 1, "layer2": 2}


def test_stages_are_those_of_the_trunk_of_a_host():
    host = Ended(backbone=Ended(layer1=conv(2), layer2=conv(2)), head=nn.Flatten())

    stages = [s.path for s in fv.sites(host, EXAMPLE, at="**") if s.stage is not None]

    assert stages == ["backbone.layer1", "backbone.layer2"]


def test_stages_are_found_in_the_backbone_of_a_detector():
    pyramid = Ended(body=Ended(layer1=conv(2), layer2=conv(2)), fpn=conv())

    found = fv.sites(Ended(backbone=pyramid), EXAMPLE, at="stage:-1")

    assert [site.path for site in found] == ["backbone.body.layer2"]


def test_stages_of_features_end_with_each_size_of_map():
    features = nn.Sequential(conv(2), nn.ReLU(), conv(2), conv())

    found = fv.sites(Ended(features=features), EXAMPLE)

    assert {s.path: s.stage for s in found if s.stage is not None} == {
        "features.1": 0,
        "features.3": 1,
    }


def test_stages_of_timm_are_those_of_its_feature_info(timm):
    host = timm.create_model("resnet18")

    found = fv.sites(host, (1, 3, 64, 64))

    # as timm numbers out_indices: the stem is 0
    assert [(s.path, s.stride) for s in found if s.stage is not None] == [
        ("act1", 2.0),
        ("layer1", 4.0),
        ("layer2", 8.0),
        ("layer3", 16.0),
        ("layer4", 32.0),
    ]


def test_stages_of_ours_are_found():
    host = fv.backbones.resnet18()

    found = fv.sites(host, (1, 3, 64, 64))

    stages = [s.path for s in found if s.stage is not None]
    assert stages == ["layer1", "layer2", "layer3", "layer4"]


def test_sites_where_no_block_can_go_are_left_out():
    host = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(512, 2))

    # before the second there are maps yet
    assert [site.path for site in fv.sites(host, EXAMPLE)] == ["0", "1"]


def test_sites_that_are_asked_for_say_why_no_block_can_go_there():
    host = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten())

    (site,) = fv.sites(host, EXAMPLE, at="1")

    assert site.refusals["after"].startswith("returns no feature maps: (1, 512)")


def test_a_site_without_maps_has_no_channels_and_says_so():
    (site,) = fv.sites(nn.Sequential(nn.Flatten()), EXAMPLE, at="0")

    with pytest.raises(SiteError, match=r"^0: Flatten returns no feature map"):
        _ = site.channels


def test_sites_are_a_sequence():
    found = fv.sites(nn.Sequential(conv(), nn.ReLU()), EXAMPLE)

    assert len(found) == 2
    assert [site.path for site in found] == ["0", "1"]
    assert found[1] == found["1"]


def test_a_path_that_is_no_site_offers_near_ones():
    found = fv.sites(Ended(layer1=conv(), layer2=conv()), EXAMPLE)

    words = "no site 'layer3'. Did you mean 'layer2' or 'layer1'"
    with pytest.raises(UnknownNameError, match=words):
        found["layer3"]


def test_sites_are_read_back_as_they_were_written(tmp_path):
    found = fv.sites(Net(), EXAMPLE)

    assert Sites.load(found.save(tmp_path / "sites.yaml")) == found


def test_sites_come_in_the_order_in_which_the_host_ends_them():
    host = nn.Sequential(nn.Sequential(conv(), nn.ReLU()), conv())

    assert [s.path for s in fv.sites(host, EXAMPLE)] == ["0.0", "0.1", "0", "1"]


def test_what_a_layer_returns_in_a_mapping_is_a_map_each():
    class Maps(nn.Module):
        def forward(self, x):
            return {"fine": x, "coarse": x[..., ::2, ::2]}

    (site,) = fv.sites(nn.Sequential(Maps()), EXAMPLE)

    assert [str(shape) for shape in site.outputs] == ["3 x 16x8", "3 x 8x4"]
