"""What the maps of a block show of each image."""

import numpy as np
import pytest
import torch

from foveate.errors import ShapeError
from foveate.explain._views import views_of


def sources(views):
    return [(heat.source, heat.kind) for heat in views.heat]


def test_row_and_column_are_shown_as_their_product_by_hand():
    row = torch.tensor([[[[1.0], [0.5]], [[0.0], [1.0]]]])  # (1, 2, 2, 1)
    column = torch.tensor([[[[1.0, 0.0, 0.5]], [[1.0, 1.0, 1.0]]]])  # (1, 2, 1, 3)

    views = views_of({"row": row, "column": column}, 2, "b")

    # channel 1 is [[1, 0, .5], [.5, 0, .25]], channel 2 [[0, 0, 0], [1, 1, 1]]
    want = [[[0.5, 0.0, 0.25], [0.75, 0.5, 0.625]]]
    np.testing.assert_allclose(views.heat[0].values, want)
    np.testing.assert_allclose(views.gates["row x column"], [[0.375, 0.5]])
    assert sources(views) == [("row x column", "gate")]


def test_the_product_is_a_mean_over_channels_whatever_the_size_by_hand():
    row = torch.tensor([[1.0, 3.0], [2.0, 0.0], [0.0, 3.0]])[None, :, :, None]
    column = torch.ones(1, 3, 1, 5)
    column[0, 0, 0] = torch.tensor([1.0, 0.0, 1.0, 0.0, 2.0])

    views = views_of({"row": row, "column": column}, 3, "b")

    # thirds of first + 2 and of 3 * first + 3, where first is that of channel 1
    want = [[[1, 2 / 3, 1, 2 / 3, 4 / 3], [2, 1, 2, 1, 3]]]
    np.testing.assert_allclose(views.heat[0].values, want, rtol=1e-6)
    np.testing.assert_allclose(views.gates["row x column"], [[1.6, 1.0, 1.5]])


def test_full_gates_are_shown_as_both_means_by_hand():
    full = torch.tensor([[[[1.0, 3.0]], [[2.0, 2.0]], [[0.0, 1.0]]]])  # (1, 3, 1, 2)

    views = views_of({"full": full}, 3, "b")

    np.testing.assert_allclose(views.heat[0].values, [[[1.0, 2.0]]])
    np.testing.assert_allclose(views.gates["full"], [[2.0, 2.0, 0.5]])


def test_branches_that_do_not_vary_over_places_have_no_heat_map():
    branch = torch.tensor([[[0.25, 0.75], [0.75, 0.25]]])[..., None, None]

    views = views_of({"branch": branch}, 2, "b")

    np.testing.assert_allclose(views.branches["branch"], [[0.5, 0.5]])
    assert views.heat == []


def test_branches_that_vary_over_places_have_one_each():
    first = torch.tensor([[[0.0, 1.0]], [[0.5, 1.0]]])[None]  # (1, 2, 1, 2)

    views = views_of({"branch": torch.stack([first, 1 - first], dim=1)}, 2, "b")

    np.testing.assert_allclose(views.branches["branch"], [[0.625, 0.375]])
    np.testing.assert_allclose(views.heat[1].values, [[[0.75, 0.0]]])
    assert sources(views) == [("branch 1", "gate"), ("branch 2", "gate")]


def test_parts_are_shown_by_their_size():
    parts = torch.tensor([[[[[1.0, -3.0]]], [[[0.0, 0.0]]]]])  # (1, 2, 1, 1, 2)

    views = views_of({"parts": parts}, 1, "b")

    np.testing.assert_allclose(views.branches["parts"], [[1.0, 0.0]])
    np.testing.assert_allclose(views.heat[0].values, [[[1.0, 3.0]]])
    assert sources(views) == [("part 1", "activation"), ("part 2", "activation")]


def test_parts_of_only_zeros_are_shared_evenly():
    views = views_of({"parts": torch.zeros(1, 4, 2, 3, 3)}, 2, "b")

    np.testing.assert_allclose(views.branches["parts"], [[0.25] * 4])


def test_attention_is_the_mean_over_heads():
    attention = torch.tensor([[[[1.0, 0.0]], [[0.5, 0.5]]]])  # (1, 2, 1, 2)

    views = views_of({"attention": attention}, 8, "b")

    np.testing.assert_allclose(views.heat[0].values, [[[0.75, 0.25]]])
    assert sources(views) == [("attention", "share")]


@pytest.mark.parametrize(
    ("shape", "heat", "gates"),
    [((2, 1, 5, 3), 1, 0), ((2, 4, 1, 1), 0, 1), ((2, 4, 5, 3), 1, 1)],
)
def test_a_map_of_an_unknown_name_is_taken_by_its_shape(shape, heat, gates):
    views = views_of({"novel": torch.rand(shape)}, 4, "b")

    assert (len(views.heat), len(views.gates)) == (heat, gates)
    assert views.unknown == []


def test_a_map_that_does_not_fit_its_name_is_taken_by_its_shape():
    views = views_of({"channel": torch.rand(2, 4, 5, 3)}, 4, "b")

    assert sources(views) == [("channel", "gate")]


@pytest.mark.parametrize("shape", [(2, 3, 5, 3), (2, 4), (2, 2, 4, 5, 3)])
def test_a_map_that_fits_nothing_is_named_and_not_dropped(shape):
    views = views_of({"novel": torch.rand(shape)}, 4, "b")

    assert views.heat == []
    assert views.unknown == [f"'novel' ({', '.join(map(str, shape))})"]


@pytest.mark.parametrize(
    ("name", "heat", "gates"), [("channel", 0, 1), ("spatial", 1, 0), ("full", 1, 1)]
)
def test_of_a_single_channel_and_place_the_name_tells(name, heat, gates):
    views = views_of({name: torch.rand(2, 1, 1, 1)}, 1, "b")

    assert (len(views.heat), len(views.gates)) == (heat, gates)


def test_means_of_half_precision_are_not_taken_in_it():
    full = torch.full((1, 4096, 3, 3), 0.1, dtype=torch.float16)

    views = views_of({"full": full}, 4096, "b")

    np.testing.assert_allclose(views.heat[0].values, float(full[0, 0, 0, 0]), rtol=1e-6)
    assert views.heat[0].values.dtype == np.float32


@pytest.mark.parametrize("name", ["channel", "spatial", "full", "attention"])
def test_what_is_not_finite_is_an_error_that_names_block_and_map(name):
    value = torch.full((1, 1, 1, 1), torch.inf, dtype=torch.float16)

    with pytest.raises(ShapeError, match=rf"layer1 \(SE\): map '{name}'.*float32"):
        views_of({name: value}, 1, "layer1 (SE)")
