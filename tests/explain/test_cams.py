"""The formulas of class activation maps, by hand and against numpy."""

import numpy as np
import pytest
import torch

from foveate.errors import ShapeError
from foveate.explain.cams import (
    eigencam,
    first_component,
    gradcam,
    gradcam_plus_plus,
    layercam,
)

# one image, two channels, 2 x 2 places
A = torch.tensor([[[[1.0, 2.0], [0.0, 3.0]], [[4.0, 0.0], [1.0, 1.0]]]])
G = torch.tensor([[[[1.0, 0.0], [2.0, 1.0]], [[-2.0, 0.0], [1.0, -1.0]]]])


def first_right_singular_vector(features):
    """Return places by channels on it, by numpy, on the side of the norms."""
    matrix = features.flatten(1).T.double().numpy()
    _, _, rows = np.linalg.svd(matrix, full_matrices=False)
    values = matrix @ rows[0]
    values *= np.sign(values @ np.linalg.norm(matrix, axis=1))
    return torch.from_numpy(values.clip(0)).view(features.shape[1:])


def test_gradcam_weighs_channels_by_their_mean_gradients():
    # the means are 1 and -0.5
    want = torch.tensor([[[1 - 2.0, 2.0], [-0.5, 3 - 0.5]]]).relu()

    torch.testing.assert_close(gradcam(A, G), want)


def test_layercam_weighs_places_by_gradients_above_zero():
    want = torch.tensor([[[1 * 1.0, 0.0], [0.0 + 1 * 1, 1 * 3.0]]])

    torch.testing.assert_close(layercam(A, G), want)


def test_gradcam_plus_plus_is_equation_19_by_hand():
    # both channels sum to 6; alpha is g^2 / (2 g^2 + 6 g^3), of gradients above 0
    first = 1 / 8 * 1 + 4 / 56 * 2 + 1 / 8 * 1
    second = 1 / 8 * 1
    want = first * A[:, 0] + second * A[:, 1]

    torch.testing.assert_close(gradcam_plus_plus(A, G), want)


def test_gradcam_plus_plus_keeps_gradients_whose_squares_vanish():
    slopes = 1e-30 * G

    # 2 outweighs the sum of activations, so alpha is 1/2 wherever there is a gradient
    want = 0.5e-30 * (4 * A[:, 0] + 1 * A[:, 1])
    torch.testing.assert_close(gradcam_plus_plus(A, slopes), want, atol=0, rtol=1e-5)


def test_gradcam_plus_plus_leaves_out_a_divisor_of_zero():
    activations = torch.full((1, 1, 1, 2), -1.0)
    gradients = torch.ones(1, 1, 1, 2)

    assert gradcam_plus_plus(activations, gradients).tolist() == [[[0.0, 0.0]]]


@pytest.mark.parametrize("shape", [(3, 4, 5, 7), (2, 40, 3, 5), (1, 1, 1, 1)])
def test_eigencam_is_the_first_right_singular_vector(shape):
    activations = torch.randn(shape, generator=torch.Generator().manual_seed(1))

    want = torch.stack([first_right_singular_vector(image) for image in activations])
    torch.testing.assert_close(eigencam(activations).double(), want, atol=1e-5, rtol=0)


def test_eigencam_of_one_pattern_is_that_pattern():
    pattern = torch.tensor([[0.0, 1.0, 2.0], [5.0, 0.0, 1.0]])
    activations = torch.tensor([3.0, 0.0, 4.0])[None, :, None, None] * pattern

    # the channels (3, 0, 4) have the norm 5
    torch.testing.assert_close(eigencam(activations)[0], 5 * pattern)


def test_eigencam_has_the_same_sign_for_negated_channels():
    activations = torch.rand(1, 6, 4, 5)

    torch.testing.assert_close(eigencam(-activations), eigencam(activations))


def test_the_first_component_sides_with_the_sum_over_channels():
    pattern = torch.tensor([[2.0, -1.0], [0.0, 3.0]])
    features = torch.tensor([-3.0, -4.0])[None, :, None, None] * pattern

    # the sum is -7 times the pattern, so what is below its mean, 1, is above 0; the
    # channels (3, 4) have the norm 5
    want = 5 * torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    torch.testing.assert_close(first_component(features)[0], want)


def test_the_first_component_is_that_of_numpy():
    features = torch.randn(1, 6, 4, 5, generator=torch.Generator().manual_seed(1))

    matrix = features[0].flatten(1).T.double().numpy()
    matrix -= matrix.mean(axis=0)
    values = matrix @ np.linalg.svd(matrix, full_matrices=False)[2][0]
    values *= np.sign(values @ matrix.sum(axis=1))
    want = torch.from_numpy(values.clip(0)).view(1, 4, 5)
    torch.testing.assert_close(
        first_component(features).double(), want, atol=1e-5, rtol=0
    )


def test_all_methods_give_zeros_for_zeros():
    zeros = torch.zeros(2, 3, 4, 5)

    for maps in (
        gradcam(zeros, zeros),
        gradcam_plus_plus(zeros, zeros),
        layercam(zeros, zeros),
        eigencam(zeros),
        first_component(zeros),
    ):
        assert maps.shape == (2, 4, 5)
        assert not maps.any()


def test_half_precision_is_summed_in_single():
    activations = torch.full((1, 2, 40, 50), 60.0, dtype=torch.float16)
    gradients = torch.full((1, 2, 40, 50), 60.0, dtype=torch.float16)

    maps = gradcam(activations, gradients)

    # the sum of 2000 gradients of 60 is beyond float16
    assert maps.dtype == torch.float32
    assert maps.unique().tolist() == [2 * 60.0 * 60.0]


def test_refuses_what_is_no_map():
    with pytest.raises(ShapeError, match=r"expected maps \(N, C, h, w\), got \(2, 5\)"):
        eigencam(torch.ones(2, 5))


def test_refuses_gradients_of_another_shape():
    with pytest.raises(ShapeError, match=r"of one shape, got \(1, 2, 2, 2\) and"):
        layercam(A, G[..., :1])
