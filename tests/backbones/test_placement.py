"""Where attention stands in a residual block, and what it sees there."""

import functools

import pytest
import torch

import foveate
from foveate.blocks import CBAM, SimAM, SqueezeExcite

END = {
    "basic": ["conv1", "bn1", "relu", "conv2", "bn2", "attention", "relu"],
    "bottleneck": [
        *("conv1", "bn1", "relu", "conv2", "bn2", "relu", "conv3", "bn3"),
        *("attention", "relu"),
    ],
    "basic v2": ["bn1", "relu", "conv1", "bn2", "relu", "conv2", "attention"],
    "bottleneck v2": [
        *("bn1", "relu", "conv1", "bn2", "relu", "conv2", "bn3", "relu", "conv3"),
        "attention",
    ],
}


def name_of(kind):
    version = " v2" if kind["pre_activation"] else ""
    return ("bottleneck" if kind["bottleneck"] else "basic") + version


def block_of(model):
    """Return a residual block whose shortcut is its input."""
    return model.layer1[1]


@pytest.fixture
def two_blocks():
    def create(**options):
        torch.manual_seed(0)
        return foveate.backbones.ResNet((2, 1, 1, 1), width=8, **options)

    return create


def test_attention_is_the_last_thing_in_the_branch(kind, two_blocks, calls_of):
    residual = block_of(two_blocks(**kind, attention="se"))
    x = torch.randn(1, residual.out_channels, 5, 7)

    assert calls_of(residual, x) == END[name_of(kind)]


def test_attention_sees_the_branch_before_the_addition(kind, two_blocks, recorder):
    residual = block_of(two_blocks(**kind, attention=recorder)).eval()
    x = torch.randn(1, residual.out_channels, 5, 7)

    out = residual(x)

    total = residual.attention.seen[0] + x
    want = total if kind["pre_activation"] else total.relu()
    assert torch.equal(out, want)


@pytest.mark.parametrize(
    "attention",
    ["simam", "simam.imagenet", SimAM, functools.partial(foveate.create, "simam")],
)
def test_simam_stands_between_the_second_convolution_and_what_follows_it(
    kind, two_blocks, calls_of, attention
):
    residual = block_of(two_blocks(**kind, attention=attention))
    x = torch.randn(1, residual.out_channels, 5, 7)

    order = calls_of(residual, x)

    assert order[order.index("conv2") + 1] == "attention"
    assert order.count("attention") == 1
    assert residual.attention.channels == 8


def test_after_conv2_can_be_asked_for(kind, two_blocks, calls_of):
    residual = block_of(
        two_blocks(**kind, attention="se", attention_place="after_conv2")
    )
    x = torch.randn(1, residual.out_channels, 5, 7)

    order = calls_of(residual, x)

    assert order[order.index("conv2") + 1] == "attention"
    assert residual.attention.channels == residual.conv2.out_channels


def test_simam_can_be_put_at_the_end_of_the_branch(kind, two_blocks, calls_of):
    residual = block_of(
        two_blocks(**kind, attention="simam", attention_place="branch_end")
    )
    x = torch.randn(1, residual.out_channels, 5, 7)

    assert calls_of(residual, x) == END[name_of(kind)]


def test_a_relu_before_attention_is_put_in_only_when_asked(two_blocks, calls_of):
    residual = block_of(two_blocks(attention="se", relu_before_attention=True))

    order = calls_of(residual, torch.randn(1, 8, 5, 7))

    assert order == [*END["basic"][:5], "relu", "attention", "relu"]


def test_with_a_relu_before_it_a_gated_branch_only_increases_activations(two_blocks):
    x = torch.randn(1, 8, 5, 7).relu()
    rectified = block_of(two_blocks(attention="se", relu_before_attention=True))
    plain = block_of(two_blocks(attention="se"))

    assert (rectified(x) >= x).all()
    assert (plain(x) < x).any()


def test_the_second_version_has_no_relu_after_the_addition(tiny):
    model = tiny(pre_activation=True)

    stages = model.features(torch.randn(2, 3, 64, 64))

    assert all((stage < 0).any() for stage in stages)


def test_the_first_version_ends_each_stage_with_a_relu(tiny):
    stages = tiny().features(torch.randn(2, 3, 64, 64))

    assert all((stage >= 0).all() for stage in stages)


def test_the_second_version_projects_the_activated_input(tiny):
    residual = tiny(pre_activation=True).layer2[0].eval()
    seen = []
    residual.downsample.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    x = torch.randn(1, 8, 6, 5)

    residual(x)

    assert torch.equal(seen[0], residual.bn1(x).relu())


def test_attention_stands_only_in_the_stages_asked_for(tiny):
    model = tiny(attention="se", attention_stages=(2, 4))

    found = [
        f"layer{n}"
        for n in range(1, 5)
        if model.get_submodule(f"layer{n}")[0].attention
    ]

    assert found == ["layer2", "layer4"]


def test_every_residual_block_has_attention_of_its_own():
    model = foveate.backbones.resnet18(width=8, attention="se")

    found = {id(m) for m in model.modules() if isinstance(m, SqueezeExcite)}

    assert len(found) == 8


@pytest.mark.parametrize(
    "attention", [SqueezeExcite, functools.partial(foveate.create, "se"), "senet"]
)
def test_a_callable_is_as_good_as_a_name(tiny, attention):
    x = torch.randn(2, 3, 32, 32)

    by_callable = tiny(attention=attention)
    by_name = tiny(attention="se")

    assert torch.equal(by_callable(x), by_name(x))


def test_options_and_variants_reach_the_block(tiny):
    by_variant = tiny(attention="cbam.keras")
    by_options = tiny(attention="cbam", attention_options={"kernel_size": 3})

    assert by_variant.layer1[0].attention.residual
    assert isinstance(by_options.layer1[0].attention, CBAM)
    assert by_options.layer1[0].attention.spatial.conv.kernel_size == (3, 3)
