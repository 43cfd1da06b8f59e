"""Checkpoints of whole networks, as other people's code writes them, both ways."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate import backbones
from foveate.blocks import SqueezeExcite
from foveate.errors import WeightsError
from foveate.interop import dump, load

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
WIDTH = 16
CHANNEL = ("weight", "bias")


def norm(name):
    return [f"{name}.{leaf}" for leaf in NORM]


SE = ["fc.0.weight", "fc.2.weight"]
CBAM = [
    *(f"ChannelGate.mlp.{layer}.{leaf}" for layer in (1, 3) for leaf in CHANNEL),
    "SpatialGate.spatial.conv.weight",
    *norm("SpatialGate.spatial.bn"),
]
SHUFFLE = ["cweight", "cbias", "sweight", "sbias", "gn.weight", "gn.bias"]


def keys_of(*, bottleneck, attribute="", inside=(), before_shortcut=True, wraps=""):
    """Return the keys of a ResNet of two residual blocks a stage, as others order them.

    Args:
        bottleneck: Whether each has three convolutions.
        attribute: What the block is called in a residual block.
        inside: The keys of the block.
        before_shortcut: Whether it comes before the projection of the shortcut.
        wraps: The layer that is kept in a sequence.
    """
    keys = ["conv1.weight", *norm("bn1")]
    for stage in range(1, 5):
        for number in range(2):
            at = f"layer{stage}.{number}"
            for layer in range(1, 4 if bottleneck else 3):
                for name in (f"conv{layer}", f"bn{layer}"):
                    inner = f"{at}.{name}" + (".0" if name == wraps else "")
                    conv = name.startswith("conv")
                    keys += [f"{inner}.weight"] if conv else norm(inner)
            block = [f"{at}.{attribute}.{key}" for key in inside]
            shortcut = [f"{at}.downsample.0.weight", *norm(f"{at}.downsample.1")]
            projected = number == 0 and (bottleneck or stage > 1)
            first, last = block, shortcut if projected else []
            keys += [*first, *last] if before_shortcut else [*last, *first]
    return [*keys, "fc.weight", "fc.bias"]


# name, options, source, what the network of others calls it and in which order
NETWORKS = {
    "se": ("se", {}, "collections", {"attribute": "se", "inside": SE}),
    "cbam": (
        "cbam",
        {},
        "official",
        {"attribute": "cbam", "inside": CBAM, "before_shortcut": False},
    ),
    "shuffle": (
        "shuffle",
        {"groups": 4},
        "official",
        {"attribute": "sa", "inside": SHUFFLE},
    ),
    "eca": ("eca", {}, "official", {"attribute": "eca", "inside": ["conv.weight"]}),
    "nam": (
        "nam",
        {},
        "official",
        {
            "attribute": "nam",
            "inside": norm("Channel_Att.bn2"),
            "before_shortcut": False,
        },
    ),
    "simam": ("simam", {}, "official", {"wraps": "conv2"}),
    "coordinate in timm": (
        "coordinate",
        {},
        "timm",
        {
            "attribute": "se",
            "inside": [
                *(f"conv1.{leaf}" for leaf in CHANNEL),
                *norm("bn1"),
                *(f"conv_{axis}.{leaf}" for axis in "hw" for leaf in CHANNEL),
            ],
        },
    ),
}
BOTTLENECK = pytest.mark.parametrize("bottleneck", [False, True])
EVERY = pytest.mark.parametrize("case", NETWORKS)


def network_of(name, *, bottleneck=False, **options):
    torch.manual_seed(0)
    create = backbones.ResNet
    return create(
        (2, 2, 2, 2),
        bottleneck=bottleneck,
        width=WIDTH,
        num_classes=5,
        attention=name,
        attention_options=options,
    )


def image():
    torch.manual_seed(1)
    return torch.randn(2, 3, 33, 40, dtype=torch.float64)


@BOTTLENECK
@EVERY
def test_keys_are_those_of_the_others_in_their_order(case, bottleneck):
    name, options, source, layout = NETWORKS[case]

    theirs = dump(network_of(name, bottleneck=bottleneck, **options), source)

    assert list(theirs) == keys_of(bottleneck=bottleneck, **layout)


@BOTTLENECK
@EVERY
def test_a_network_loaded_from_theirs_gives_the_same_logits(
    case, bottleneck, disturbed
):
    name, options, source, _ = NETWORKS[case]
    trained = disturbed(network_of(name, bottleneck=bottleneck, **options))
    other = network_of(name, bottleneck=bottleneck, **options).double().eval()

    loaded = load(other, dump(trained, source), source)

    assert (loaded.source, loaded.missing, loaded.unexpected) == (source, (), ())
    assert torch.equal(other(image()), trained(image()))


@EVERY
def test_a_checkpoint_comes_back_bit_for_bit(case, disturbed, assert_same_state):
    name, options, source, _ = NETWORKS[case]
    theirs = dump(disturbed(network_of(name, **options)), source, prefix="module.")
    other = network_of(name, **options).double()

    load(other, theirs, source)
    back = dump(other, source, prefix="module.")

    assert list(back) == list(theirs)
    assert_same_state(back, theirs)


@EVERY
def test_our_own_checkpoint_loads_too(case, disturbed, assert_same_state):
    name, options, *_ = NETWORKS[case]
    trained = disturbed(network_of(name, **options))
    other = network_of(name, **options).double()

    loaded = load(other, trained.state_dict())

    assert loaded.source == "foveate"
    assert_same_state(other.state_dict(), trained.state_dict())


def test_a_pyramid_with_its_fusions_loads_from_our_own_checkpoint(
    disturbed, assert_same_state
):
    def create():
        return backbones.create(
            "resnet18_fpn", width=WIDTH, fusion="gated", attention="se"
        )

    trained, other = disturbed(create()), create().double()

    loaded = load(other, dump(trained, "foveate"))

    assert loaded.source == "foveate"
    assert_same_state(other.state_dict(), trained.state_dict())


def test_a_block_at_two_names_is_loaded_from_both(disturbed):
    block = SqueezeExcite(16)
    trained = disturbed(nn.ModuleDict({"first": block, "again": block}))
    theirs = dump(trained, "collections")

    loaded = load(trained, {key: value + 1 for key, value in theirs.items()})

    assert sorted(theirs) == [
        "again.fc.0.weight",
        "again.fc.2.weight",
        "first.fc.0.weight",
        "first.fc.2.weight",
    ]
    assert len(loaded.keys) == 4


def test_values_go_where_the_names_say(disturbed):
    trained = disturbed(network_of("cbam"))

    theirs = dump(trained, "official")

    ours = trained.layer3[1].attention
    gate = "layer3.1.cbam.ChannelGate.mlp.1.weight"
    kernel = "layer3.1.cbam.SpatialGate.spatial.conv.weight"
    assert theirs[gate].equal(ours.channel.fc1.weight[:, :, 0, 0])
    assert theirs[kernel].equal(ours.spatial.conv.weight.flip(1))


@pytest.mark.parametrize(
    ("name", "source"), [("se", "collections"), ("cbam", "official")]
)
@pytest.mark.parametrize("bottleneck", [False, True])
def test_blocks_in_a_sequence_with_the_last_norm_are_found(
    name, source, bottleneck, disturbed
):
    # so do the networks that came with SimAM keep other blocks: bn2 = (bn2, block)
    trained = disturbed(network_of(name, bottleneck=bottleneck))
    last = "bn3" if bottleneck else "bn2"
    theirs = {}
    for key, value in dump(trained, source).items():
        parts = key.split(".")
        if parts[0].startswith("layer") and parts[2] == last:
            parts.insert(3, "0")
        elif parts[0].startswith("layer") and parts[2] in {"se", "cbam"}:
            parts[2:3] = [last, "1"]
        theirs[".".join(parts)] = value
    other = network_of(name, bottleneck=bottleneck).double().eval()

    loaded = load(other, theirs)

    assert (loaded.missing, loaded.unexpected) == ((), ())
    assert torch.equal(other(image()), trained(image()))


def test_the_halves_of_a_block_may_stand_beside_each_other(disturbed):
    trained = disturbed(network_of("cbam.conv"))

    theirs = dump(trained, "collections.halves")

    assert "layer1.0.ca.fc.0.weight" in theirs
    assert "layer1.0.sa.conv1.weight" in theirs
    other = network_of("cbam.conv").double().eval()
    load(other, theirs)
    assert torch.equal(other(image()), trained(image()))


def test_a_network_without_blocks_is_loaded_by_name(disturbed, assert_same_state):
    plain = disturbed(network_of(None))
    other = network_of(None).double()

    loaded = load(other, dump(plain, prefix="module."))

    assert loaded.source == "foveate"
    assert_same_state(other.state_dict(), plain.state_dict())


def test_a_network_within_a_checkpoint_is_picked_by_its_prefix(disturbed):
    trained = disturbed(network_of("se"))
    theirs = dump(trained, "timm", prefix="backbone.") | {"head.weight": torch.ones(3)}
    other = network_of("se").double().eval()

    loaded = load(other, theirs, prefix="backbone.")

    assert loaded.unexpected == ()
    assert torch.equal(other(image()), trained(image()))


def test_a_plain_checkpoint_lacks_the_blocks():
    words = r"^ResNet: .*Missing: 'layer1\.0\.attention\.fc1\.weight', .* and 8 more\.$"

    with pytest.raises(WeightsError, match=words):
        load(network_of("se"), dump(network_of(None)))


def test_not_strict_a_plain_checkpoint_gives_its_layers(disturbed):
    plain, model = disturbed(network_of(None)), network_of("se").double()
    before = model.layer1[0].attention.fc1.weight.clone()

    loaded = load(model, plain.state_dict(), strict=False)

    assert len(loaded.missing) == 16
    assert all(".attention." in key for key in loaded.missing)
    assert model.layer1[0].conv1.weight.equal(plain.layer1[0].conv1.weight)
    assert model.layer1[0].attention.fc1.weight.equal(before)


def test_a_checkpoint_with_blocks_has_keys_that_a_plain_network_lacks():
    words = r"Unexpected: 'layer1\.0\.se\.fc\.0\.weight'"

    with pytest.raises(WeightsError, match=words):
        load(network_of(None), dump(network_of("se"), "collections"))


def test_another_option_in_every_block_is_named_once():
    theirs = dump(network_of("eca", kernel_size=7), "official")

    with pytest.raises(WeightsError, match=r"It would fit with kernel_size=7\.$"):
        load(network_of("eca", kernel_size=5), theirs)


def test_another_option_in_some_blocks_is_named_with_them():
    theirs = dump(network_of("se", min_channels=8), "collections")
    words = r"It would fit with hidden_channels=8 at layer1\.0\.attention and \d+ more"

    with pytest.raises(WeightsError, match=words):
        load(network_of("se", min_channels=4), theirs)


def test_another_number_of_classes_is_refused_with_both_shapes():
    theirs = dump(network_of("se"), "collections")
    theirs["fc.bias"] = torch.ones(1000)

    with pytest.raises(WeightsError, match=r"'fc\.bias' is \(1000,\), needed \(5,\)"):
        load(network_of("se"), theirs)


def test_a_refused_checkpoint_changes_nothing(disturbed, assert_same_state):
    model = disturbed(network_of("se"))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    theirs = {key: value + 1 for key, value in dump(model, "collections").items()}
    theirs.popitem()

    with pytest.raises(WeightsError):
        load(model, theirs)

    assert_same_state(model.state_dict(), before)


class Twins(nn.Module):
    """Two blocks beside each other, and one below."""

    def __init__(self, names):
        super().__init__()
        for name in names:
            self.add_module(name, SqueezeExcite(16))
        self.below = nn.Sequential(nn.Conv2d(16, 16, 1), SqueezeExcite(16))


def test_two_blocks_beside_each_other_are_told_by_their_own_names(
    disturbed, assert_same_state
):
    trained, other = disturbed(Twins("ab")), Twins("ab").double()

    load(other, dump(trained, "collections"))

    assert_same_state(other.state_dict(), trained.state_dict())


def test_two_blocks_beside_each_other_under_other_names_are_refused():
    theirs = dump(Twins("xy"), "collections")
    words = r"^a: several blocks of the state dict fit: 'x\.', 'y\.'"

    with pytest.raises(WeightsError, match=words):
        load(Twins("ab"), theirs)


def test_blocks_of_several_kinds_each_find_theirs(disturbed, assert_same_state):
    def create():
        return nn.Sequential(
            nn.Conv2d(3, 16, 3), fv.create("se", 16), fv.create("cbam", 16)
        )

    trained, other = disturbed(create()), create().double()
    theirs = {
        **dump(trained[0], "foveate", prefix="0."),
        **dump(trained[1], "collections", prefix="1."),
        **dump(trained[2], "official", prefix="2."),
    }

    loaded = load(other, theirs)

    assert sorted(loaded.source.split(" + ")) == ["collections", "official"]
    assert_same_state(other.state_dict(), trained.state_dict())
