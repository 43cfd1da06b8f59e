"""A gate multiplies its input by a map, and every block shows its maps."""

import math

import pytest
import torch


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_output_is_input_times_gate(gate_name, training, new_block, new_input):
    block, x = new_block(gate_name, training=training), new_input(gate_name)

    want = x * block.gate(x)

    torch.testing.assert_close(block(x), want, rtol=1e-12, atol=1e-12)


def test_the_gate_is_the_product_of_the_maps(gate_name, new_block, new_input):
    block, x = new_block(gate_name), new_input(gate_name)

    gate = block.gate(x)

    residual = 1 if getattr(block, "residual", False) else 0
    want = residual + math.prod(block.maps(x).values())
    torch.testing.assert_close(gate, want, rtol=1e-12, atol=1e-12)


def test_the_gate_broadcasts_to_the_input(gate_name, new_block, new_input):
    x = new_input(gate_name)

    gate = new_block(gate_name).gate(x)

    assert torch.broadcast_shapes(gate.shape, x.shape) == x.shape


def test_the_gate_is_the_sigmoid_of_the_logits(sigmoid_gate_name, new_block, new_input):
    block, x = new_block(sigmoid_gate_name), new_input(sigmoid_gate_name)

    logits = block.logits(x)

    torch.testing.assert_close(block.gate(x), 1 / (1 + (-logits).exp()))


def test_a_sigmoid_gate_stays_within_0_and_1(sigmoid_gate_name, new_block, new_input):
    gate = new_block(sigmoid_gate_name).gate(new_input(sigmoid_gate_name) * 1e4)

    assert gate.ge(0).all()
    assert gate.le(1).all()


def test_maps_have_the_shapes_of_their_names(name, new_block, new_input):
    block, x = new_block(name), new_input(name)
    batch, channels, height, width = x.shape
    heads, reduced = getattr(block, "num_heads", 1), getattr(block, "sr_ratio", 1)
    shapes = {
        "channel": (batch, channels, 1, 1),
        "spatial": (batch, 1, height, width),
        "row": (batch, channels, height, 1),
        "column": (batch, channels, 1, width),
        "full": (batch, channels, height, width),
        "channel_full": (batch, channels, height, width),
        "spatial_full": (batch, channels, height, width),
        "attention": (batch, heads, -(-height // reduced), -(-width // reduced)),
    }

    maps = block.maps(x)

    if "branch" in maps:
        shapes["branch"] = (batch, maps["branch"].shape[1], channels, 1, 1)
    assert maps
    assert {key: tuple(value.shape) for key, value in maps.items()} == {
        key: shapes[key] for key in maps
    }


def test_maps_that_share_out_add_up_to_one(name, new_block, new_input):
    maps = new_block(name).maps(new_input(name))

    for key, dims in (("attention", (2, 3)), ("branch", 1)):
        if key in maps:
            whole = maps[key].sum(dim=dims)
            torch.testing.assert_close(whole, torch.ones_like(whole))


def test_maps_leave_the_input_as_it_was(name, new_block, new_input):
    x = new_input(name)
    before = x.clone()

    new_block(name).maps(x)

    assert x.equal(before)


def test_maps_of_large_values_are_finite(name, new_block, new_input):
    maps = new_block(name, torch.float32).maps(new_input(name).float() * 1e4)

    assert all(value.isfinite().all() for value in maps.values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_maps_of_half_precision_are_near_float64(name, dtype, new_block, new_input):
    x = new_input(name, dtype=dtype)
    block = new_block(name, dtype)

    maps = block.maps(x)

    want = block.double().maps(x.double())
    for key, value in maps.items():
        torch.testing.assert_close(value.double(), want[key], rtol=5e-2, atol=5e-2)
