"""Choose what maps are for, of what a network answers."""

from __future__ import annotations

from foveate.errors import OptionError
from foveate.explain._mapping import Choose, Round
from foveate.explain.answers import Answers
from foveate.explain.targets import Targets, in_order, resolve

__all__ = ["one_each", "several_of_one", "those"]


def one_each(targets: Targets) -> Choose:
    """Return what chooses one target for each image."""

    def choose(answers: Answers) -> list[Round]:
        found = resolve(answers, targets, most_boxes=1)
        for image, each in enumerate(found):
            if len(each) != 1:
                raise OptionError(
                    f"targets: expected one for each image, got {len(each)} for image "
                    f"{image}. For several maps of one image use heat_maps."
                )
        return [tuple(each[0] for each in found)]

    return choose


def several_of_one(targets: Targets, most_boxes: int, least_score: float) -> Choose:
    """Return what chooses the targets of one image, each for a map of its own."""

    def choose(answers: Answers) -> list[Round]:
        (found,) = resolve(
            answers, targets, most_boxes=most_boxes, least_score=least_score
        )
        return [(target,) for target in found]

    return choose


def those(targets: Targets, images: int, start: int, count: int) -> Targets:
    """Return the targets of some of the images, those of one batch.

    Raises:
        OptionError: There is not one for each image.
    """
    given, several = in_order(targets)
    if several and len(given) != images:
        raise OptionError(
            f"targets: expected one for each of {images} images, got {len(given)}. "
            "Give a single one that is for all, or None for the likeliest."
        )
    few: Targets = given[start : start + count] if several else given
    return few
