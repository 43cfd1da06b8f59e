"""Gates that are measured from what goes into a layer and comes out."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.errors import ShapeError
from foveate.explain._effective import Effort, effect_of


def test_gates_are_least_squares_by_hand():
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])
    y = torch.tensor([[[[2.0, 2.0]], [[3.0, 0.0]]]])

    effect = effect_of(x, y, "the layer")

    # <y, x> is 6 and 9 of <x, x> 5 and 9; over channels 11 and 4 of 10 and 4
    np.testing.assert_allclose(effect.channel, [[1.2, 1.0]])
    np.testing.assert_allclose(effect.spatial, [[[1.1, 1.0]]])
    # <y, y> is 17; 15 * 15 / 14, 6 * 6 / 5 + 9, and 11 * 11 / 10 + 4 are explained
    want = (17 - 225 / 14, 17 - 16.2, 17 - 16.1)
    np.testing.assert_allclose(effect.effort[:3], want)
    assert effect.effort.got == 14


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_channel_gate_is_found_and_explains_all(dtype):
    x = torch.randn(2, 6, 5, 3).to(dtype)
    gate = torch.rand(2, 6, 1, 1).to(dtype)

    effect = effect_of(x, gate * x, "the layer")

    close = {torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}[dtype]
    np.testing.assert_allclose(
        effect.channel, gate[:, :, 0, 0].float(), rtol=close, atol=close
    )
    assert effect.effort.shown() == "channel"
    assert effect.effort.explained()[0] == 1


def test_a_spatial_gate_is_found_and_explains_all():
    x, gate = torch.randn(2, 6, 5, 3), torch.rand(2, 1, 5, 3)

    effect = effect_of(x, gate * x, "the layer")

    np.testing.assert_allclose(effect.spatial, gate[:, 0], rtol=1e-5)
    assert effect.effort.shown() == "spatial"
    assert effect.effort.explained()[1] == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_number_for_all_is_told_from_gates(dtype):
    x = torch.randn(2, 6, 5, 3).to(dtype)

    effect = effect_of(x, 0.7 * x, "the layer")

    assert effect.effort.shown() == "constant"


def test_gates_that_differ_by_a_ten_thousandth_are_told_from_one_number():
    x = torch.randn(2, 6, 5, 3)
    gate = 0.7 + 1e-4 * torch.randn(2, 6, 1, 1)

    effect = effect_of(x, gate * x, "the layer")

    assert effect.effort.shown() == "channel"


def test_both_gates_together_are_summaries():
    x = torch.randn(2, 32, 9, 7)

    gates = torch.rand(2, 32, 1, 1) * torch.rand(2, 1, 9, 7)

    effect = effect_of(x, gates * x, "the layer")

    assert effect.effort.shown() == "both"
    assert all(0.2 < share < 0.8 for share in effect.effort.explained())


def test_what_is_no_gate_is_explained_by_none():
    x = torch.randn(2, 64, 9, 11)

    effect = effect_of(x, x + torch.randn(2, 64, 9, 11), "the layer")

    assert effect.effort.shown() == "none"


def test_channels_and_places_of_only_zeros_have_no_gate():
    x = torch.ones(1, 2, 1, 3)
    x[0, 1] = 0
    x[..., 2] = 0

    effect = effect_of(x, 0.25 * x, "the layer")

    np.testing.assert_array_equal(effect.channel, [[0.25, np.nan]])
    np.testing.assert_array_equal(effect.spatial, [[[0.25, 0.25, 0.25]]])
    assert effect.silent == (1, 1)


def test_an_image_of_only_zeros_shows_nothing():
    x = torch.zeros(1, 2, 1, 3)

    effect = effect_of(x, x, "the layer")

    assert np.isnan(effect.spatial).all()
    assert effect.effort.shown() == "unseen"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_an_error_that_names_the_layer(bad):
    x = torch.ones(1, 2, 3, 3)
    y = x.clone()
    y[0, 1, 2, 2] = bad

    with pytest.raises(ShapeError, match=r"layer1\.se.*not finite.*float32"):
        effect_of(x, y, "layer1.se")


def test_efforts_of_several_batches_add_up():
    one = Effort(4.0, 1.0, 2.0, 0.0, 9.0)

    both = one.plus(one)

    assert both == (8.0, 2.0, 4.0, 0.0, 18.0)
    assert both.explained() == (0.75, 0.5)


def test_a_batch_is_measured_as_its_images_are():
    x = torch.randn(3, 4, 5, 7)
    y = x * torch.rand(3, 4, 5, 7)

    batch = effect_of(x, y, "the layer")
    each = [effect_of(x[n : n + 1], y[n : n + 1], "the layer") for n in range(3)]

    np.testing.assert_array_equal(
        batch.channel, np.concatenate([e.channel for e in each])
    )
    np.testing.assert_allclose(batch.effort, np.sum([e.effort for e in each], axis=0))


def test_memory_formats_do_not_matter():
    x = torch.randn(2, 6, 5, 3)
    y = nn.functional.avg_pool2d(x, 3, stride=1, padding=1)

    plain = effect_of(x, y, "the layer")
    last = effect_of(x.to(memory_format=torch.channels_last), y, "the layer")

    np.testing.assert_allclose(plain.channel, last.channel, rtol=1e-6)
