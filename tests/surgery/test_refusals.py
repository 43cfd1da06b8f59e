"""Where a block cannot go, why, and that what is offered instead works."""

import copy

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import SiteError

EXAMPLE = (1, 3, 16, 8)


class Residual(nn.Module):
    """Two convolutions, each with a norm, and one activation for both."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 3, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(3)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(3)
        self.act = nn.ReLU()

    def forward(self, x):
        out = self.act(self.bn1(self.conv1(x)))
        return self.act(self.bn2(self.conv2(out)) + x)


class Fusable(Residual):
    """A layer that can be rewritten into fewer."""

    def forward_fuse(self, x):
        return self.act(self.conv2(x))


class Rewritten(nn.Module):
    """A layer whose branches become one convolution."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sigmoid())

    def forward(self, x):
        return self.branch(x)

    def reparameterize(self):
        raise NotImplementedError


class Branched(nn.Module):
    """The same with a BatchNorm in the branch, and two layers after it; one stays."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.BatchNorm2d(3), nn.Sigmoid())
        self.drop_path = nn.Identity()
        self.act = nn.ReLU()
        self.merged = False

    def forward(self, x):
        return self.act(x if self.merged else self.drop_path(self.branch(x)))

    def reparameterize(self):
        self.merged = True


class FusedPair(nn.Sequential):
    """A sequence that can be rewritten."""

    def fuse(self):
        raise NotImplementedError


class Joining(nn.Module):
    """A layer whose ``fuse`` joins maps and rewrites nothing."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def fuse(self, fine, coarse):
        return fine + coarse

    def forward(self, x):
        return self.fuse(self.conv(x), x)


class Dense(nn.ModuleDict):
    """A container that runs its children in a way of its own."""

    def forward(self, x):
        for layer in self.values():
            x = layer(x)
        return x


class Backwards(nn.Sequential):
    def forward(self, x):
        for layer in reversed(list(self.children())):
            x = layer(x)
        return x


class Keeper(nn.Module):
    """A layer that uses the weights of a child and does not run it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.steps = nn.Sequential(nn.ReLU(), nn.Sigmoid())

    def forward(self, x):
        for step in self.steps:
            x = step(x)
        return nn.functional.conv2d(x, self.conv.weight)


class Tokens(nn.Module):
    def forward(self, x):
        return x.flatten(2).transpose(1, 2)


class Last(nn.Module):
    """A layer that puts the channels last."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1)


class Places(nn.Module):
    """A layer that makes whole numbers of a map."""

    def forward(self, x):
        return x.argmax(dim=1, keepdim=True)


class Named(nn.Module):
    """A layer that has its child called by a keyword."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(input=x)


class Gated(nn.Module):
    """A layer that takes two arguments."""

    def __init__(self):
        super().__init__()
        self.product = Product()

    def forward(self, x):
        return self.product(x, x)


class Product(nn.Module):
    def forward(self, x, gate):
        return x * gate


class Owner(nn.Module):
    """A layer that has a child under our name."""

    def __init__(self):
        super().__init__()
        self.foveate = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.foveate(x)


def around(*layers):
    """Return a host with a layer before and one after, where blocks can go."""
    return nn.Sequential(nn.Conv2d(3, 3, 1), *layers, nn.Sigmoid())


REFUSED = {
    "shared": (
        around(Residual()),
        ("1.act", "after"),
        "runs 2 times in one pass of the host, so its block would too. Choose the "
        "layer that holds it, or one beside it.",
        [("1", "after"), ("1.bn2", "after")],
    ),
    "before a norm": (
        around(Residual()),
        ("1.conv1", "after"),
        "its output goes straight into the BatchNorm 1.bn1, and what stands between "
        "the two breaks when they are fused. Graft after 1.bn1 instead.",
        [("1.bn1", "after")],
    ),
    "after a convolution": (
        around(Residual()),
        ("1.bn2", "before"),
        "is the BatchNorm of the convolution 1.conv2, and what stands between the two "
        "breaks when they are fused. Graft after 1.bn2 or before 1.conv2 instead.",
        [("1.bn2", "after"), ("1.conv2", "before")],
    ),
    "in place of a convolution": (
        around(Residual()),
        ("1.conv1", "replace"),
        "its output goes straight into the BatchNorm 1.bn1, and what stands between "
        "the two breaks when they are fused. Graft after 1.bn1 instead.",
        [("1.bn1", "after")],
    ),
    "fused": (
        around(Fusable()),
        ("1.bn2", "after"),
        "is rewritten by 1 (Fusable.forward_fuse), and the block would be lost. Graft "
        "to 1 instead.",
        [("1", "after")],
    ),
    "rewritten from further out": (
        around(Rewritten()),
        ("1.branch.0", "after"),
        "is rewritten by 1 (Rewritten.reparameterize), and the block would be lost. "
        "Graft to 1 instead.",
        [("1", "after")],
    ),
    "within a branch that is rewritten": (
        around(Branched()),
        ("1.branch.1", "after"),
        "is rewritten by 1 (Branched.reparameterize), and the block would be lost. "
        "Graft to 1 instead.",
        [("1", "after"), ("1.act", "after")],
    ),
    "forgotten when branches are merged": (
        around(Branched()),
        ("1.drop_path", "after"),
        "is rewritten by 1 (Branched.reparameterize), and the block would be lost. "
        "Graft to 1 instead.",
        [("1", "after"), ("1.act", "after")],
    ),
    "fused sequence": (
        around(FusedPair(nn.Conv2d(3, 3, 1), nn.ReLU())),
        ("1", "after"),
        "its last step 1.1 cannot have a block: is rewritten by 1 (FusedPair.fuse), "
        "and the block would be lost. Graft before the layer that comes next instead.",
        [("2", "before")],
    ),
    "mapping": (
        around(Dense({"one": nn.ReLU(), "two": nn.Tanh()})),
        ("1", "after"),
        "is a container that runs its children in a way of its own (Dense), and might "
        "run a block as one more. Graft to one of them: 1.one, 1.two.",
        [("1.one", "after"), ("1.two", "after")],
    ),
    "sequence of another order": (
        around(Backwards(nn.ReLU(), nn.Tanh())),
        ("1", "before"),
        "is a container that runs its children in a way of its own (Backwards), and "
        "might run a block as one more. Graft to one of them: 1.0, 1.1.",
        [("1.1", "before")],
    ),
    "idle": (
        around(Keeper()),
        ("1.conv", "after"),
        "does not run when the host does (the host may use its weights or children by "
        "itself), so a block there never would.",
        [],
    ),
    "idle sequence": (
        around(Keeper()),
        ("1.steps", "after"),
        "does not run when the host does (the host may use its weights or children by "
        "itself), so a block there never would. Layers within it that do: 1.steps.0, "
        "1.steps.1.",
        [("1.steps.1", "after")],
    ),
    "empty": (
        around(nn.Sequential()),
        ("1", "after"),
        "is an empty sequence, so there is nothing to graft to.",
        [],
    ),
    "tokens": (
        nn.Sequential(nn.Conv2d(3, 3, 1), Tokens()),
        ("1", "after"),
        "returns tokens, as transformers do: (1, 128, 3). Blocks need maps (B, C, H, "
        "W): choose a layer that has them (fv.sites lists them).",
        [("0", "after")],
    ),
    "vectors": (
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.Flatten()),
        ("1", "after"),
        "returns no feature maps: (1, 384). Blocks need maps (B, C, H, W): choose a "
        "layer that has them (fv.sites lists them).",
        [("0", "after")],
    ),
    "channels last": (
        nn.Sequential(nn.Conv2d(3, 12, 1), Last()),
        ("1", "after"),
        "returns maps with channels last, (B, H, W, C): (1, 16, 8, 12). Choose a layer "
        "where they stand second (fv.sites lists them).",
        [("0", "after")],
    ),
    "whole numbers": (
        nn.Sequential(nn.Conv2d(3, 5, 1), Places()),
        ("1", "after"),
        "returns maps of torch.int64, and blocks need floating point. Choose a layer "
        "before it.",
        [("0", "after"), ("1", "before")],
    ),
    "no first argument": (
        around(Named()),
        ("1.conv", "before"),
        "gets no feature maps as its first argument. Graft after the layer that its "
        "maps come from.",
        [("0", "after")],
    ),
    "another shape": (
        around(nn.MaxPool2d(2)),
        ("1", "replace"),
        "makes (1, 3, 8, 4) of (1, 3, 16, 8); only a layer that takes one map and "
        "returns one of the same shape can be replaced. Graft after it instead.",
        [("1", "after")],
    ),
    "two arguments": (
        around(Gated()),
        ("1.product", "replace"),
        "makes (1, 3, 16, 8) of (1, 3, 16, 8); only a layer that takes one map and "
        "returns one of the same shape can be replaced. Graft after it instead.",
        [("1.product", "after")],
    ),
    "our name": (
        around(Owner()),
        ("1", "after"),
        "has something of its own that is called 'foveate', the name under which a "
        "layer holds its blocks. Rename it, or graft to another layer.",
        [("0", "after")],
    ),
    "a weight": (
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 1))),
        ("0.parametrizations.weight", "after"),
        "makes a weight of 0, no feature map. Graft to 0 instead.",
        [("0", "after")],
    ),
}
"""By what is amiss: a host, where a block cannot go, why, and where it can."""

CURES = [
    pytest.param(case[0], cure, id=f"{name}: {' '.join(reversed(cure))}")
    for name, case in REFUSED.items()
    for cure in case[3]
]


@pytest.mark.parametrize(("host", "where", "words", "_"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_says_why_and_what_would_work(host, where, words, _):
    path, position = where

    with pytest.raises(SiteError) as caught:
        fv.graft(copy.deepcopy(host), "se", at=path, position=position, example=EXAMPLE)

    assert str(caught.value) == f"{path}: {words}"


@pytest.mark.parametrize(("host", "where"), CURES)
def test_what_a_refusal_offers_works(host, where):
    path, position = where
    host = copy.deepcopy(host).eval()
    x = torch.randn(2, *EXAMPLE[1:])
    before = host(x)

    fv.graft(host, "se", at=path, position=position, example=EXAMPLE)

    assert host(x).equal(before)


@pytest.mark.parametrize(("host", "where", "words", "_"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_known_before_anything_is_tried(host, where, words, _):
    path, position = where

    (site,) = fv.sites(host, EXAMPLE, at=path)

    assert site.refusals[position] == words


def test_a_layer_that_holds_a_block_there_is_full():
    host = around(nn.ReLU())
    fv.graft(host, "se", at="1", example=EXAMPLE)
    words = r"^1: holds se already. Take it out first: fv.prune\.$"

    with pytest.raises(SiteError, match=words):
        fv.graft(host, "eca", at="1", example=EXAMPLE)


def test_a_full_layer_takes_another_block_after_pruning():
    host = around(nn.ReLU())
    fv.graft(host, "se", at="1", example=EXAMPLE)

    fv.prune(host, at="1")
    done = fv.graft(host, "eca", at="1", example=EXAMPLE)

    assert done.places[0].block == "eca"


def test_a_layer_that_was_replaced_takes_no_other_block():
    host = around(nn.ReLU())
    fv.graft(host, "se", at="1", position="replace", example=EXAMPLE)

    with pytest.raises(SiteError, match=r"^1: holds se already"):
        fv.graft(host, "eca", at="1", example=EXAMPLE)


def test_a_layer_with_a_block_is_not_replaced():
    host = around(nn.ReLU())
    fv.graft(host, "se", at="1", example=EXAMPLE)

    with pytest.raises(SiteError, match=r"^1: holds se already"):
        fv.graft(host, "eca", at="1", position="replace", example=EXAMPLE)


def test_a_layer_with_a_block_within_is_replaced_after_pruning_that():
    host = around(nn.Sequential(nn.ReLU(), nn.Tanh()))
    fv.graft(host, "se", at="1.0", example=EXAMPLE)
    words = r"^1: its 0 holds a block, .* fv.prune\(model, at='1\.\*\*'\)\.$"

    with pytest.raises(SiteError, match=words):
        fv.graft(host, "eca", at="1", position="replace", example=EXAMPLE)

    fv.prune(host, at="1.**")
    fv.graft(host, "eca", at="1", position="replace", example=EXAMPLE)
    assert [place.path for place in fv.surgery.planned(host).places] == ["1"]


def test_a_method_that_takes_maps_rewrites_nothing():
    host = around(Joining())

    done = fv.graft(host, "se", at="1.conv", example=EXAMPLE)

    assert done.places[0].path == "1.conv"


def test_dense_blocks_of_torchvision_list_their_layers(timm):
    from torchvision.models.densenet import _DenseBlock

    dense = _DenseBlock(2, 3, bn_size=1, growth_rate=2, drop_rate=0.0)
    host = nn.Sequential(dense)

    (site,) = fv.sites(host, EXAMPLE, at="0")

    assert (
        "Graft to one of them: 0.denselayer1, 0.denselayer2." in site.refusals["after"]
    )


def test_a_layer_of_a_dense_block_takes_a_block(timm):
    from torchvision.models.densenet import _DenseBlock

    dense = _DenseBlock(2, 3, bn_size=1, growth_rate=2, drop_rate=0.0)
    host = nn.Sequential(dense)

    done = fv.graft(host, "se", at="0.denselayer2", example=EXAMPLE)

    assert str(done.places[0].maps[0]) == "2 x 16x8"


def test_a_getter_of_layers_of_torchvision_is_refused(timm):
    from torchvision.models._utils import IntermediateLayerGetter

    trunk = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    host = nn.Sequential(IntermediateLayerGetter(trunk, {"1": "out"}))
    words = r"^0: is a container .* \(IntermediateLayerGetter\), .* of them: 0.0, 0.1\."

    with pytest.raises(SiteError, match=words):
        fv.graft(host, "se", at="0", example=EXAMPLE)


def test_a_vision_transformer_is_refused_with_the_reason(timm):
    host = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=1)
    words = r"^blocks.0: returns tokens, as transformers do: \(1, 5, 192\)"

    with pytest.raises(SiteError, match=words):
        fv.graft(host, "se", at="blocks.0", example=(1, 3, 32, 32))


def test_a_swin_transformer_is_refused_with_the_reason(timm):
    host = timm.create_model(
        "swin_tiny_patch4_window7_224", img_size=64, depths=(1, 1, 1, 1), window_size=2
    )
    words = r"returns maps with channels last, \(B, H, W, C\): \(1, 2, 2, 768\)"

    with pytest.raises(SiteError, match=words):
        fv.graft(host, "se", at="stage:-1", example=(1, 3, 64, 64))


def test_a_norm_that_keeps_channels_second_is_no_refusal(timm):
    host = timm.create_model("convnext_atto", depths=(1, 1, 1, 1))

    (site,) = fv.sites(host, (1, 3, 64, 64), at="stem.1")

    assert site.refusals == {}
