"""How tensors of transformers lie on the image, worked out by hand."""

import pytest
import torch
from torch import nn

from foveate.errors import OptionError
from foveate.explain._tokens import (
    Layout,
    grid_of,
    layout_of,
    patches_of,
    rearranging,
)

ANY = nn.Identity()


@pytest.mark.parametrize(
    ("tokens", "image", "patches", "want"),
    [
        (197, (224, 224), [], ((14, 14), 1)),
        (198, (224, 224), [], ((14, 14), 2)),
        (4 * 7 + 5, (64, 112), [], ((4, 7), 5)),
        # 6 * 4 and one other would do as well without the patch
        (25, (80, 64), [(16, 16)], ((5, 4), 5)),
        (12, (60, 90), [(20, 23)], ((3, 4), 0)),
        (12, (33, 41), [(11, 11)], ((3, 4), 0)),
        (49, (227, 227), [], ((7, 7), 0)),
        (1, (224, 224), [], ((1, 1), 0)),
    ],
)
def test_tokens_are_places_of_a_grid_and_others(tokens, image, patches, want):
    assert grid_of(tokens, image, patches) == want


def test_tokens_that_fill_no_grid_are_known_as_such():
    assert grid_of(2000, (32, 32)) is None


@pytest.mark.parametrize(
    ("module", "shape", "options", "want"),
    [
        (ANY, (1, 8, 7, 5), {}, Layout("map", (7, 5))),
        (ANY, (1, 7, 5, 8), {}, Layout("last", (7, 5))),
        (ANY, (1, 7, 7, 7), {}, Layout("map", (7, 7))),
        (nn.Conv2d(1, 1, 1), (1, 7, 5, 80), {}, Layout("map", (5, 80))),
        (ANY, (1, 36, 8), {}, Layout("tokens", (7, 5), 1)),
        (ANY, (4, 36, 8), {}, None),
        (ANY, (1, 8), {}, None),
        (ANY, (1, 0, 8), {}, None),
    ],
)
def test_a_layout_is_read_from_the_shape(module, shape, options, want):
    assert layout_of(module, shape, (224, 160), **options) == want


def test_what_may_be_either_follows_what_the_network_says():
    found = layout_of(ANY, (1, 7, 7, 7), (224, 224), channels_last=True)

    assert found == Layout("last", (7, 7))


def test_tokens_become_maps_row_by_row():
    tokens = torch.tensor(
        [[[9.0, 9], [0, 10], [1, 11], [2, 12], [3, 13], [4, 14], [5, 15]]]
    )

    maps = Layout("tokens", (2, 3), 1).maps(tokens)

    assert maps.tolist() == [[[[0, 1, 2], [3, 4, 5]], [[10, 11, 12], [13, 14, 15]]]]


def test_channels_last_become_maps():
    x = torch.arange(24.0).reshape(1, 2, 3, 4)

    maps = Layout("last", (2, 3)).maps(x)

    assert maps.shape == (1, 4, 2, 3)
    assert maps[0, 3].tolist() == [[3, 7, 11], [15, 19, 23]]


def test_maps_need_no_change():
    assert rearranging([((1, 8, 7, 5), Layout("map", (7, 5)))]) is None


def test_layers_of_several_layouts_are_told_apart_by_their_shapes():
    change = rearranging(
        [
            ((1, 8, 7, 5), Layout("map", (7, 5))),
            ((1, 36, 8), Layout("tokens", (7, 5), 1)),
        ]
    )

    assert change(torch.zeros(3, 36, 8)).shape == (3, 8, 7, 5)
    assert change(torch.zeros(3, 8, 7, 5)).shape == (3, 8, 7, 5)
    with pytest.raises(OptionError, match=r"not known how \(3, 50, 8\) lies"):
        change(torch.zeros(3, 50, 8))


def test_patches_are_those_that_parts_of_a_network_name():
    model = nn.Sequential(nn.Identity(), nn.Identity(), nn.Identity())
    model[0].patch_size, model[1].patch_size, model[2].patch_size = 14, (8, 16), "x"

    assert patches_of(model) == [(14, 14), (8, 16)]
