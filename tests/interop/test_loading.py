"""What loading promises beside the right values: nothing silent, nothing half done."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.blocks import CBAM, ECA, SAFM, SimAM, SpatialAttention, SqueezeExcite
from foveate.errors import OptionError, WeightsError
from foveate.interop import dump, load


@pytest.fixture
def official_cbam(disturbed):
    """The state dict of an official CBAM of 16 channels with a bottleneck of 4."""
    return dump(disturbed(CBAM(16, reduction=4)), "official")


def se_weights(channels=64, width=4, *, bias=False):
    weights = {
        "fc.0.weight": torch.randn(width, channels),
        "fc.2.weight": torch.randn(channels, width),
    }
    if bias:
        weights["fc.0.bias"] = torch.randn(width)
        weights["fc.2.bias"] = torch.randn(channels)
    return weights


def under(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


def test_says_what_was_loaded():
    loaded = load(SqueezeExcite(64), se_weights())

    assert loaded == fv.interop.Loaded(
        source="collections", prefix="", keys=("fc1.weight", "fc2.weight")
    )


def test_a_module_of_data_parallel_is_loaded_without_its_prefix(official_cbam):
    block = CBAM(16, reduction=4).double()

    loaded = load(block, under("module.", official_cbam))

    assert loaded.prefix == ""
    assert block.channel.fc1.bias.equal(official_cbam["ChannelGate.mlp.1.bias"])


def test_loads_into_a_module_within_data_parallel(official_cbam):
    block = CBAM(16, reduction=4).double()

    load(nn.DataParallel(block), official_cbam)

    assert block.channel.fc1.bias.equal(official_cbam["ChannelGate.mlp.1.bias"])


@pytest.mark.parametrize("prefix", ["layer1.0.cbam.", "module.layer1.0.cbam."])
def test_a_prefix_picks_a_block_out_of_a_network(official_cbam, prefix):
    other = {key: value + 1 for key, value in official_cbam.items()}
    network = under("module.layer1.0.cbam.", official_cbam) | under(
        "module.layer1.1.cbam.", other
    )
    network["module.conv1.weight"] = torch.randn(16, 3, 7, 7)
    block = CBAM(16, reduction=4).double()

    loaded = load(block, network, prefix=prefix)

    assert (loaded.prefix, loaded.unexpected) == ("layer1.0.cbam.", ())
    assert block.channel.fc1.bias.equal(official_cbam["ChannelGate.mlp.1.bias"])


def test_the_only_prefix_is_found(official_cbam):
    network = under("stem.attention.", official_cbam) | {"conv.weight": torch.ones(3)}

    loaded = load(CBAM(16, reduction=4), network)

    assert (loaded.prefix, loaded.unexpected) == ("stem.attention.", ())


def test_layers_of_the_release_are_found_by_the_start_of_their_names():
    theirs = {
        "conv2_1_1x1_down.weight": torch.randn(4, 64, 1, 1),
        "conv2_1_1x1_down.bias": torch.randn(4),
        "conv2_1_1x1_up.weight": torch.randn(64, 4, 1, 1),
        "conv2_1_1x1_up.bias": torch.randn(64),
        "conv2_1_1x1_increase.weight": torch.randn(64, 64, 1, 1),
    }

    loaded = load(SqueezeExcite(64, bias=True), theirs)

    assert (loaded.source, loaded.prefix) == ("official", "conv2_1_")


def test_several_prefixes_are_refused_and_listed(official_cbam):
    network = under("layer1.0.cbam.", official_cbam) | under("x.cbam.", official_cbam)
    words = (
        r"^CBAM: several blocks of the state dict fit: 'layer1\.0\.cbam\.', 'x\.cbam\.'"
        r"\. Name one: prefix='layer1\.0\.cbam\.'\.$"
    )

    with pytest.raises(WeightsError, match=words):
        load(CBAM(16, reduction=4), network)


def test_a_wrong_prefix_is_answered_with_the_right_ones(official_cbam):
    network = under("layer1.0.cbam.", official_cbam)
    words = (
        r"^CBAM: the state dict holds nothing for it under 'layer1\.0\.se\.'\. "
        r"The keys look like 'official' under prefix 'layer1\.0\.cbam\.'\.$"
    )

    with pytest.raises(WeightsError, match=words):
        load(CBAM(16, reduction=4), network, prefix="layer1.0.se.")


def test_a_wrong_source_is_answered_with_the_right_one(official_cbam):
    words = (
        r"^CBAM: the state dict holds nothing for it by the keys of 'timm'\. "
        r"The keys look like 'official' under prefix ''\.$"
    )

    with pytest.raises(WeightsError, match=words):
        load(CBAM(16, reduction=4), official_cbam, "timm")


def test_unknown_keys_are_refused_by_name():
    theirs = se_weights() | {"fc.4.weight": torch.ones(1), "epoch": torch.ones(1)}

    with pytest.raises(WeightsError, match=r"Unexpected: 'fc\.4\.weight', 'epoch'\.$"):
        load(SqueezeExcite(64), theirs)


def test_a_state_dict_of_something_else_is_refused():
    words = r"holds nothing for it\. No key of it looks like one of this block\.$"

    with pytest.raises(WeightsError, match=words):
        load(SqueezeExcite(64), {"classifier.weight": torch.ones(3, 3)})


def test_missing_keys_are_refused_under_both_names(official_cbam):
    del official_cbam["ChannelGate.mlp.3.weight"]
    words = (
        r"Missing: 'channel\.fc2\.weight' \(theirs 'ChannelGate\.mlp\.3\.weight'\)\.$"
    )

    with pytest.raises(WeightsError, match=words):
        load(CBAM(16, reduction=4), official_cbam)


def test_another_shape_is_refused_with_both_shapes_and_what_would_fit():
    words = (
        r"^SqueezeExcite: weights of 'collections' do not fit\. Of another shape: "
        r"'fc\.0\.weight' is \(8, 64\), needed \(4, 64\), "
        r"'fc\.2\.weight' is \(64, 8\), needed \(64, 4\)\. "
        r"It would fit with hidden_channels=8\.$"
    )

    with pytest.raises(WeightsError, match=words):
        load(SqueezeExcite(64), se_weights(width=8))


def test_names_of_a_linear_layer_with_the_shape_of_a_convolution_are_another_layout():
    theirs = {key: value[:, :, None, None] for key, value in se_weights().items()}

    assert load(SqueezeExcite(64), theirs).source == "collections.conv"


@pytest.mark.parametrize("strict", [True, False])
def test_what_is_no_tensor_is_refused(strict):
    checkpoint = {"state_dict": se_weights(), "epoch": 3}
    words = r"'state_dict' is a dict\..*checkpoint\['state_dict'\]\.$"

    with pytest.raises(WeightsError, match=words):
        load(SqueezeExcite(64), checkpoint, strict=strict)


def test_a_module_in_place_of_a_state_dict_is_refused():
    with pytest.raises(WeightsError, match=r"a Linear: pass its state_dict\(\)\."):
        load(SqueezeExcite(8), nn.Linear(3, 3))


def test_keys_of_two_layouts_are_refused():
    theirs = se_weights()
    theirs["fc2.weight"] = theirs.pop("fc.2.weight")[:, :, None, None]
    words = r"mixes keys of 'timm' \('fc2\.weight'\) and of 'collections' \('fc\.0"

    with pytest.raises(WeightsError, match=words):
        load(SqueezeExcite(64), theirs)


def test_the_spatial_half_of_one_layout_with_the_channel_half_of_another_is_refused(
    official_cbam, disturbed
):
    timm = dump(disturbed(CBAM(16, reduction=4)), "timm")
    theirs = {k: v for k, v in official_cbam.items() if k.startswith("ChannelGate")}
    theirs |= {k: v for k, v in timm.items() if k.startswith("spatial")}
    words = r"Some keys are those of 'official': two layouts are mixed\.$"

    with pytest.raises(WeightsError, match=words):
        load(CBAM(16, reduction=4), theirs)


def test_a_layout_beside_another_is_refused(official_cbam, disturbed):
    both = official_cbam | dump(disturbed(CBAM(16, reduction=4)), "timm")

    with pytest.raises(WeightsError, match=r"mixes keys of 'official'.*and of 'timm'"):
        load(CBAM(16, reduction=4), both)


def test_a_kernel_that_may_read_either_order_needs_a_source(disturbed):
    # a half of our own CBAM, or the whole of the official half
    theirs = dump(disturbed(SpatialAttention(16)), "official")
    words = r"those of 'official' and of 'foveate\.whole', whose values mean different"

    with pytest.raises(WeightsError, match=words):
        load(SpatialAttention(16), theirs)


def test_a_half_of_the_official_block_is_told_by_its_longer_name(official_cbam):
    block = SpatialAttention(16).double()

    loaded = load(block, official_cbam)

    theirs = official_cbam["SpatialGate.spatial.conv.weight"]
    assert loaded.source == "official.whole"
    assert block.conv.weight.equal(theirs.flip(1))


@pytest.mark.parametrize(
    ("theirs", "ours", "hint"),
    [
        (("se.bias", {}), ("se", {}), "bias=True"),
        (("se", {}), ("se.bias", {}), "bias=False"),
        (("se", {"hidden_channels": 8}), ("se", {}), "hidden_channels=8"),
        (
            ("cbam.conv", {}),
            ("cbam.conv", {"spatial_norm": True}),
            "spatial_norm=False",
        ),
        (("cbam", {}), ("cbam", {"spatial_norm": False}), "spatial_norm=True"),
        (("cbam", {"kernel_size": 3}), ("cbam", {}), "kernel_size=3"),
        (("cbam", {}), ("cbam", {"no_spatial": True}), "no_spatial=False"),
        (("cbam", {"no_spatial": True}), ("cbam", {}), "no_spatial=True"),
        (("cbam.linear", {}), ("cbam.linear", {"spatial_bias": False}), "spatial_bias"),
        (("eca", {"kernel_size": 7}), ("eca", {}), "kernel_size=7"),
        (("coordinate", {"bias": False}), ("coordinate", {}), "bias=False"),
        (("msf", {"fc_norm": True}), ("msf", {}), "fc_norm=True"),
        (("mfe", {}), ("mfe", {"fc_norm": True}), "fc_norm=False"),
        (("msf", {"num_inputs": 3}), ("msf", {}), "num_inputs=3"),
        (("safm", {"n_levels": 2}), ("safm", {}), "n_levels=2"),
        (("osra", {"sr_ratio": 4}), ("osra", {}), "sr_ratio=4"),
        (("osra", {"sr_ratio": 1}), ("osra", {}), "sr_ratio=1"),
        (("csf", {"upsample": 2}), ("csf", {}), "upsample=2"),
    ],
)
def test_says_which_option_would_make_weights_fit(theirs, ours, hint):
    name, options = theirs
    source = fv.interop.sources(name)[0]
    if name.startswith("cbam."):
        source = name.replace("cbam", "collections")
    weights = dump(fv.create(name, 16, **options), source)
    name, options = ours

    with pytest.raises(WeightsError, match=rf"It would fit with [^.]*{hint}"):
        load(fv.create(name, 16, **options), weights, source)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.pop("ChannelGate.mlp.3.bias"),
        lambda state: state.update(more=torch.ones(1)),
        lambda state: state.update({"ChannelGate.mlp.1.bias": torch.ones(5)}),
    ],
    ids=["missing", "unexpected", "misshapen"],
)
def test_a_refused_state_dict_changes_nothing(
    official_cbam, disturbed, assert_same_state, spoil
):
    block = disturbed(CBAM(16, reduction=4))
    before = {key: value.clone() for key, value in block.state_dict().items()}
    theirs = {key: value + 1 for key, value in official_cbam.items()}
    spoil(theirs)

    with pytest.raises(WeightsError):
        load(block, theirs)

    assert_same_state(block.state_dict(), before)


def test_not_strict_loads_what_fits_and_lists_the_rest(official_cbam):
    block = CBAM(16, reduction=4).double()
    theirs = official_cbam | {"more": torch.ones(1)}
    theirs["ChannelGate.mlp.1.bias"] = torch.ones(5)
    del theirs["ChannelGate.mlp.3.bias"]

    loaded = load(block, theirs, strict=False)

    assert loaded.missing == ("channel.fc2.bias", "channel.fc1.bias")
    assert loaded.unexpected == ("more", "ChannelGate.mlp.1.bias")
    assert len(loaded.keys) == 8
    assert block.spatial.bn.bias.equal(theirs["SpatialGate.spatial.bn.bias"])


def test_not_strict_lists_everything_of_a_state_dict_of_something_else():
    loaded = load(SqueezeExcite(64), {"x": torch.ones(1)}, strict=False)

    assert loaded.keys == ()
    assert loaded.missing == ("fc1.weight", "fc2.weight")
    assert loaded.unexpected == ("x",)


def test_a_count_of_batches_may_be_absent(official_cbam):
    block = CBAM(16, reduction=4)
    block.spatial.bn.num_batches_tracked.fill_(3)
    del official_cbam["SpatialGate.spatial.bn.num_batches_tracked"]

    loaded = load(block, official_cbam)

    assert loaded.missing == ()
    assert block.spatial.bn.num_batches_tracked == 3


def test_a_count_of_batches_is_carried(official_cbam):
    block = CBAM(16, reduction=4)
    counter = "SpatialGate.spatial.bn.num_batches_tracked"
    official_cbam[counter] = torch.tensor(5_005_000)

    load(block, official_cbam)

    assert block.spatial.bn.num_batches_tracked == 5_005_000
    assert dump(block)[counter] == 5_005_000


def test_weights_of_half_precision_become_those_of_the_block():
    theirs = {key: value.half() for key, value in se_weights().items()}
    block = SqueezeExcite(64)

    load(block, theirs)

    assert block.fc1.weight.dtype is torch.float32
    assert block.fc1.weight[:, :, 0, 0].equal(theirs["fc.0.weight"].float())


def test_values_are_copied():
    theirs = {key: value[:, :, None, None] for key, value in se_weights().items()}
    block = SqueezeExcite(64)
    load(block, theirs)
    before = block.fc1.weight.clone()

    theirs["fc.0.weight"].zero_()

    assert block.fc1.weight.equal(before)


def test_parameters_stay_the_same_objects():
    block = SqueezeExcite(64)
    optimiser_sees = list(block.parameters())

    load(block, se_weights())

    assert all(a is b for a, b in zip(optimiser_sees, block.parameters(), strict=True))


def test_a_block_without_values_is_refused():
    with torch.device("meta"):
        block = SqueezeExcite(64)

    with pytest.raises(WeightsError, match=r"module\.to_empty\(device='cpu'\)"):
        load(block, se_weights())


def test_a_block_without_weights_takes_an_empty_state_dict():
    loaded = load(SimAM(8), {})

    assert (loaded.source, loaded.keys) == ("official", ())


def test_a_block_without_weights_refuses_those_of_another():
    with pytest.raises(WeightsError, match=r"Unexpected: 'fc\.0\.weight'"):
        load(SimAM(8), se_weights())


def test_a_source_that_the_block_does_not_have_is_refused():
    with pytest.raises(OptionError, match=r"safm: source cannot be 'timm'\. Known: "):
        load(SAFM(16), {}, "timm")


def test_a_source_that_is_misspelt_is_answered_with_near_ones():
    with pytest.raises(OptionError, match=r"Did you mean 'official'\?"):
        load(ECA(16), {}, "offical")


def test_more_keys_than_fit_a_line_are_counted():
    theirs = se_weights() | {f"x{n}": torch.ones(1) for n in range(20)}

    with pytest.raises(WeightsError, match=r"'x7' and 12 more\."):
        load(SqueezeExcite(64), theirs)


def test_weights_of_keras_answer_as_keras_code_would():
    torch.manual_seed(0)
    shapes = (8, 4), (4,), (4, 8), (8,), (3, 3, 2, 1)
    down, down_bias, up, up_bias, kernel = (torch.randn(s).double() for s in shapes)
    block = fv.create("cbam.keras", 8).double()
    theirs = {
        "ChannelGate.mlp.1.weight": down.T,
        "ChannelGate.mlp.1.bias": down_bias,
        "ChannelGate.mlp.3.weight": up.T,
        "ChannelGate.mlp.3.bias": up_bias,
        "SpatialGate.spatial.conv.weight": kernel.permute(3, 2, 0, 1),
    }

    load(block, theirs, "official")

    # channels last, as in Keras: two dense layers with a ReLU each, then (max, mean)
    x = torch.randn(2, 5, 7, 8).double()
    pooled = torch.stack([x.mean(dim=(1, 2)), x.amax(dim=(1, 2))])
    dense = ((pooled @ down + down_bias).relu() @ up + up_bias).relu()
    scaled = x * dense.sum(dim=0).sigmoid()[:, None, None, :]
    stacked = torch.stack([scaled.amax(dim=3), scaled.mean(dim=3)], dim=3)
    padded = nn.functional.pad(stacked, (0, 0, 1, 1, 1, 1))
    windows = padded.unfold(1, 3, 1).unfold(2, 3, 1)
    places = torch.einsum("bhwijk,jkio->bhwo", windows, kernel).sigmoid()
    y = block(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    torch.testing.assert_close(y, x + scaled * places)


def test_loading_works_under_inference_mode_too():
    with torch.inference_mode():
        theirs = se_weights()
    block = SqueezeExcite(64)

    load(block, theirs)

    assert block.fc1.weight[:, :, 0, 0].equal(theirs["fc.0.weight"])
    assert block.fc1.weight.requires_grad
