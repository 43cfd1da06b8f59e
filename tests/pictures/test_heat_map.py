"""What a heat map promises of its numbers."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.pictures import HeatMap


def heat(values, kind="activation", **about):
    return HeatMap(np.array(values, np.float32), kind, "made up", **about)


@pytest.mark.parametrize("kind", ["activation", "share"])
def test_a_value_below_0_is_refused_where_none_may_be(kind):
    words = rf"'made up' at layer4 is -0\.25, and of kind '{kind}' none may be below 0"

    with pytest.raises(ShapeError, match=words):
        heat([[0.5, -0.25, 1.0]], kind, where="layer4")


def test_a_gate_may_be_below_0():
    assert heat([[0.5, -0.25, 1.0]], "gate").values.min() == np.float32(-0.25)


def test_a_zero_may_have_a_sign():
    assert heat([[-0.0, 0.0]]).is_empty


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(value):
    with pytest.raises(ShapeError, match="'made up' at the input is not finite"):
        heat([[value, 1.0]])


@pytest.mark.parametrize("shape", [(3,), (0, 4), (1, 2, 3)])
def test_values_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match=r"values must be \(h, w\), got "):
        heat(np.ones(shape))


def test_an_activation_that_names_its_target_is_of_the_answer():
    found = [
        heat([[1.0]], target="class 3").is_class_activation,
        heat([[1.0]]).is_class_activation,
        heat([[1.0]], "gate", target="class 3").is_class_activation,
    ]

    assert found == [True, False, False]
