"""What every block does with shapes, types, numbers and memory."""

import copy

import pytest
import torch

SIZES = [(7, 7), (5, 9), (1, 1), (1, 7), (7, 1), (64, 33)]
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
LAST = torch.channels_last
# what holds 4e4 in float16, 65504, and room for a sum
LARGEST = 6e4


def effect_of_rounding(block, x, dtype):
    """Return how far the output moves when input and weights move as ``dtype`` rounds.

    Args:
        block: In float64.
        x: In float64.
        dtype: Each number moves up or down by half its relative spacing.
    """
    random = torch.Generator().manual_seed(5)
    unit = torch.finfo(dtype).eps / 2

    def rounded(value):
        signs = 2 * torch.randint(0, 2, value.shape, generator=random) - 1
        return value * (1 + unit * signs)

    want, moves = block(x), []
    for _ in range(3):
        weights = {key: rounded(p) for key, p in block.named_parameters()}
        moved = torch.func.functional_call(block, weights, (rounded(x),))
        moves.append((moved - want).abs().max())
    return max(moves)


def largest(block, x):
    """Return the largest value that a layer, or the block, answers with."""
    twin, seen = copy.deepcopy(block).double(), []
    for module in twin.modules():
        module.register_forward_hook(lambda *call: seen.append(call[2].abs().max()))
    twin(x)
    return max(seen)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_output_has_the_shape_of_the_input(name, height, width, new_block, new_input):
    x = new_input(name, 3, height, width)

    y = new_block(name, size=(height, width))(x)

    assert y.shape == x.shape


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_output_is_finite(name, height, width, new_block, new_input):
    block = new_block(name, size=(height, width))

    y = block(new_input(name, 3, height, width))

    assert y.isfinite().all()


def test_takes_one_image_in_training_or_says_that_it_cannot(name, new_block, new_input):
    block = new_block(name, training=True)
    x = new_input(name, batch=1)

    if block.training_batch == 1:
        assert block(x).isfinite().all()
    else:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            block(x)


def test_takes_an_empty_batch(name, new_block, new_input):
    x = new_input(name, batch=0)

    assert new_block(name)(x).shape == x.shape


def test_works_out_shapes_without_numbers(name, new_block, new_input):
    x = new_input(name).to("meta")

    y = new_block(name).to("meta")(x)

    assert (y.shape, y.dtype, y.device) == (x.shape, x.dtype, x.device)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_output_has_the_type_of_the_input(name, dtype, new_block, new_input):
    y = new_block(name, dtype)(new_input(name, dtype=dtype))

    assert y.dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "most"),
    [(torch.float32, 8), (torch.float16, 4), (torch.bfloat16, 4)],
    ids=str,
)
def test_precision_costs_little_more_than_rounding_weights_and_input(
    name, dtype, most, new_block, new_input
):
    block = new_block(name, dtype, size=(13, 11))
    x = new_input(name, 2, 13, 11, dtype=dtype)

    y = block(x)

    twin, wide = copy.deepcopy(block).double(), x.double()
    assert (y - twin(wide)).abs().max() < most * effect_of_rounding(twin, wide, dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_large_maps_in_half_precision_cost_little_more_than_rounding(
    name, dtype, new_block, new_input
):
    block = new_block(name, dtype, size=(56, 56))
    x = (6 * new_input(name, 1, 56, 56)).to(dtype)

    y = block(x)

    twin, wide = copy.deepcopy(block).double(), x.double()
    assert (y - twin(wide)).abs().max() < 4 * effect_of_rounding(twin, wide, dtype)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("value", [0.0, 1.0, -1e4, 1e4])
def test_constant_maps_stay_finite(name, value, training, new_block, new_input):
    x = torch.full_like(new_input(name, dtype=torch.float32), value)

    y = new_block(name, torch.float32, training=training)(x)

    assert y.isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_large_values_stay_finite(name, dtype, new_block, new_input):
    block = new_block(name, dtype)
    x = 1e4 * new_input(name).clamp(-4, 4)
    if dtype == torch.float16:
        # its layers cannot answer with more than float16 can write
        x = next(x / d for d in (1, 1e1, 1e2, 1e3) if largest(block, x / d) < LARGEST)

    y = block(x.to(dtype))

    assert y.isfinite().all()


@pytest.mark.parametrize("value", [0.0, 1.0, 1e4])
def test_gradients_of_constant_maps_are_finite(name, value, new_block, new_input):
    x = torch.full_like(new_input(name, dtype=torch.float32), value)
    x.requires_grad_()

    new_block(name, torch.float32)(x).sum().backward()

    assert x.grad.isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7)])
def test_gradients_of_large_values_are_finite(
    name, height, width, new_block, new_input
):
    x = 1e4 * new_input(name, 2, height, width, dtype=torch.float32)
    x.requires_grad_()

    new_block(name, torch.float32, size=(height, width))(x).sum().backward()

    assert x.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_channels_last_stays_channels_last(name, dtype, new_block, new_input):
    x = new_input(name, dtype=dtype).contiguous(memory_format=LAST)
    block = new_block(name, dtype).to(memory_format=LAST)

    assert block(x).is_contiguous(memory_format=LAST)


def test_contiguous_stays_contiguous(name, new_block, new_input):
    assert new_block(name)(new_input(name)).is_contiguous()


def test_channels_last_changes_no_number(name, new_block, new_input):
    block, x = new_block(name), new_input(name)

    y = block(x.contiguous(memory_format=LAST))

    torch.testing.assert_close(y, block(x), rtol=1e-12, atol=1e-12)


def test_a_strided_view_changes_no_number(name, new_block, new_input):
    block = new_block(name)
    view = new_input(name, 4, 14, 11)[::2, :, ::2, 1::2].transpose(2, 3)

    y = block(view)

    torch.testing.assert_close(y, block(view.contiguous()), rtol=1e-12, atol=1e-12)


def test_an_expanded_input_changes_no_number(name, new_block, new_input):
    block = new_block(name)
    same = new_input(name, batch=1).expand(3, -1, -1, -1)

    y = block(same)

    torch.testing.assert_close(y, block(same.contiguous()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_input_is_left_as_it_was(name, training, new_block, new_input):
    x = new_input(name)
    before = x.clone()

    new_block(name, training=training)(x)

    assert x.equal(before)


def test_the_output_is_not_the_memory_of_the_input(name, new_block, new_input):
    x = new_input(name)

    y = new_block(name)(x)

    assert y.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()


def test_images_do_not_see_each_other(name, new_block, new_input):
    block, x = new_block(name), new_input(name, batch=4)

    together = block(x)

    apart = torch.cat([block(image[None]) for image in x])
    torch.testing.assert_close(together, apart, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
def test_autocast_keeps_the_type_of_the_input(name, dtype, new_block, new_input):
    x = new_input(name, dtype=dtype)
    block = new_block(name, torch.float32)

    with torch.autocast("cpu", torch.bfloat16):
        y = block(x)

    assert y.dtype == dtype


def test_autocast_costs_little_more_than_rounding(name, new_block, new_input):
    x = new_input(name, dtype=torch.float32)
    block = new_block(name, torch.float32)

    with torch.autocast("cpu", torch.bfloat16):
        y = block(x)

    twin, wide = copy.deepcopy(block).double(), x.double()
    moved = effect_of_rounding(twin, wide, torch.bfloat16)
    assert (y - twin(wide)).abs().max() < 4 * moved
