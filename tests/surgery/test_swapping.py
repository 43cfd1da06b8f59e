"""Replace the attention that a host already has, and bring it back."""

import copy
import importlib
import pickle

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError, SiteError
from foveate.surgery import host_state_dict
from foveate.surgery._known import KNOWN

EXAMPLE = (1, 3, 32, 32)

HOMES = {
    "segmentation_models_pytorch": (
        "segmentation_models_pytorch.base.modules",
        "segmentation_models_pytorch.encoders._senet",
        "segmentation_models_pytorch.encoders.mobileone",
    ),
    "timm": (
        "timm.layers.squeeze_excite",
        "timm.layers.cbam",
        "timm.layers.coord_attn",
        "timm.layers.eca",
        "timm.layers.gather_excite",
        "timm.layers.global_context",
        "timm.layers.non_local_attn",
        "timm.models._efficientnet_blocks",
        "timm.models.hgnet",
    ),
    "torchvision": ("torchvision.ops.misc",),
}
"""Where each library has its attention."""

ARGUMENTS = {
    # the size of a kernel, as they take maps of any channels
    "LightSpatialAttn": (7,),
    "SpatialAttn": (7,),
    # channels, and those of the bottleneck or their reduction
    "SEModule": (64, 16),
    "SqueezeExcitation": (64, 16),
}
"""What those are made with that do not take 64 channels alone."""

BROKEN = {"GatherExcite"}
"""Those that cannot be made in the version of timm of the tests."""


class OldGate(nn.Module):
    """Attention of a user's, with statistics that depend on the mode."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.f = -1

    def forward(self, x):
        return x * self.norm(x).sigmoid()


class Plain(nn.Module):
    """Two convolutions, and between them attention whose class is in no table."""

    def __init__(self, channels=8):
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.gate = OldGate(channels)
        self.last = nn.Conv2d(channels, 4, 1)

    def forward(self, x):
        return self.last(self.gate(self.first(x)))


def ours(attention="se"):
    return fv.backbones.resnet10(width=16, attention=attention).eval()


def tree(model):
    return [(path, id(module)) for path, module in model.named_modules()]


def blocks_of(model):
    return [type(b.block).__name__ for b in model.modules() if hasattr(b, "block")]


@torch.no_grad()
def answer(model, size=32):
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(5))
    return model(images)


@torch.no_grad()
def rouse(model):
    """Move the norms that begin at 0, behind which nothing would be seen."""
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.add_(0.3)


@pytest.mark.parametrize(
    ("name", "kind", "number"),
    [
        ("mobilenetv3_small_050", "SqueezeExcite", 9),
        ("seresnet18", "SEModule", 8),
        ("ecaresnet26t", "EcaModule", 8),
        ("efficientnet_b0", "SqueezeExcite", 16),
    ],
)
def test_hosts_of_timm_change_their_attention_and_have_it_back(
    timm, name, kind, number
):
    host = timm.create_model(name).eval()
    rouse(host)
    before, layers = answer(host), tree(host)

    plan = fv.swap(host, "se" if "eca" in name else "eca", example=EXAMPLE)
    swapped = answer(host)
    fv.prune(host)

    assert [place.replaced for place in plan.places] == [kind] * number
    assert not torch.equal(swapped, before)
    assert torch.equal(answer(host), before)
    assert tree(host) == layers


@pytest.mark.parametrize("attention", ["cbam", "gc", "lcbam", "ese", "ceca", "nl"])
def test_attention_that_timm_puts_into_a_block_is_found(timm, attention):
    block = timm.models.resnet.BasicBlock(16, 16, attn_layer=attention)
    host = nn.Sequential(nn.Conv2d(3, 16, 1), block).eval()

    plan = fv.swap(host, "eca", example=EXAMPLE)

    assert [place.path for place in plan.places] == ["1.se"]


def test_a_host_of_torchvision_changes_its_attention_and_has_it_back(timm):
    models = importlib.import_module("torchvision").models
    host = models.mobilenet_v3_small(weights=None).eval()
    before, layers = answer(host), tree(host)

    plan = fv.swap(host, "coordinate", example=EXAMPLE)
    swapped = answer(host)
    fv.prune(host)

    assert {place.replaced for place in plan.places} == {"SqueezeExcitation"}
    assert not torch.equal(swapped, before)
    assert torch.equal(answer(host), before)
    assert tree(host) == layers


def test_attention_of_a_decoder_that_does_not_run_stays(timm):
    smp = importlib.import_module("segmentation_models_pytorch")
    host = smp.Unet("resnet18", encoder_weights=None, decoder_attention_type="scse")

    plan = fv.swap(host.eval(), "eca", example=EXAMPLE)

    # ten modules, of which one stands where no skip connection comes in
    kept = [m for m in host.modules() if type(m).__name__ == "SCSEModule"]
    assert (len(plan.places), len(kept)) == (9, 1)


@pytest.mark.parametrize("library", sorted(HOMES))
def test_the_table_names_classes_that_its_libraries_have(timm, library):
    modules = [importlib.import_module(home) for home in HOMES[library]]

    absent = [n for n in KNOWN[library] if not any(hasattr(m, n) for m in modules)]

    assert absent == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_what_the_table_names_keeps_the_shape_of_its_map(timm, library):
    modules = [importlib.import_module(home) for home in HOMES[library]]
    classes = {
        getattr(module, name)
        for module in modules
        for name in set(KNOWN[library]) - BROKEN
        if hasattr(module, name)
    }
    # blocks of 7 are what one of them takes
    x = torch.randn(2, 64, 14, 7)

    layers = [kind(*ARGUMENTS.get(kind.__name__, (64,))) for kind in classes]

    other = {type(layer).__name__ for layer in layers if layer(x).shape != x.shape}
    assert other == set()


def test_the_outermost_of_nested_attention_is_replaced():
    host = ours("cbam")

    plan = fv.swap(host, "eca", example=EXAMPLE)

    # cbam holds a channel and a spatial block, which are blocks as well
    assert {place.replaced for place in plan.places} == {"CBAM"}


def test_a_plan_of_a_swap_does_the_same_to_another_host():
    host, other = ours(), ours()
    plan = fv.swap(host, "eca", example=EXAMPLE)

    fv.graft(other, type(plan).parse(plan.plain(), "plan"))

    assert blocks_of(other) == blocks_of(host) == ["ECA"] * 4


def test_the_blocks_of_a_paper_start_are_as_their_papers_say():
    host = ours()

    fv.swap(host, "simam", example=EXAMPLE)

    x = torch.randn(2, 16, 9, 9)
    block = fv.create("simam", 16)
    assert torch.equal(host.layer1[0].attention(x), block(x))


def test_an_identity_start_computes_what_the_host_does_without_attention():
    host = ours()
    bare = copy.deepcopy(host)
    for block in bare.modules():
        if getattr(block, "attention", None) is not None:
            block.attention = nn.Identity()

    fv.swap(host, "cbam", example=EXAMPLE, start="identity")

    assert torch.equal(answer(host), answer(bare))


def test_options_reach_the_new_blocks():
    host = ours()

    fv.swap(host, "eca", example=EXAMPLE, options={"kernel_size": 7})

    block = host.layer1[0].attention.foveate.replace[0].block
    assert block.conv.kernel_size == (7,)


def test_attention_that_no_table_knows_is_named_by_its_class():
    host = Plain().eval()
    before = answer(host)

    plan = fv.swap(host, "eca", example=EXAMPLE, at=OldGate)
    swapped = answer(host)
    fv.prune(host)

    assert [(p.path, p.replaced) for p in plan.places] == [("gate", "OldGate")]
    assert not torch.equal(swapped, before)
    assert torch.equal(answer(host), before)


def test_to_swap_again_replaces_the_new_blocks_and_not_the_layers_of_the_host():
    host = ours()
    before, layers = answer(host), tree(host)
    fv.swap(host, "eca", example=EXAMPLE)

    plan = fv.swap(host, "cbam", example=EXAMPLE)
    blocks = blocks_of(host)
    fv.prune(host)

    assert {place.replaced for place in plan.places} == {"SqueezeExcite"}
    assert blocks == ["CBAM"] * 4
    assert torch.equal(answer(host), before)
    assert tree(host) == layers


def test_to_swap_again_knows_what_was_named_the_first_time():
    host = Plain().eval()
    fv.swap(host, "eca", example=EXAMPLE, at="type:OldGate")

    fv.swap(host, "se", example=EXAMPLE)

    assert blocks_of(host) == ["SqueezeExcite"]


def test_to_swap_a_part_again_leaves_the_other_swapped_blocks():
    host = ours()
    fv.swap(host, "eca", example=EXAMPLE)
    kept = host.layer1[0].attention

    fv.swap(host, "simam", example=EXAMPLE, at="layer[234].0.attention")

    assert blocks_of(host) == ["ECA", "SimAM", "SimAM", "SimAM"]
    assert host.layer1[0].attention is kept


def test_a_second_swap_that_fails_leaves_the_first():
    host = ours()
    fv.swap(host, "eca", example=EXAMPLE)
    before, layers = answer(host), tree(host)

    # 16 channels are no multiple of 64
    with pytest.raises(SiteError, match=r"layer1\.0\.attention: cannot be swapped: "):
        fv.swap(host, "shuffle", example=EXAMPLE, options={"groups": 32})

    assert torch.equal(answer(host), before)
    assert tree(host) == layers


def test_blocks_that_were_grafted_after_and_before_stay():
    host = ours()
    fv.graft(host, "simam", at="layer2", example=EXAMPLE)
    fv.graft(host, "cbam", at="layer3", example=EXAMPLE, position="before")
    kept = [m for path, m in host.named_modules() if ".foveate." in path]

    plan = fv.swap(host, "eca", example=EXAMPLE)

    now = list(host.modules())
    assert all(any(module is other for other in now) for module in kept)
    assert len(plan.places) == 4


def test_what_is_replaced_comes_back_in_the_mode_of_the_host():
    host = Plain().eval()
    before = answer(host)
    host.train()
    fv.swap(host, "eca", example=EXAMPLE, at="gate")

    host.eval()
    fv.prune(host)

    assert torch.equal(answer(host), before)


def test_new_blocks_of_a_second_swap_are_in_the_mode_of_the_host():
    host = Plain().train()
    fv.swap(host, "eca", example=EXAMPLE, at="gate")
    host.eval()

    fv.swap(host, "cbam", example=EXAMPLE)

    assert {module.training for module in host.modules()} == {False}


def test_copies_and_pickles_of_a_swapped_host_are_pruned_alike():
    host = ours()
    before = answer(host)
    fv.swap(host, "eca", example=EXAMPLE)

    pickled = pickle.loads(pickle.dumps(host))  # noqa: S301 - from a line above
    for other in (copy.deepcopy(host), pickled):
        fv.prune(other)

        assert torch.equal(answer(other), before)


def test_a_swapped_host_trains_its_new_blocks_and_keeps_the_old():
    host = ours().train()
    old = copy.deepcopy(host.layer1[0].attention)
    fv.swap(host, "cbam", example=EXAMPLE)
    new = host.layer1[0].attention.foveate.replace[0].block
    first = next(new.parameters()).detach().clone()
    optimizer = torch.optim.SGD(host.parameters(), lr=0.1)

    host(torch.randn(4, 3, 32, 32)).square().mean().backward()
    optimizer.step()
    trained = next(new.parameters()).detach().clone()
    fv.prune(host)

    assert not torch.equal(trained, first)
    again = host.layer1[0].attention
    assert torch.equal(again.fc1.weight, old.fc1.weight)


def test_a_swapped_host_says_its_own_state_dict_in_its_own_order():
    host = ours()
    before = host.state_dict()

    fv.swap(host, "eca", example=EXAMPLE)

    after = host_state_dict(host)
    assert list(after) == list(before)
    assert all(after[key].equal(before[key]) for key in before)


def test_the_numbers_of_parameters_that_yolo_notes_follow_every_swap():
    host = Plain()
    # as Ultralytics writes on its layers
    host.gate.i, host.gate.type, host.gate.np = 1, "OldGate", 16

    fv.swap(host, "se", example=EXAMPLE, at="gate")
    # fc1 and fc2: 8 * 1 + 1 * 8
    once = host.gate.np
    fv.swap(host, "eca", example=EXAMPLE)
    # a kernel of 3
    twice = host.gate.np
    fv.prune(host)

    assert (once, twice, host.gate.np) == (16 + 16, 16 + 3, 16)


def test_a_host_without_attention_says_what_was_looked_for():
    host = Plain()

    with pytest.raises(SiteError) as caught:
        fv.swap(host, "eca", example=EXAMPLE)

    words = str(caught.value)
    assert "swap: Plain has no attention that is known" in words
    assert "segmentation_models_pytorch, timm, torchvision, ultralytics" in words
    assert "at='type:NAME'" in words
    assert "BatchNorm2d, Conv2d, OldGate" in words


def test_a_layer_that_changes_its_map_cannot_be_swapped():
    host = Plain()

    with pytest.raises(SiteError, match=r"last: cannot be swapped: makes .*at="):
        fv.swap(host, "eca", example=EXAMPLE, at=["gate", "last"])


def test_attention_with_a_block_behind_it_says_to_take_that_out_first():
    host = ours()
    fv.graft(host, "simam", at="layer1.0.attention", example=EXAMPLE)

    with pytest.raises(SiteError, match=r"holds simam already.*fv\.prune"):
        fv.swap(host, "eca", example=EXAMPLE)


def test_attention_with_a_block_within_says_how_to_take_that_out_first():
    host = Plain()
    fv.graft(host, "simam", at="gate.norm", example=EXAMPLE)

    with pytest.raises(SiteError, match="its norm holds a block") as caught:
        fv.swap(host, "eca", example=EXAMPLE, at="gate")

    assert "fv.prune(model, at='gate.**')" in str(caught.value)
    fv.prune(host, at="gate.**")
    fv.swap(host, "eca", example=EXAMPLE, at="gate")


def test_a_layer_and_what_it_holds_are_not_both_replaced():
    host = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Sequential(nn.ReLU(), OldGate(8)))

    with pytest.raises(SiteError, match=r"1: cannot be swapped: holds 1\.1, which"):
        fv.swap(host, "eca", example=EXAMPLE, at=["1", "1.1"])


def test_a_host_that_is_random_is_swapped_as_nothing_is_compared():
    class Noisy(Plain):
        def forward(self, x):
            return super().forward(x) + torch.rand(())

    host = Noisy()

    plan = fv.swap(host, "eca", example=EXAMPLE, at="gate")

    assert len(plan.places) == 1


def test_a_start_that_a_block_cannot_have_is_refused():
    host = ours()

    with pytest.raises(OptionError, match="simam cannot start as 'gate'"):
        fv.swap(host, "simam", example=EXAMPLE, start="gate")
