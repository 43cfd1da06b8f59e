"""How fusions make maps of several sizes and channels fit, and what they refuse."""

import re

import pytest
import torch
from torch.nn import functional

import foveate as fv
from foveate.blocks import Add
from foveate.errors import OptionError, ShapeError


def maps(*shapes):
    random = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=random) for shape in shapes]


@pytest.mark.parametrize(
    ("align", "size"),
    [("first", (5, 9)), ("largest", (8, 9)), ("smallest", (5, 4))],
)
def test_resizes_to_the_size_that_the_policy_names(align, size):
    first, second = maps((2, 4, 5, 9), (2, 4, 8, 4))

    y = Add(4, align=align)(first, second)

    want = sum(
        functional.interpolate(x, size, mode="bilinear") for x in (first, second)
    )
    torch.testing.assert_close(y, want)


@pytest.mark.parametrize("align", ["first", "largest", "smallest"])
def test_maps_of_one_size_are_left_as_they_are(align):
    first, second = maps((2, 4, 5, 9), (2, 4, 5, 9))

    assert Add(4, align=align)(first, second).equal(first + second)


def test_projects_only_maps_of_other_channels():
    fusion = Add(4, num_inputs=3, align="first", in_channels=(4, 6, 4))

    shapes = {key: tuple(p.shape) for key, p in fusion.named_parameters()}
    assert shapes == {
        "align.project.1.weight": (4, 6, 1, 1),
        "align.project.1.bias": (4,),
    }


def test_projects_and_then_resizes():
    fusion = Add(4, align="first", in_channels=(4, 6))
    first, second = maps((2, 4, 6, 10), (2, 6, 3, 5))

    y = fusion(first, second)

    projected = functional.conv2d(
        second, fusion.align.project[1].weight, fusion.align.project[1].bias
    )
    want = first + functional.interpolate(projected, (6, 10), mode="bilinear")
    torch.testing.assert_close(y, want)


@pytest.mark.parametrize("align", ["first", "largest", "smallest"])
def test_exports_with_sides_left_free(align):
    fusion = fv.create("gated", 4, align=align, in_channels=(4, 6)).eval()
    free = torch.export.Dim.DYNAMIC
    first, second = maps((2, 4, 6, 10), (2, 6, 3, 5))
    sides = {0: free, 2: free, 3: free}

    program = torch.export.export(
        fusion, (first, second), dynamic_shapes={"maps": (sides, sides)}
    )

    first, second = maps((3, 4, 7, 11), (3, 6, 4, 6))
    torch.testing.assert_close(program.module()(first, second), fusion(first, second))


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([(2, 4, 5, 9)], "Add: takes 2 maps, got 1."),
        ([(2, 4, 5, 9)] * 3, "Add: takes 2 maps, got 3."),
        (
            [(2, 4, 5, 9), (2, 4, 5, 8)],
            "Add: input 2 is (2, 4, 5, 8), input 1 is (2, 4, 5, 9). Resize one, or",
        ),
        (
            [(2, 4, 5, 9), (2, 6, 5, 9)],
            "Add: input 2 must have 4 channels, got (2, 6, 5, 9). To have it projected",
        ),
        (
            [(2, 4, 5, 9), (1, 4, 5, 9)],
            "Add: input 2 is (1, 4, 5, 9) of torch.float32 on cpu, input 1 is (2, 4,",
        ),
        (
            [(2, 4, 5, 9), (4, 5, 9)],
            "Add: input 2: expects (B, C, H, W), got (4, 5, 9). A single image needs",
        ),
    ],
)
def test_says_which_input_differs_and_how(shapes, words):
    with pytest.raises(ShapeError, match=re.escape(words)):
        Add(4)(*maps(*shapes))


def test_says_how_to_give_a_list():
    with pytest.raises(ShapeError, match=re.escape("got a list: write fusion(*maps)")):
        Add(4)(maps((2, 4, 5, 9), (2, 4, 5, 9)))


def test_refuses_maps_of_two_types():
    first, second = maps((2, 4, 5, 9), (2, 4, 5, 9))

    with pytest.raises(ShapeError, match=r"input 2 is .* of torch\.float64"):
        Add(4)(first, second.double())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"align": "frist"}, "align cannot be 'frist'. Did you mean 'first'?"),
        ({"num_inputs": 1}, "num_inputs must be at least 2, got 1."),
        ({"in_channels": (4, 6)}, "in_channels (4, 6) differ from channels 4, which"),
        ({"in_channels": (4,)}, "the channels of 2 inputs, got 1: (4,)."),
        ({"in_channels": 4}, "the channels of each input, such as (4, 8), got 4."),
        ({"in_channels": (4, 0)}, "in_channels must be greater than 0, got 0."),
    ],
)
def test_refuses_options_that_cannot_work(options, words):
    with pytest.raises(OptionError, match=re.escape(words)):
        Add(4, **options)
