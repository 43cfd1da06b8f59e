"""What only joint CBAM promises; the rest is in tests/contracts."""

import math

import pytest
import torch
from torch import nn

from foveate.blocks import JointCBAM
from foveate.errors import OptionError, ShapeError

DOUBLE = torch.float64
SIZE = (3, 5)


def perturbed(output="product", **options):
    torch.manual_seed(0)
    options = {"spatial_size": SIZE, "reduction": 2, "kernel_size": 3, **options}
    block = JointCBAM(8, output=output, **options).double()
    for parameter in block.parameters():
        parameter.data += 0.5 * torch.randn_like(parameter)
    return block


def zeroed(output):
    block = perturbed(output)
    nn.init.zeros_(block.mlp.fc2.weight)
    return block


@pytest.mark.parametrize(
    ("channels", "parameters"), [(64, 1_515), (256, 18_051), (512, 68_771)]
)
def test_has_as_many_parameters_as_the_formula(channels, parameters):
    block = JointCBAM(channels, spatial_size=(7, 7))

    assert sum(p.numel() for p in block.parameters()) == parameters


def test_a_rectangle_needs_no_more_than_its_places():
    block = JointCBAM(64, spatial_size=(4, 9))

    assert block.mlp.fc1.in_features == block.mlp.fc2.out_features == 64 + 36


def test_gates_are_those_of_the_formula():
    block = perturbed()
    x = torch.randn(2, 8, *SIZE, dtype=DOUBLE)

    maps = block.maps(x)

    for image, channel, spatial in zip(
        x, maps["channel"], maps["spatial"], strict=True
    ):
        fc1, fc2 = (
            fc.weight[:, :, 0, 0] for fc in (block.channel.fc1, block.channel.fc2)
        )
        by_channel = sum(
            fc2 @ (fc1 @ pooled).relu()
            for pooled in (image.mean(dim=(1, 2)), image.amax(dim=(1, 2)))
        )
        stack = torch.stack([image.mean(dim=0), image.amax(dim=0)])[None]
        conv = block.spatial.conv
        by_place = nn.functional.conv2d(stack, conv.weight, conv.bias, padding=1)
        joined = torch.cat([by_channel, by_place.flatten()])
        hidden = (block.mlp.fc1.weight @ joined).relu()
        gates = torch.sigmoid(block.mlp.fc2.weight @ hidden)
        torch.testing.assert_close(channel.flatten(), gates[:8])
        # row by row
        for row in range(3):
            torch.testing.assert_close(
                spatial[0, row], gates[8 + 5 * row : 8 + 5 * row + 5]
            )


def test_the_joint_perceptron_lets_a_channel_gate_read_one_place():
    block = zeroed("channel")
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        # the mean over channels at row 1, column 2 drives channel 3
        block.spatial.conv.weight[0, 0, 1, 1] = 1
        block.mlp.fc1.weight[0, 8 + 1 * 5 + 2] = 1
        block.mlp.fc2.weight[3, 0] = 1
    x = torch.zeros(1, 8, *SIZE, dtype=DOUBLE)
    x[:, :, 1, 2] = math.log(3)

    gate = block.gate(x)

    want = torch.full((8,), 0.5, dtype=DOUBLE)
    want[3] = 0.75
    torch.testing.assert_close(gate.flatten(), want)


@pytest.mark.parametrize(
    ("output", "share"), [("product", 4), ("channel", 2), ("spatial", 2)]
)
def test_zero_logits_halve_the_input_for_each_gate(output, share):
    x = torch.randn(2, 8, *SIZE, dtype=DOUBLE)

    assert zeroed(output)(x).equal(x / share)


def test_zero_logits_give_two_halves_as_a_pair():
    x = torch.randn(2, 8, *SIZE, dtype=DOUBLE)

    first, second = zeroed("pair")(x)

    assert first.equal(x / 2)
    assert second.equal(x / 2)


@pytest.mark.parametrize("output", ["product", "channel", "spatial"])
def test_the_output_is_the_input_times_the_product_of_the_maps(output):
    block = perturbed(output)
    x = torch.randn(2, 8, *SIZE, dtype=DOUBLE)

    y = block(x)

    product = math.prod(block.maps(x).values())
    torch.testing.assert_close(y, x * product)
    torch.testing.assert_close(block.gate(x), product)


def test_a_pair_is_the_input_times_each_gate():
    block, product = perturbed("pair"), perturbed("product")
    x = torch.randn(2, 8, *SIZE, dtype=DOUBLE)

    first, second = block(x)

    maps = product.maps(x)
    torch.testing.assert_close(first, x * maps["channel"])
    torch.testing.assert_close(second, x * maps["spatial"])


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ("product", ["channel", "spatial"]),
        ("pair", ["channel", "spatial"]),
        ("channel", ["channel"]),
        ("spatial", ["spatial"]),
    ],
)
def test_shows_the_gates_that_the_output_uses(output, names):
    maps = perturbed(output).maps(torch.randn(2, 8, *SIZE, dtype=DOUBLE))

    assert list(maps) == names


def test_a_pair_has_no_single_gate():
    with pytest.raises(OptionError, match=r"output='pair' has two gates .* maps\(x\)"):
        perturbed("pair").gate(torch.randn(2, 8, *SIZE, dtype=DOUBLE))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_pair_keeps_the_type_of_the_input_under_autocast(dtype):
    block = perturbed("pair").float()

    with torch.autocast("cpu", torch.bfloat16):
        pair = block(torch.randn(2, 8, *SIZE, dtype=dtype))

    assert [y.dtype for y in pair] == [dtype, dtype]


@pytest.mark.slow
@pytest.mark.parametrize("output", ["product", "pair"])
def test_exports_with_a_free_batch(output):
    block = perturbed(output)
    x = torch.randn(2, 8, *SIZE, dtype=DOUBLE)

    program = torch.export.export(
        block, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
    )

    x = torch.randn(7, 8, *SIZE, dtype=DOUBLE)
    torch.testing.assert_close(program.module()(x), block(x))


def test_refuses_maps_of_as_many_places_but_other_sides():
    block = JointCBAM(8, spatial_size=(6, 6))

    with pytest.raises(ShapeError, match=r"bound to maps of 6x6 .*, got 4x9\."):
        block(torch.zeros(1, 8, 4, 9))


def test_must_be_told_the_size():
    words = r"^JointCBAM: spatial_size must be \(H, W\), .*, got None\.$"

    with pytest.raises(OptionError, match=words):
        JointCBAM(64)


def test_rejects_an_even_kernel():
    with pytest.raises(OptionError, match=r"kernel_size must be odd.*got 6\."):
        JointCBAM(64, spatial_size=SIZE, kernel_size=6)


def test_offers_the_output_that_was_meant():
    with pytest.raises(OptionError, match=r"output cannot be 'pairs'.*'pair'"):
        JointCBAM(64, spatial_size=SIZE, output="pairs")


@pytest.mark.parametrize(
    ("options", "width"), [({}, 4), ({"reduction": 99}, 1), ({"hidden_channels": 6}, 6)]
)
def test_all_bottlenecks_are_of_one_width(options, width):
    block = JointCBAM(64, spatial_size=SIZE, **options)

    assert block.channel.fc1.out_channels == block.mlp.fc1.out_features == width


def test_shows_its_options():
    assert repr(JointCBAM(8, spatial_size=[3, 5])).startswith(
        "JointCBAM(\n  8, spatial_size=(3, 5), output='product'\n"
    )
