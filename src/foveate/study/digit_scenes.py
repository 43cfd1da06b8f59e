"""digit-scenes: handwritten digits in photographs, among fragments of others.

A digit of scikit-learn's ``load_digits`` lies at a random place and scale in a piece
of one of its two photographs. Fragments of digits of other classes lie around it,
and noise over all. The label is the digit; its box is known, so that maps can be
scored by it.

Training and test images share no digit image and no piece of photograph. Everything is
drawn and blended in whole numbers, from a generator whose stream is frozen, so the same
settings give the same bytes on every machine.

Sources: E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI
Machine Learning Repository, https://doi.org/10.24432/C50P49; the photographs are
scikit-learn's ``china.jpg`` and ``flower.jpg``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from foveate.errors import MissingExtraError
from foveate.records import Data

__all__ = ["CLASSES", "Images", "Split", "load"]

CLASSES = tuple("0123456789")

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

Place = tuple[slice, slice]

WHITE = 255

BRIGHTNESS = 60
"""Of a photograph behind a digit, in percent of its own."""

GLYPH_SIDE = 8
GLYPH_MAX = 16
ONE = 1 << 16
"""Opacity 1, in the whole numbers that glyphs are scaled and blended in."""

SPLIT_COLUMN = 425
GAP = 10
"""Training scenes lie left of the column, test scenes ``GAP`` pixels right of it."""


@dataclass(frozen=True, eq=False)
class Images:
    """Images with their labels.

    Attributes:
        pixels: ``(N, 3, S, S)``, 0 to 255.
        labels: ``(N,)``, the index of the class.
        boxes: ``(N, 4)``, left, top, right, bottom of the digit's ink, in pixels; right
            and bottom are the first outside.
    """

    pixels: Bytes
    labels: Numbers
    boxes: Numbers

    @property
    def digest(self) -> str:
        """A hash of every byte."""
        parts = (self.pixels, self.labels, self.boxes)
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@dataclass(frozen=True, eq=False)
class Split:
    """Images to learn from and images to be scored on."""

    train: Images
    test: Images


class _Material(NamedTuple):
    """What scenes of one side are made of."""

    glyphs: list[Numbers]  # of each class, (n, 8, 8), 0 to 16
    photographs: list[Bytes]  # (H, W, 3)


@lru_cache(maxsize=1)
def load(data: Data) -> Split:
    """Return the scenes that ``data`` names.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    train, test = _material()
    return Split(
        train=_draw(RandomState([data.seed, 0]), train, data, data.train_images),
        test=_draw(RandomState([data.seed, 1]), test, data, data.test_images),
    )


@lru_cache(maxsize=1)
def _material() -> tuple[_Material, _Material]:
    """Return the digits and pieces of photographs for training and for the test.

    Equal digit images, if there are any, go to the same side.
    """
    try:
        from sklearn.datasets import load_digits, load_sample_images
    except ImportError:
        raise MissingExtraError.of("compare", "scikit-learn") from None

    digits = load_digits()
    glyphs = digits.images.astype(np.int64)
    first = {glyph.tobytes(): place for place, glyph in reversed([*enumerate(glyphs)])}
    for_test = np.array([first[glyph.tobytes()] % 3 == 0 for glyph in glyphs])
    photographs = load_sample_images().images
    sides = (
        (~for_test, [photo[:, :SPLIT_COLUMN] for photo in photographs]),
        (for_test, [photo[:, SPLIT_COLUMN + GAP :] for photo in photographs]),
    )
    train, test = (
        _Material([glyphs[mine & (digits.target == c)] for c in range(10)], pieces)
        for mine, pieces in sides
    )
    return train, test


def _draw(rng: RandomState, material: _Material, data: Data, count: int) -> Images:
    """Return ``count`` scenes, the classes in turn."""
    side = data.image_size
    pixels = np.empty((count, side, side, 3), np.uint8)
    boxes = np.empty((count, 4), np.int64)
    labels = np.arange(count) % len(CLASSES)
    for i, label in enumerate(labels.tolist()):
        scene = _background(rng, material.photographs, side)
        glyph = _glyph(rng, material, label, side)
        place = _place(rng, glyph, side)
        for _ in range(data.clutter):
            other = (label + rng.randint(1, len(CLASSES))) % len(CLASSES)
            fragment = _fragment(rng, _glyph(rng, material, other, side))
            beside = _place(rng, fragment, side)
            if not _overlap(place, beside):
                _blend(rng, scene[beside], fragment)
        _blend(rng, scene[place], glyph)
        boxes[i] = _box_of_ink(glyph, place)
        pixels[i] = _with_noise(rng, scene)
    return Images(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels, boxes)


def _background(rng: RandomState, photographs: list[Bytes], side: int) -> Numbers:
    """Return a dimmed piece of a photograph, ``(side, side, 3)``, some at half size."""
    photo = photographs[rng.randint(len(photographs))]
    shrink = 2 if rng.randint(2) and 2 * side <= min(photo.shape[:2]) else 1
    top = rng.randint(photo.shape[0] - shrink * side + 1)
    left = rng.randint(photo.shape[1] - shrink * side + 1)
    piece = photo[top : top + shrink * side, left : left + shrink * side]
    tiles = piece.astype(np.int64).reshape(side, shrink, side, shrink, 3)
    flat: Numbers = tiles.sum(axis=(1, 3)) // shrink**2
    dimmed: Numbers = flat * BRIGHTNESS // 100
    return dimmed[:, ::-1].copy() if rng.randint(2) else dimmed


def _glyph(rng: RandomState, material: _Material, label: int, side: int) -> Numbers:
    """Return the opacity of a digit at a random scale, 0 to ``ONE``."""
    pool = material.glyphs[label]
    size = rng.randint(side * 9 // 20, side * 7 // 10 + 1)
    return _enlarge(pool[rng.randint(len(pool))], size)


def _enlarge(glyph: Numbers, size: int) -> Numbers:
    """Return a glyph at ``(size, size)``, bilinear, darkened, from 0 to ``ONE``."""
    centre = (2 * np.arange(size) + 1) * (GLYPH_SIDE * 256) // (2 * size) - 128
    centre = centre.clip(0, (GLYPH_SIDE - 1) * 256)
    low, part = centre >> 8, centre & 255
    high = np.minimum(low + 1, GLYPH_SIDE - 1)
    rows = glyph[low] * (256 - part)[:, None] + glyph[high] * part[:, None]
    both = rows[:, low] * (256 - part) + rows[:, high] * part
    opacity: Numbers = np.minimum(both * 3 // (2 * GLYPH_MAX), ONE)
    return opacity


def _fragment(rng: RandomState, glyph: Numbers) -> Numbers:
    """Return a half of a glyph: upper, lower, left or right."""
    half = len(glyph) // 2
    start = rng.randint(2) * (len(glyph) - half)
    part = slice(start, start + half)
    return glyph[part] if rng.randint(2) else glyph[:, part]


def _place(rng: RandomState, opacity: Numbers, side: int) -> Place:
    """Return rows and columns of a random place for ``opacity``."""
    height, width = opacity.shape
    top = rng.randint(side - height + 1)
    left = rng.randint(side - width + 1)
    return slice(top, top + height), slice(left, left + width)


def _overlap(one: Place, other: Place) -> bool:
    """Return whether two places share a pixel."""
    return all(
        a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True)
    )


def _blend(rng: RandomState, patch: Numbers, opacity: Numbers) -> None:
    """Write ink into ``patch``, a part of a scene, by its opacity."""
    cover = (opacity * rng.randint(80, 101) // 100)[:, :, None]
    patch += (_ink(rng, patch) - patch) * cover // ONE


def _box_of_ink(opacity: Numbers, place: Place) -> Numbers:
    """Return left, top, right and bottom of the ink, in the scene."""
    rows, columns = np.nonzero(opacity >= ONE // 8)
    top, left = place[0].start, place[1].start
    return np.array(
        [
            left + columns.min(),
            top + rows.min(),
            left + columns.max() + 1,
            top + rows.max() + 1,
        ]
    )


def _ink(rng: RandomState, patch: Numbers) -> Numbers:
    """Return a colour that is clearly lighter than ``patch``."""
    ground = int(patch.sum()) // patch.size
    level = ground + rng.randint(70, 141)
    colour: Numbers = (level + rng.randint(-30, 31, size=3)).clip(0, WHITE)
    return colour


def _with_noise(rng: RandomState, scene: Numbers) -> Bytes:
    """Return the scene with nearly Gaussian noise of a random strength."""
    strength = rng.randint(9)
    noise = rng.randint(-strength, strength + 1, size=(2, *scene.shape)).sum(axis=0)
    noisy: Bytes = (scene + noise).clip(0, WHITE).astype(np.uint8)
    return noisy
