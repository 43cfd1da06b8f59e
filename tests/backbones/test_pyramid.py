"""A pyramid: its formula, its keys, its first weights, and what it refuses."""

import copy
import functools
import inspect
import pickle

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm, conv2d

import foveate
from foveate import backbones
from foveate.backbones import Pyramid, PyramidOptions, ResNet
from foveate.blocks import Concat, Fusion, SqueezeExcite
from foveate.errors import (
    OptionError,
    ShapeError,
    UnknownNameError,
    UnknownOptionError,
)

FUSIONS = foveate.names(kind="fusion")
FREE = torch.export.Dim.DYNAMIC


@pytest.fixture
def pyramid():
    """Make a pyramid of one residual block a stage, 4 channels wide."""

    def create(*, width=4, num_classes=3, **options):
        torch.manual_seed(0)
        return Pyramid((1, 1, 1, 1), width=width, num_classes=num_classes, **options)

    return create


def enlarged(x, height, width):
    """Return ``x`` at another size, each place from the one that it lies in."""
    rows = [i * x.shape[2] // height for i in range(height)]
    columns = [j * x.shape[3] // width for j in range(width)]
    return x[:, :, rows][:, :, :, columns]


def with_random_state(model):
    """Fill every weight and statistic, so that none can be left out unseen."""
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif value.is_floating_point():
            value.add_(torch.randn_like(value), alpha=0.1)
    return model


def rectified(stages, state):
    """Return relu(bn(stage)) of each stage: the last has the BatchNorm of the trunk."""
    norms = ["norm.0", "norm.1", "norm.2", "trunk.norm"]
    return [
        batch_norm(
            stage,
            state[f"{norm}.running_mean"],
            state[f"{norm}.running_var"],
            state[f"{norm}.weight"],
            state[f"{norm}.bias"],
        ).clamp(min=0)
        for norm, stage in zip(norms, stages, strict=True)
    ]


def top_down(stages, state, joined):
    """Return the levels, finest first, and the logits, by the formula of the paper."""

    def conv(x, name):
        weight = state[f"{name}.weight"]
        bias = state[f"{name}.bias"]
        return conv2d(x, weight, bias, padding=weight.shape[-1] // 2)

    merged = [conv(stages[3], "lateral.3")]
    for place in (2, 1, 0):
        lateral = conv(stages[place], f"lateral.{place}")
        above = enlarged(merged[0], *lateral.shape[2:])
        merged = [joined(place, lateral, above), *merged]
    levels = [conv(level, f"smooth.{place}") for place, level in enumerate(merged)]
    pooled = levels[0].sum(dim=(2, 3)) / (levels[0].shape[2] * levels[0].shape[3])
    return levels, pooled @ state["fc.weight"].T + state["fc.bias"]


@pytest.mark.parametrize("size", [(37, 50), (64, 96), (9, 1)])
def test_levels_and_logits_are_those_of_the_paper(kind, pyramid, size):
    model = with_random_state(pyramid(**kind).double().eval())
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    stages = list(model.trunk.features(x))
    if kind["pre_activation"]:
        stages = rectified(stages, model.state_dict())

    levels, logits = top_down(stages, model.state_dict(), lambda _, a, b: a + b)

    torch.testing.assert_close(list(model.features(x)), levels, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model(x), logits, rtol=1e-10, atol=1e-10)


def test_a_fusion_gets_the_lateral_first_and_the_level_above_second(pyramid):
    model = with_random_state(pyramid(fusion="concat").double().eval())
    x = torch.randn(2, 3, 37, 50, dtype=torch.float64)
    state = model.state_dict()

    def joined(place, lateral, above):
        weight = state[f"joins.{place}.project.weight"][:, :, 0, 0]
        both = torch.einsum("oc,bchw->bohw", weight, torch.cat([lateral, above], 1))
        return both + state[f"joins.{place}.project.bias"][:, None, None]

    levels, logits = top_down(model.trunk.features(x), state, joined)

    torch.testing.assert_close(list(model.features(x)), levels, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model(x), logits, rtol=1e-10, atol=1e-10)


def test_feature_info_says_the_size_of_each_level(kind, pyramid):
    model = pyramid(**kind, stem="half", pyramid_channels=6)
    levels = model.features(torch.randn(1, 3, 32, 48))

    info = model.feature_info

    assert [level["module"] for level in info] == [f"smooth.{n}" for n in range(4)]
    assert [level["reduction"] for level in info] == [2, 4, 8, 16]
    assert [tuple(level.shape) for level in levels] == [
        (1, found["num_chs"], 32 // found["reduction"], 48 // found["reduction"])
        for found in info
    ]
    assert {found["num_chs"] for found in info} == {6}


def test_the_pyramid_of_the_paper_has_256_channels():
    with torch.device("meta"):
        model = backbones.create("resnet50_fpn")

    assert [conv.in_channels for conv in model.lateral] == [256, 512, 1024, 2048]
    assert {conv.out_channels for conv in model.lateral} == {256}


def test_fewer_levels_are_the_finest_ones_and_change_no_logits(pyramid):
    model, fewer = pyramid(), pyramid(levels=2)
    fewer.load_state_dict(model.state_dict(), strict=False)
    x = torch.randn(1, 3, 32, 40)

    levels = fewer.eval().features(x)

    assert [info["module"] for info in fewer.feature_info] == ["smooth.0", "smooth.1"]
    torch.testing.assert_close(levels, model.eval().features(x)[:2])
    torch.testing.assert_close(fewer(x), model(x))


@pytest.mark.parametrize("stem", ["imagenet", "small"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (65, 31)])
def test_any_size_of_image_gives_logits(kind, pyramid, stem, size):
    model = pyramid(**kind, stem=stem, fusion="gated").eval()

    assert model(torch.randn(1, 3, *size)).shape == (1, 3)


def test_parameters_by_hand(pyramid):
    # laterals from 4, 8, 16 and 32 channels, and a 3x3 convolution each, to 16
    laterals = sum(stage * 16 + 16 for stage in (4, 8, 16, 32))
    smooth = 4 * (16 * 16 * 9 + 16)
    trunk = ResNet((1, 1, 1, 1), width=4, num_classes=1)
    in_trunk = sum(p.numel() for p in trunk.parameters()) - (32 + 1)

    found = foveate.cost(pyramid(), (1, 3, 32, 32)).parameters

    assert found == in_trunk + laterals + smooth + (16 * 3 + 3)


def test_multiply_accumulates_by_hand(pyramid):
    # the maps are 16x12, 8x6, 4x3 and 2x2 large
    places = (192, 48, 12, 4)
    laterals = sum(
        n * stage * 16 for n, stage in zip(places, (4, 8, 16, 32), strict=True)
    )
    joins = sum(n * 2 * 16 * 16 for n in places[:3])
    trunk = ResNet((1, 1, 1, 1), width=4, num_classes=1)
    in_trunk = foveate.cost(trunk, (1, 3, 64, 48)).macs - 32

    found = foveate.cost(pyramid(fusion="concat"), (1, 3, 64, 48)).macs

    assert found == in_trunk + laterals + joins + 192 * 16 * 16 * 9 + 16 * 3


def test_keys_of_the_trunk_are_those_of_a_resnet(kind, pyramid):
    resnet = ResNet((1, 1, 1, 1), width=4, num_classes=3, **kind)

    keys = list(pyramid(**kind).state_dict())

    in_trunk = [f"trunk.{key}" for key in resnet.state_dict() if key[:3] != "fc."]
    assert [key for key in keys if key.startswith("trunk.")] == in_trunk
    assert {key.split(".")[0] for key in keys} - {"trunk", "norm"} == {
        "lateral",
        "smooth",
        "fc",
    }


def test_a_checkpoint_of_a_resnet_loads_into_the_trunk(kind, pyramid):
    resnet = ResNet((1, 1, 1, 1), width=4, num_classes=7, **kind).eval()
    model = pyramid(**kind).eval()
    x = torch.randn(1, 3, 32, 40)

    missing, unexpected = model.trunk.load_state_dict(resnet.state_dict(), strict=False)

    assert missing == []
    assert unexpected == ["fc.weight", "fc.bias"]
    torch.testing.assert_close(model.trunk.features(x), resnet.features(x))


def test_the_trunk_starts_from_the_weights_of_the_resnet_alone(kind, pyramid):
    torch.manual_seed(0)
    resnet = ResNet((1, 1, 1, 1), width=4, num_classes=3, **kind).state_dict()

    trunk = pyramid(**kind).trunk.state_dict()

    assert all(torch.equal(value, resnet[key]) for key, value in trunk.items())


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("attention", [None, "cbam", "se"])
def test_the_rest_starts_from_the_same_weights_with_any_fusion_and_attention(
    pyramid, fusion, attention
):
    plain = pyramid().state_dict()
    attended = pyramid(attention=attention).state_dict()

    model = pyramid(fusion=fusion, attention=attention).state_dict()

    assert all(torch.equal(model[key], value) for key, value in plain.items())
    assert all(torch.equal(model[key], value) for key, value in attended.items())
    new = set(model) - set(plain)
    assert all(key.startswith("joins.") or ".attention." in key for key in new)


def test_laterals_start_with_the_variance_that_keeps_that_of_their_input(pyramid):
    model = pyramid(width=32)

    # uniform of variance 1 / (inputs of a place)
    for conv, inputs in ((model.lateral[3], 256), (model.smooth[0], 128 * 9)):
        found = conv.weight.var().item()
        torch.testing.assert_close(found, 1 / inputs, rtol=0.05, atol=0)
        assert (conv.bias == 0).all()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_parameter_of_a_classifier_gets_a_gradient(kind, pyramid, fusion):
    model = pyramid(**kind, levels=1, fusion=fusion, attention="se")

    model(torch.randn(4, 3, 32, 32)).square().sum().backward()

    assert [key for key, p in model.named_parameters() if p.grad is None] == []


def test_every_level_has_a_gradient_of_its_own(pyramid):
    model = pyramid()

    sum(level.sum() for level in model.features(torch.randn(4, 3, 32, 32))).backward()

    without = [key for key, p in model.named_parameters() if p.grad is None]
    assert without == ["fc.weight", "fc.bias"]


def test_attention_stands_in_the_trunk_and_the_joins_add(pyramid):
    model = pyramid(attention="se", attention_stages=(2, 4))

    found = [name for name, m in model.named_modules() if isinstance(m, SqueezeExcite)]

    assert found == ["trunk.layer2.0.attention", "trunk.layer4.0.attention"]
    assert [type(one).__name__ for one in model.joins] == ["Add", "Add", "Add"]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_join_has_a_fusion_of_two_maps_of_its_own(pyramid, fusion):
    model = pyramid(fusion=fusion)

    found = {id(m): m for m in model.joins if isinstance(m, Fusion)}

    assert [m.num_inputs for m in found.values()] == [2, 2, 2]


def test_options_reach_the_fusion(pyramid):
    model = pyramid(fusion="concat", fusion_options={"bias": False})

    assert [one.project.bias for one in model.joins] == [None, None, None]


@pytest.mark.parametrize(
    "fusion", [Concat, functools.partial(foveate.create, "concat"), "cat"]
)
def test_a_callable_is_as_good_as_a_name(pyramid, fusion):
    x = torch.randn(2, 3, 32, 32)

    by_callable = pyramid(fusion=fusion)
    by_name = pyramid(fusion="concat")

    assert torch.equal(by_callable(x), by_name(x))


def test_any_module_of_two_inputs_can_be_a_fusion(pyramid):
    class Larger(nn.Module):
        def forward(self, lateral, above):
            return torch.maximum(lateral, above)

    model = pyramid(fusion=lambda channels: Larger()).eval()

    assert model(torch.randn(1, 3, 33, 47)).shape == (1, 3)


def through_pickle(model):
    return pickle.loads(pickle.dumps(model))  # noqa: S301


@pytest.mark.parametrize("copied", [copy.deepcopy, through_pickle])
def test_a_copy_answers_alike_and_shares_nothing(kind, pyramid, copied):
    model = pyramid(**kind, fusion="gated", attention="se").eval()
    x = torch.randn(1, 3, 32, 32)
    want = model(x)

    twin = copied(model)
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()

    assert torch.equal(twin(x), want)


@pytest.mark.slow
@pytest.mark.parametrize("pre_activation", [False, True])
def test_exports_with_batch_and_sides_left_free(pyramid, pre_activation):
    model = pyramid(fusion="concat", stem="half", pre_activation=pre_activation).eval()
    shapes = ({0: FREE, 2: FREE, 3: FREE},)

    program = torch.export.export(
        model, (torch.randn(2, 3, 40, 37),), dynamic_shapes=shapes
    )

    exported = program.module()
    for shape in [(1, 3, 64, 50), (3, 3, 33, 47)]:
        x = torch.randn(shape)
        torch.testing.assert_close(exported(x), model(x))


@pytest.mark.slow
def test_compiles_to_one_graph(pyramid):
    torch._dynamo.reset()
    model = pyramid(fusion="gated", pre_activation=True).eval()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    x = torch.randn(2, 3, 33, 47)

    torch.testing.assert_close(compiled(x), model(x))
    torch._dynamo.reset()


def test_half_precision_and_channels_last_stay_as_they_are(pyramid):
    last = torch.channels_last
    model = pyramid(fusion="gated").to(torch.bfloat16, memory_format=last).eval()
    x = torch.randn(2, 3, 33, 47, dtype=torch.bfloat16).to(memory_format=last)

    levels = model.features(x)

    assert {level.dtype for level in levels} == {torch.bfloat16}
    assert all(level.is_contiguous(memory_format=last) for level in levels)


def test_every_resnet_has_a_pyramid():
    names = backbones.names()

    assert names[12:] == [f"{name}_fpn" for name in names[:12]]


@pytest.mark.parametrize("name", backbones.names())
def test_a_name_that_ends_in_fpn_is_that_of_a_network_with_joins(name):
    with torch.device("meta"):
        model = backbones.create(name, width=8)

    assert backbones.has_joins(name) == isinstance(model, Pyramid)
    assert isinstance(model, Pyramid) == name.endswith("_fpn")


def test_a_pyramid_stands_on_the_resnet_of_its_name():
    with torch.device("meta"):
        model = backbones.create("ResNet50v2_FPN", width=8, stride_at="1x1")
        resnet = backbones.resnet50v2(width=8, stride_at="1x1")

    resnet.fc = nn.Identity()
    assert str(model.trunk) == str(resnet)


def test_create_takes_every_option_of_the_class():
    taken = {
        name
        for name, parameter in inspect.signature(Pyramid).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }

    known = set(PyramidOptions.__annotations__)

    assert known == taken - {"bottleneck", "pre_activation"}


def test_an_option_of_pyramids_alone_says_who_has_it():
    with pytest.raises(
        UnknownOptionError,
        match=r"^resnet18 has no option 'fusion'; resnet18_fpn has it\.$",
    ):
        backbones.create("resnet18", fusion="gated")


def test_an_unknown_option_offers_near_ones():
    with pytest.raises(
        UnknownOptionError,
        match=r"^resnet18_fpn has no option 'fuson'\. Did you mean 'fusion'",
    ):
        backbones.create("resnet18_fpn", fuson="gated")


def test_an_unknown_fusion_offers_near_ones(pyramid):
    with pytest.raises(UnknownNameError, match=r"no block named 'gatd'.*'gated'"):
        pyramid(fusion="gatd")


def test_an_unknown_option_of_the_fusion_offers_near_ones(pyramid):
    with pytest.raises(
        UnknownOptionError, match=r"concat has no option 'bais'.*'bias'"
    ):
        pyramid(fusion="concat", fusion_options={"bais": True})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": 5}, r"^Pyramid: levels must be 1 to 4, .* got 5\.$"),
        ({"levels": 0}, r"^Pyramid: levels must be greater than 0, got 0\.$"),
        ({"pyramid_channels": 2.5}, r"^Pyramid: pyramid_channels must be a whole"),
        ({"width": 0}, r"^ResNet: width must be greater than 0, got 0\.$"),
        ({"num_classes": 0}, r"^ResNet: num_classes must be greater than 0, got 0\.$"),
        (
            {"fusion": "se"},
            r"^Pyramid: fusion joins two maps, but 'se' takes one\. "
            r"Fusions: add, concat, .*gated",
        ),
        (
            {"fusion": SqueezeExcite},
            r"^joins\.0: a fusion joins two maps, but SqueezeExcite takes one\. "
            r"Fusions: add, concat, .*gated",
        ),
        (
            {"fusion": "add", "fusion_options": {"num_inputs": 3}},
            r"^joins\.0: a join has two maps, but Add takes 3\. Set its num_inputs",
        ),
        (
            {"fusion": functools.partial(foveate.create, "add", num_inputs=4)},
            r"^joins\.0: a join has two maps, but Add takes 4\. Set its num_inputs",
        ),
        ({"fusion": None}, r"fusion must be the name of a block, .* got None"),
        ({"fusion": nn.Identity()}, r"Each join gets .* give the class, not an object"),
        ({"fusion": lambda _: 5}, r"^joins\.0: fusion must make .* got 5 \(int"),
        (
            {"fusion": Concat, "fusion_options": {"bias": True}},
            r"fusion_options go with the name of a block",
        ),
        (
            {"attention": "gated"},
            r"^ResNet: attention takes one map, but 'gated' is a fusion of several",
        ),
        (
            {"attention": "shuffle", "width": 10},
            r"^trunk\.layer1\.0: ShuffleAttention: channels must be a multiple of 16",
        ),
        ({"attention_stages": (5,)}, r"attention_stages must name .* got \(5,\)"),
        ({"attention_options": {"bias": True}}, r"attention_options go with the name"),
    ],
)
def test_what_cannot_work_is_refused(pyramid, options, message):
    with pytest.raises(OptionError, match=message):
        pyramid(**options)


def test_an_input_that_does_not_fit_is_refused(pyramid):
    with pytest.raises(ShapeError, match=r"expects \(B, 3, H, W\), got \(1, 1, 8, 8\)"):
        pyramid()(torch.zeros(1, 1, 8, 8))
