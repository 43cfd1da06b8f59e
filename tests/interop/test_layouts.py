"""The layouts as data: every one is exact both ways, for every block it is for."""

import re

import pytest
import torch

import foveate as fv
from foveate.errors import OptionError, UnknownNameError, WeightsError
from foveate.interop._hints import HINTS, Switch
from foveate.interop._layouts import LAYOUTS, chosen
from foveate.interop._matching import slots_of
from foveate.interop._places import PLACES

OPTIONS = {
    "nam": {"spatial_size": (5, 7)},
    "joint_cbam": {"spatial_size": (5, 7)},
    "sk": {"groups": 4, "min_channels": 8},
    "csf": {"upsample": 2},
    "osra": {"num_heads": 4},
    "shuffle": {"groups": 2},
    "msf": {"fc_norm": True},
    "mfe": {"fc_norm": True},
}
EVERY = [(block, layout.name) for block in LAYOUTS for layout in chosen(block, "auto")]


def block_of(name, **options):
    torch.manual_seed(0)
    return fv.create(name, 16, **OPTIONS.get(name, {}), **options)


def fitting(name, source):
    """Return a block that the layout has a place for."""
    if name in {"cbam", "spatial"} and source.startswith("collections"):
        return block_of(f"{name}.conv")
    if (name, source) == ("nam", "official.channel"):
        return fv.create("nam", 16)
    if (name, source) == ("sk", "collections"):
        return block_of(name, fc_norm=False, fc_bias=True, conv_bias=True)
    return block_of(name)


@pytest.mark.parametrize(("name", "source"), EVERY)
def test_what_is_dumped_loads_back(name, source, disturbed, assert_same_state):
    block, other = disturbed(fitting(name, source)), fitting(name, source).double()

    loaded = fv.interop.load(other, fv.interop.dump(block, source), source)

    assert (loaded.missing, loaded.unexpected) == ((), ())
    assert_same_state(other.state_dict(), block.state_dict())


@pytest.mark.parametrize(("name", "source"), EVERY)
def test_what_came_is_dumped_again(name, source, disturbed, assert_same_state):
    block, other = disturbed(fitting(name, source)), fitting(name, source).double()
    theirs = fv.interop.dump(block, source)

    fv.interop.load(other, theirs, source)
    back = fv.interop.dump(other, source)

    assert list(back) == list(theirs)
    assert_same_state(back, theirs)


@pytest.mark.parametrize(
    ("name", "source"),
    # but for these two, which have the same names and mean different things
    [
        e
        for e in EVERY
        if e not in {("spatial", "official"), ("spatial", "foveate.whole")}
    ],
)
def test_the_keys_alone_tell_what_to_do(name, source, disturbed, assert_same_state):
    block, other = disturbed(fitting(name, source)), fitting(name, source).double()

    fv.interop.load(other, fv.interop.dump(block, source))

    assert_same_state(other.state_dict(), block.state_dict())


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_every_layout_makes_tensors_of_our_shapes(name):
    for layout in LAYOUTS[name]:
        own = fitting(name, layout.name).state_dict()
        for key, slot in slots_of(layout, own).items():
            parts = slot.transform.split(own[key], len(slot.theirs))
            assert slot.transform.join(parts).shape == own[key].shape, (layout, key)


@pytest.mark.parametrize(
    ("block", "source", "shapes"),
    [
        (
            "se",
            "collections",
            {"fc.0.weight": (1, 16), "fc.2.weight": (16, 1)},
        ),
        (
            "se.bias",
            "official",
            {
                "1x1_down.weight": (1, 16, 1, 1),
                "1x1_down.bias": (1,),
                "1x1_up.weight": (16, 1, 1, 1),
                "1x1_up.bias": (16,),
            },
        ),
        (
            "channel",
            "official",
            {
                "mlp.1.weight": (1, 16),
                "mlp.1.bias": (1,),
                "mlp.3.weight": (16, 1),
                "mlp.3.bias": (16,),
            },
        ),
        (
            "s2",
            "collections",
            {
                "mlp1.weight": (48, 16),
                "mlp1.bias": (48,),
                "mlp2.weight": (16, 16),
                "mlp2.bias": (16,),
                "split_attention.mlp1.weight": (16, 16),
                "split_attention.mlp2.weight": (48, 16),
            },
        ),
        (
            "gated",
            "collections",
            {
                "fc1.weight": (16, 16),
                "fc1.bias": (16,),
                "fc2.weight": (16, 16),
                "fc2.bias": (16,),
            },
        ),
        (
            "joint_cbam",
            "collections",
            {
                "ChannelAttention.se.0.weight": (1, 16, 1, 1),
                "ChannelAttention.se.2.weight": (16, 1, 1, 1),
                "SpatialAttention.conv.weight": (1, 2, 7, 7),
                "SpatialAttention.conv.bias": (1,),
                "MLP.0.weight": (1, 51),
                "MLP.2.weight": (51, 1),
            },
        ),
    ],
)
def test_keys_and_shapes_are_theirs(block, source, shapes):
    theirs = fv.interop.dump(block_of(block), source)

    found = {key: tuple(value.shape) for key, value in theirs.items()}
    assert list(found.items()) == list(shapes.items())


def test_rows_of_the_select_layer_are_those_of_the_branches_in_turn(disturbed):
    block = disturbed(
        block_of("sk", kernel_sizes=(1, 3, 5), fc_norm=False, fc_bias=True)
    )

    theirs = fv.interop.dump(block, "collections")

    rows, bias = block.attn.fc2.weight[:, :, 0, 0], block.attn.fc2.bias
    for branch in range(3):
        own = slice(16 * branch, 16 * branch + 16)
        assert theirs[f"fcs.{branch}.weight"].equal(rows[own])
        assert theirs[f"fcs.{branch}.bias"].equal(bias[own])


@pytest.mark.parametrize(
    ("source", "key", "turned"),
    [
        ("official", "SpatialGate.spatial.conv.weight", True),
        ("timm", "spatial.conv.conv.weight", False),
        ("collections.conv", "spatialattention.conv1.weight", False),
        ("collections.linear", "spatial_attention.conv2d.weight", False),
        ("collections.residual", "sa.conv.weight", True),
        ("collections.halves", "sa.conv1.weight", False),
    ],
)
def test_kernels_that_read_the_maximum_first_are_turned(source, key, turned, disturbed):
    block = disturbed(block_of("cbam.conv"))

    theirs = fv.interop.dump(block, source)

    ours = block.spatial.conv.weight
    assert theirs[key].equal(ours.flip(1) if turned else ours)


def test_the_third_convolution_of_the_mobile_network_is_that_of_columns(disturbed):
    block = disturbed(block_of("coordinate"))

    theirs = fv.interop.dump(block, "official.mbv2")

    assert theirs["conv2.weight"].equal(block.conv_h.weight)
    assert theirs["conv3.weight"].equal(block.conv_w.weight)


def test_what_is_dumped_is_a_copy(disturbed):
    block = disturbed(block_of("se"))
    before = block.fc1.weight.clone()

    for value in fv.interop.dump(block, "timm").values():
        value.zero_()

    assert block.fc1.weight.equal(before)


def test_sources_are_known_by_any_name_of_a_block():
    assert fv.interop.sources("coordatt") == fv.interop.sources("coordinate")


def test_blocks_of_ours_alone_have_one_source():
    assert fv.interop.sources("concat") == ("foveate",)


def test_sources_of_an_unknown_block_offer_near_names():
    with pytest.raises(UnknownNameError, match="Did you mean"):
        fv.interop.sources("cbamm")


def test_dump_refuses_a_source_that_a_block_does_not_have():
    words = r"s2: source cannot be 'timm'\. Known: collections, foveate\."

    with pytest.raises(OptionError, match=words):
        fv.interop.dump(block_of("s2"), "timm")


def test_dump_refuses_a_tensor_that_they_have_no_place_for():
    block = fv.create("gated", 16, align="first", in_channels=(16, 8))
    words = (
        r"gated: the code of 'collections' has no place for 'align\.project\.1\.weight'"
    )

    with pytest.raises(WeightsError, match=words):
        fv.interop.dump(block, "collections")


def test_every_layout_belongs_to_a_source():
    names = {layout.source for layouts in LAYOUTS.values() for layout in layouts}

    assert names <= set(fv.interop.SOURCES)


def test_no_block_has_two_layouts_of_one_name():
    for block in LAYOUTS:
        names = fv.interop.sources(block)
        assert len(set(names)) == len(names), block


def test_every_layout_and_place_is_of_a_block_in_the_catalogue():
    assert {*LAYOUTS, *PLACES, *HINTS} <= set(fv.names())


def test_every_place_is_of_a_layout_that_there_is():
    for block, places in PLACES.items():
        known = set(fv.interop.sources(block))
        assert set(places) <= known | {name.partition(".")[0] for name in known}


@pytest.mark.parametrize("block", sorted(HINTS))
def test_hints_name_options_that_the_block_has(block):
    options = {"channels", *(option.name for option in fv.card(block).options)}

    for hint in HINTS[block]:
        texts = (
            (hint.present, hint.absent) if isinstance(hint, Switch) else (hint.option,)
        )
        assert {re.match(r"\w+", text)[0] for text in texts} <= options
