"""Which layers of a Keras model end its stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from foveate.keras._formats import MAP_DIMS
from foveate.keras._survey import Step, Survey

__all__ = ["size_of", "stages_of"]

FEWEST = 2
"""With fewer sizes of map a model has no stages to speak of."""

MOVING = ("ZeroPadding2D", "Cropping2D", "Permute")
"""Layers that only put a map elsewhere: within a margin, or in another order."""


def stages_of(seen: Survey) -> dict[str, int]:
    """Return the number of the stage that each layer ends which ends one.

    There is a stage for each size of map, from 0, and it ends with the last layer of
    that size through which all goes: no shortcut passes it by. These are the layers
    from which decoders of segmentation networks take their maps. They are looked for in
    the model, and if it has none, in the models within it.
    """
    by_model: dict[str, list[Step]] = {}
    for step in seen.steps:
        by_model.setdefault(step.path.rpartition("/")[0], []).append(step)
    for holder in sorted(
        by_model, key=lambda path: (path.count("/"), path != "", path)
    ):
        ends = _ends(by_model[holder])
        if len(ends) >= FEWEST:
            return {path: number for number, path in enumerate(ends)}
    return {}


def size_of(step: Step, place: int = 0) -> tuple[int | None, int | None, int | None]:
    """Return channels, height and width of one of the maps that a step returns."""
    _, *sides = step.returns[place].shape
    if step.data_format == "channels_first":
        return sides[0], sides[1], sides[2]
    return sides[2], sides[0], sides[1]


def _ends(steps: Sequence[Step]) -> list[str]:
    """Return the last layer of each size of map, from the largest on."""
    ends: dict[tuple[int, int], str] = {}
    image = {tuple(x.shape) for x in steps[0].gets}
    for step in _single_file(steps):
        kind = type(step.layer).__name__
        # what pools the whole map ends the part that has stages
        if kind.startswith("Global"):
            break
        if len(step.returns) != 1 or len(step.returns[0].shape) != MAP_DIMS:
            continue
        _, height, width = size_of(step)
        # what prepares the image comes before all stages
        unlike = step.returns[0].shape not in image
        if height is None or width is None or kind in MOVING or not (unlike or ends):
            continue
        if ends and (height, width) > list(ends)[-1]:
            break
        ends[height, width] = step.path
    return list(ends.values())


def _single_file(steps: Sequence[Step]) -> Iterator[Step]:
    """Return the steps after which nothing but their own output is still needed."""
    last = {id(x): place for place, step in enumerate(steps) for x in step.gets}
    waiting = set(last) - {id(x) for step in steps for x in step.returns}
    for place, step in enumerate(steps):
        own = {id(x) for x in step.returns}
        waiting = {x for x in waiting if last[x] > place}
        if not waiting:
            yield step
        waiting |= {x for x in own if last.get(x, place) > place}
