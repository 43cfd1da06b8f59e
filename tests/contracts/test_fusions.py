"""What every fusion does; its papers' numbers are in tests/blocks."""

import re

import pytest
import torch

from foveate.errors import ShapeError

LAST = torch.channels_last
FREE = torch.export.Dim.DYNAMIC
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
SIZES = [(7, 7), (5, 9), (1, 1), (1, 7), (7, 1), (33, 12)]
BOTH = pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_output_has_the_shape_of_an_input(
    fusion_name, height, width, new_block, new_inputs
):
    maps = new_inputs(fusion_name, 3, height, width)

    y = new_block(fusion_name)(*maps)

    assert y.shape == maps[0].shape
    assert y.isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_output_has_the_type_of_the_inputs(
    fusion_name, dtype, new_block, new_inputs
):
    y = new_block(fusion_name, dtype)(*new_inputs(fusion_name, dtype=dtype))

    assert y.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_keeps_the_type_of_the_inputs(
    fusion_name, dtype, new_block, new_inputs
):
    maps = new_inputs(fusion_name, dtype=dtype)
    fusion = new_block(fusion_name, torch.float32)

    with torch.autocast("cpu", torch.bfloat16):
        y = fusion(*maps)

    assert y.dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float16, 2e-2), (torch.bfloat16, 1e-1)], ids=str
)
def test_half_precision_is_near_float64(
    fusion_name, dtype, tolerance, new_block, new_inputs
):
    fusion = new_block(fusion_name, dtype)
    maps = new_inputs(fusion_name, 1, 28, 28, dtype=dtype)

    y = fusion(*maps)

    want = fusion.double()(*(x.double() for x in maps))
    torch.testing.assert_close(y.double(), want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_channels_last_stays_channels_last(fusion_name, dtype, new_block, new_inputs):
    maps = new_inputs(fusion_name, dtype=dtype)
    fusion = new_block(fusion_name, dtype).to(memory_format=LAST)

    y = fusion(*(x.contiguous(memory_format=LAST) for x in maps))

    assert y.is_contiguous(memory_format=LAST)


def test_layout_and_strides_change_no_number(fusion_name, new_block, new_inputs):
    fusion = new_block(fusion_name)
    maps = new_inputs(fusion_name, 2, 6, 10)
    views = [x[:, :, ::2, 1::3].transpose(2, 3) for x in maps]

    strided = fusion(*views)
    last = fusion(*(x.contiguous(memory_format=LAST) for x in views))

    want = fusion(*(x.contiguous() for x in views))
    torch.testing.assert_close(strided, want, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(last, want, rtol=1e-12, atol=1e-12)


@BOTH
def test_the_inputs_are_left_as_they_were(fusion_name, training, new_block, new_inputs):
    maps = new_inputs(fusion_name)
    before = [x.clone() for x in maps]

    new_block(fusion_name, training=training)(*maps)

    assert all(x.equal(old) for x, old in zip(maps, before, strict=True))


def test_images_do_not_see_each_other(fusion_name, new_block, new_inputs):
    fusion, maps = new_block(fusion_name), new_inputs(fusion_name, 4)

    together = fusion(*maps)

    apart = torch.cat([fusion(*(x[i : i + 1] for x in maps)) for i in range(4)])
    torch.testing.assert_close(together, apart, rtol=1e-12, atol=1e-12)


def test_one_image_in_training_works_or_is_refused(fusion_name, new_block, new_inputs):
    fusion = new_block(fusion_name, training=True)
    maps = new_inputs(fusion_name, 1)

    if fusion.training_batch == 1:
        assert fusion(*maps).isfinite().all()
    else:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            fusion(*maps)


def test_every_input_and_parameter_gets_a_gradient(fusion_name, new_block, new_inputs):
    fusion = new_block(fusion_name)
    maps = [3 * x.requires_grad_() for x in new_inputs(fusion_name, 32, 2, 3)]
    for x in maps:
        x.retain_grad()

    fusion(*maps).square().sum().backward()

    still = [key for key, p in fusion.named_parameters() if p.grad.eq(0).all()]
    assert still == []
    assert all(x.grad.isfinite().all() and x.grad.ne(0).any() for x in maps)


@BOTH
def test_gradients_equal_finite_differences(
    fusion_name, training, new_block, new_inputs
):
    fusion = new_block(fusion_name, training=training)
    maps = [x.requires_grad_() for x in new_inputs(fusion_name, 2, 3, 2)]

    torch.autograd.gradcheck(fusion, tuple(maps), fast_mode=True)


def test_branches_or_parts_say_what_each_input_gives(
    fusion_name, new_block, new_inputs
):
    fusion, inputs = new_block(fusion_name), new_inputs(fusion_name)
    batch, channels, height, width = inputs[0].shape

    (name, found), *others = fusion.maps(*inputs).items()

    assert others == []
    whole = (batch, len(inputs), channels, height, width)
    if name == "branch":
        assert torch.broadcast_shapes(found.shape, whole) == whole
        assert found.shape[1] == len(inputs)
        assert found.ge(0).all()
        torch.testing.assert_close(found.sum(dim=1), torch.ones_like(found[:, 0]))
    else:
        assert (name, tuple(found.shape)) == ("parts", whole)


def test_compiles_to_one_graph_with_free_sizes(fusion_name, new_block, new_inputs):
    torch._dynamo.reset()
    fusion = new_block(fusion_name)
    compiled = torch.compile(fusion, backend="aot_eager", fullgraph=True, dynamic=True)

    for shape in [(3, 9, 4), (5, 7, 3)]:
        maps = new_inputs(fusion_name, *shape)
        torch.testing.assert_close(compiled(*maps), fusion(*maps))


def test_exports_with_batch_and_sides_left_free(fusion_name, new_block, new_inputs):
    fusion = new_block(fusion_name)
    maps = new_inputs(fusion_name, 2, 6, 5)
    sides = {0: FREE, 2: FREE, 3: FREE}

    program = torch.export.export(
        fusion, tuple(maps), dynamic_shapes={"maps": tuple(sides for _ in maps)}
    )

    for shape in [(3, 9, 4), (1, 1, 1), (1, 1, 9)]:
        maps = new_inputs(fusion_name, *shape)
        torch.testing.assert_close(program.module()(*maps), fusion(*maps))


def test_works_out_shapes_without_numbers(fusion_name, new_block, new_inputs):
    maps = [x.to("meta") for x in new_inputs(fusion_name)]

    y = new_block(fusion_name).to("meta")(*maps)

    assert (y.shape, y.device) == (maps[0].shape, maps[0].device)


def test_names_the_input_that_does_not_fit(fusion_name, new_block, new_inputs):
    *maps, last = new_inputs(fusion_name)
    words = f"input {len(maps) + 1} is {tuple(last[..., 1:].shape)}"

    with pytest.raises(ShapeError, match=re.escape(words)):
        new_block(fusion_name)(*maps, last[..., 1:])


def test_refuses_one_map_too_many(fusion_name, new_block, new_inputs):
    maps = new_inputs(fusion_name)

    with pytest.raises(
        ShapeError, match=f"takes {len(maps)} maps, got {1 + len(maps)}"
    ):
        new_block(fusion_name)(*maps, maps[0])


def test_forward_and_maps_keep_nothing(fusion_name, new_block, new_inputs):
    fusion, maps = new_block(fusion_name), new_inputs(fusion_name)
    held = {(path, *vars(m)) for path, m in fusion.named_modules()}
    numbers = {key: value.clone() for key, value in fusion.state_dict().items()}

    fusion(*maps)
    fusion.maps(*maps)

    assert {(path, *vars(m)) for path, m in fusion.named_modules()} == held
    assert all(fusion.state_dict()[key].equal(old) for key, old in numbers.items())
