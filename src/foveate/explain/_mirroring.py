"""Smooth maps by averaging those of an image and its likes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from foveate.errors import OptionError
from foveate.explain._mapping import Choose, Look, Maps, Round
from foveate.explain.answers import Answers

__all__ = ["averaged"]

OTHERS = ((False, 0.9), (False, 1.1), (True, 1.0), (True, 0.9), (True, 1.1))
"""Besides the image itself: whether it is mirrored, and what it is multiplied by."""


def averaged(
    look: Look, x: Tensor, choose: Choose
) -> tuple[Sequence[Round], list[Maps]]:
    """Return what the maps are for, and the mean maps of six images.

    They are the image and its mirror image, each times 0.9, 1 and 1.1. Each map is
    divided by its highest before, and turned back where it was mirrored. All are for
    what the image itself was found to show.

    Raises:
        OptionError: The network does not answer with classes.
    """

    def choose_classes(answers: Answers) -> Sequence[Round]:
        if answers.kind != "classes":
            raise OptionError(
                f"class_activation: aug_smooth is for classifiers, but the network "
                f"answers with {answers.kind}, which are elsewhere in a mirror image. "
                "Leave it out, or use eigen_smooth=True."
            )
        return choose(answers)

    rounds, maps = look.maps(x, choose_classes)
    sums = [[_scaled(layer) for layer in of_round] for of_round in maps]
    for mirrored, factor in OTHERS:
        like = x.flip(-1) * factor if mirrored else x * factor
        _, maps = look.maps(like, lambda _: rounds)
        for total, of_round in zip(sums, maps, strict=True):
            for number, layer in enumerate(of_round):
                back = layer.flip(-1) if mirrored else layer
                total[number] = total[number] + _scaled(back)
    views = 1 + len(OTHERS)
    return rounds, [[total / views for total in of_round] for of_round in sums]


def _scaled(maps: Tensor) -> Tensor:
    """Return each map divided by its highest; zeros stay."""
    highest = maps.amax(dim=(1, 2), keepdim=True)
    return maps / highest.where(highest > 0, 1)
