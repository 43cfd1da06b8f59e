"""The ramp is even, in grey and to the colour-blind too.

Everything is measured on the bytes that are shown, by formulas of their own: OKLab by
Ottosson (2020), dichromacy by the matrices of Machado, Oliveira and Fernandes (2009) at
full severity, which act on linear sRGB.
"""

from __future__ import annotations

import numpy as np
import pytest

from foveate.pictures.colours import colour, ramp

CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
DICHROMACIES = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(pixels):
    shares = np.asarray(pixels) / 255
    return np.where(
        shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4
    )


def oklab(light):
    return np.cbrt(light @ CONES.T) @ LAB.T


def test_the_formulas_of_this_file_know_white_and_red():
    known = oklab(linear([[255, 255, 255], [255, 0, 0]]))

    # Ottosson's post lists white; red is that of the CSS Color 4 specification
    np.testing.assert_allclose(known[0], [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(known[1], [0.62796, 0.22486, 0.12585], atol=1e-4)


def test_lightness_rises_at_every_step_from_dark_to_light():
    lightness = oklab(linear(ramp(256)))[:, 0]

    assert (np.diff(lightness) > 0).all()
    assert lightness[0] < 0.2
    assert lightness[-1] > 0.95


def test_lightness_is_a_straight_line():
    lightness = oklab(linear(ramp(256)))[:, 0]

    straight = np.linspace(lightness[0], lightness[-1], 256)
    assert np.abs(lightness - straight).max() < 0.01


def test_equal_steps_look_equal():
    # rounding to bytes blurs single steps: eight of them are one look
    way = oklab(linear(ramp(256)))[::8]

    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert steps.max() < 1.15 * steps.min()


def test_hue_turns_one_way_from_violet_to_yellow():
    way = oklab(linear(ramp(256)))[::8]

    hue = np.degrees(np.unwrap(np.arctan2(way[:, 2], way[:, 1])))
    assert (np.diff(hue) > 0).all()
    assert -80 < hue[0] < -60
    assert 95 < hue[-1] < 110


def test_grey_print_keeps_the_order():
    grey = linear(ramp(256)) @ [0.2126, 0.7152, 0.0722]

    assert (np.diff(grey) > 0).mean() > 0.98
    assert (np.diff(grey[::4]) > 0).all()


@pytest.mark.parametrize("kind", DICHROMACIES)
def test_the_colour_blind_see_the_order_and_the_steps(kind):
    seen = np.clip(linear(ramp(256)) @ np.array(DICHROMACIES[kind]).T, 0, 1)
    way = oklab(seen)

    assert (np.diff(way[::4, 0]) > 0).all()
    eighths = way[:: 255 // 8]
    steps = np.linalg.norm(np.diff(eighths, axis=0), axis=1)
    # about 0.02 is a difference that is just noticed
    assert steps.min() > 0.05


def test_shares_of_any_shape_have_colours_and_the_ends_hold():
    shares = np.array([[-1.0, 0.0, 0.5], [1.0, 2.0, 0.25]])

    pixels = colour(shares)

    assert pixels.shape == (2, 3, 3)
    assert pixels.dtype == np.uint8
    assert (pixels[0, 0] == pixels[0, 1]).all()
    assert (pixels[1, 0] == pixels[1, 1]).all()
    np.testing.assert_array_equal(pixels[1, 0], ramp(256)[-1])


def test_a_caller_cannot_change_the_ramp_of_others():
    with pytest.raises(ValueError, match="read-only"):
        ramp(256)[0, 0] = 9
