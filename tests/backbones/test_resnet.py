"""Sizes, strides, first weights, copies and what is refused."""

import copy
import functools
import inspect
import pickle

import pytest
import torch
from torch import nn

import foveate
from foveate import backbones
from foveate.backbones import ResNet
from foveate.backbones.lookup import Options
from foveate.errors import (
    OptionError,
    ShapeError,
    UnknownNameError,
    UnknownOptionError,
)

ATTENTION = [
    card.name
    for card in foveate.catalog.find()
    if card.kind != "fusion" and not card.sized
]
RESNETS = [name for name in backbones.names() if not name.endswith("_fpn")]


@pytest.mark.parametrize(
    ("stem", "sizes"),
    [
        ("imagenet", [(9, 12), (5, 6), (3, 3), (2, 2)]),
        ("half", [(17, 24), (9, 12), (5, 6), (3, 3)]),
        ("small", [(33, 47), (17, 24), (9, 12), (5, 6)]),
    ],
)
def test_each_stem_and_stage_rounds_odd_sizes_up(kind, tiny, stem, sizes):
    model = tiny(**kind, stem=stem)

    stages = model.features(torch.randn(1, 3, 33, 47))

    assert [tuple(stage.shape[2:]) for stage in stages] == sizes


@pytest.mark.parametrize(
    ("stem", "kernel_size", "reductions"),
    [
        ("imagenet", (7, 7), [4, 8, 16, 32]),
        ("half", (3, 3), [2, 4, 8, 16]),
        ("small", (3, 3), [1, 2, 4, 8]),
    ],
)
def test_feature_info_says_the_size_of_each_stage(
    kind, tiny, stem, kernel_size, reductions
):
    model = tiny(**kind, stem=stem)
    stages = model.features(torch.randn(1, 3, 64, 96))

    info = model.feature_info

    assert model.conv1.kernel_size == kernel_size
    assert [stage["module"] for stage in info] == [f"layer{n}" for n in range(1, 5)]
    assert [stage["reduction"] for stage in info] == reductions
    assert [tuple(stage.shape) for stage in stages] == [
        (1, found["num_chs"], 64 // found["reduction"], 96 // found["reduction"])
        for found in info
    ]


@pytest.mark.parametrize("stem", ["imagenet", "half", "small"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (224, 31)])
def test_any_size_of_image_gives_logits(kind, tiny, stem, size):
    model = tiny(**kind, stem=stem, attention="cbam").eval()

    assert model(torch.randn(1, 3, *size)).shape == (1, 3)


def test_images_may_have_any_number_of_channels(tiny):
    assert tiny(in_channels=1)(torch.randn(2, 1, 32, 32)).shape == (2, 3)


@pytest.mark.parametrize(("stride_at", "strides"), [("3x3", (1, 2)), ("1x1", (2, 1))])
@pytest.mark.parametrize("pre_activation", [False, True])
def test_stride_at_says_which_convolution_halves_the_map(
    tiny, pre_activation, stride_at, strides
):
    model = tiny(bottleneck=True, pre_activation=pre_activation, stride_at=stride_at)

    residual = model.layer2[0]

    assert (residual.conv1.stride[0], residual.conv2.stride[0]) == strides
    assert residual.downsample[0].stride == (2, 2)
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 3)


@pytest.mark.parametrize("attention", [None, *ATTENTION])
def test_the_rest_starts_from_the_same_weights_with_any_block(kind, tiny, attention):
    plain = tiny(**kind, width=32).state_dict()

    model = tiny(**kind, width=32, attention=attention).state_dict()

    assert {key for key in model if ".attention." not in key} == set(plain)
    assert all(torch.equal(model[key], value) for key, value in plain.items())


def test_attention_keeps_the_first_weights_its_paper_gives_it(tiny):
    model = tiny(attention="cbam")

    assert (model.layer1[0].attention.spatial.bn.weight == 0).all()


def test_convolutions_start_normal_with_the_variance_of_he_et_al(tiny):
    weight = tiny(width=64).layer4[0].conv2.weight

    # 2 / (512 channels out * 3 * 3)
    torch.testing.assert_close(weight.var().item(), 2 / (512 * 9), rtol=0.01, atol=0)


def through_pickle(model):
    return pickle.loads(pickle.dumps(model))  # noqa: S301


@pytest.mark.parametrize("copied", [copy.deepcopy, through_pickle])
@pytest.mark.parametrize(
    "attention", [None, "cbam", functools.partial(foveate.create, "simam")]
)
def test_a_copy_answers_alike_and_shares_nothing(kind, tiny, copied, attention):
    model = tiny(**kind, attention=attention).eval()
    x = torch.randn(1, 3, 32, 32)
    want = model(x)

    twin = copied(model)
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()

    assert torch.equal(twin(x), want)


def test_every_parameter_gets_a_gradient(kind, tiny):
    model = tiny(**kind, attention="se")

    model(torch.randn(4, 3, 32, 32)).square().sum().backward()

    assert all(p.grad is not None for p in model.parameters())


def test_the_input_is_left_alone(kind, tiny):
    x = torch.randn(2, 3, 32, 32)
    before = x.clone()

    tiny(**kind, attention="se", stem="small")(x)

    assert torch.equal(x, before)


def test_names_are_in_order_of_version_and_depth():
    assert backbones.names()[:12] == [
        *("resnet10", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
        *("resnet10v2", "resnet18v2", "resnet34v2"),
        *("resnet50v2", "resnet101v2", "resnet152v2"),
    ]


@pytest.mark.parametrize("name", RESNETS)
def test_each_name_of_a_resnet_is_also_a_function(name):
    with torch.device("meta"):
        by_function = getattr(backbones, name)(width=8, attention="se")
        by_name = backbones.create(name, width=8, attention="se")

    assert str(by_function) == str(by_name)


def test_create_takes_every_option_of_the_class():
    taken = {
        name
        for name, parameter in inspect.signature(ResNet).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }

    assert set(Options.__annotations__) == taken - {"bottleneck", "pre_activation"}


def test_an_unknown_name_offers_near_ones():
    with pytest.raises(
        UnknownNameError,
        match=r"^no backbone named 'resnet19'\. Did you mean 'resnet18'",
    ):
        backbones.create("resnet19")


def test_an_unknown_option_offers_near_ones():
    with pytest.raises(
        UnknownOptionError,
        match=r"^resnet18 has no option 'atention'\. Did you mean 'attention'",
    ):
        backbones.resnet18(atention="se")


def test_an_unknown_block_offers_near_ones(tiny):
    with pytest.raises(UnknownNameError, match=r"no block named 'cbm'.*'cbam'"):
        tiny(attention="cbm")


def test_an_unknown_option_of_the_block_offers_near_ones(tiny):
    with pytest.raises(UnknownOptionError, match=r"se has no option 'ratio'"):
        tiny(attention="se", attention_options={"ratio": 8})


@pytest.mark.parametrize(
    "attention", ["shuffle", functools.partial(foveate.create, "shuffle")]
)
def test_a_block_that_does_not_fit_is_named_with_its_site(tiny, attention):
    with pytest.raises(
        OptionError,
        match=r"^layer1\.0: ShuffleAttention: channels must be a multiple of 16 .*"
        r"got 10\. Nearest that fit: 16\.$",
    ):
        tiny(width=10, attention=attention)


def test_the_site_is_the_first_at_which_the_block_does_not_fit(tiny):
    with pytest.raises(OptionError, match=r"^layer3\.0: ShuffleAttention"):
        tiny(width=10, attention="shuffle", attention_stages=(4, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, r"^ResNet: width must be greater than 0, got 0\.$"),
        ({"num_classes": 2.5}, r"^ResNet: num_classes must be a whole number"),
        ({"in_channels": -1}, r"^ResNet: in_channels must be greater than 0, got -1"),
        ({"stem": "smal"}, r"stem cannot be 'smal'\. Did you mean 'small'"),
        ({"stride_at": "1x1"}, r"stride_at='1x1' needs bottlenecks"),
        (
            {"stride_at": "2x2", "bottleneck": True},
            r"stride_at cannot be '2x2'\. Known: 1x1, 3x3\.",
        ),
        (
            {"attention": "se", "attention_place": "after_conv3"},
            r"attention_place cannot be 'after_conv3'\. Did you mean 'after_conv2'",
        ),
        ({"attention_stages": ()}, r"attention_stages must name one or more"),
        ({"attention_stages": (0, 1)}, r"attention_stages must name .* got \(0, 1\)"),
        ({"attention_stages": 3}, r"attention_stages must name .* got 3\."),
        ({"attention_stages": "12"}, r"attention_stages must name .* got '12'\."),
        ({"attention_stages": (True,)}, r"attention_stages must name .* got \(True,\)"),
        ({"attention_stages": (2, 2)}, r"attention_stages must name a stage only once"),
        ({"attention": 3}, r"attention must be the name of a block, .* got 3 \(int\)"),
        ({"attention": nn.Identity()}, r"give the class, not an object of it\.$"),
        ({"attention": lambda _: 5}, r"^layer1\.0: attention must make .* got 5 \(int"),
        ({"attention_options": {"bias": True}}, r"attention_options go with the name"),
        (
            {"attention": nn.Identity, "attention_options": {"bias": True}},
            r"attention_options go with the name of a block",
        ),
        (
            {"attention": "gated"},
            r"^ResNet: attention takes one map, but 'gated' is a fusion of several\. "
            r"Fusions join the levels of a pyramid: backbones\.create\('resnet18_fpn'",
        ),
        (
            {"attention": foveate.blocks.Add},
            r"^layer1\.0: attention takes one map, but 'Add' is a fusion of several",
        ),
        ({"relu_before_attention": True}, r"relu_before_attention needs attention"),
        (
            {"attention": "simam", "relu_before_attention": True},
            r"relu_before_attention is for .* here it goes after_conv2",
        ),
    ],
)
def test_what_cannot_work_is_refused(tiny, options, message):
    with pytest.raises(OptionError, match=message):
        tiny(**options)


@pytest.mark.parametrize(
    ("depths", "message"),
    [
        ((1, 1, 1), r"depths must name .* got 3: \(1, 1, 1\)"),
        ((1, 0, 1, 1), r"depths must be greater than 0, got 0"),
        (18, r"depths must be four whole numbers, such as \(2, 2, 2, 2\), got 18"),
        ("2222", r"depths must be four whole numbers.*got '2222'"),
    ],
)
def test_depths_are_four_whole_numbers(depths, message):
    with pytest.raises(OptionError, match=message):
        ResNet(depths)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(3, 32, 32), r"^ResNet: expects \(B, 3, H, W\), got \(3, 32, 32\)"),
        (torch.zeros(1, 1, 32, 32), r"expects \(B, 3, H, W\), got \(1, 1, 32, 32\)"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), r"floating point.*x\.float\(\)"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(tiny, x, message):
    with pytest.raises(ShapeError, match=message):
        tiny()(x)
