"""What the layers of a Keras model offer to a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import keras

from foveate.keras._formats import MAP_DIMS
from foveate.keras._stages import size_of, stages_of
from foveate.keras._survey import Step, Survey
from foveate.records import MapShape, Site

__all__ = ["every_site", "refusal"]


def every_site(seen: Survey) -> list[Site]:
    """Return every layer of a model that was looked at.

    Where sides are not known a site has no outputs, though a block can go there.
    """
    stages = stages_of(seen)
    rows = _rows(seen)
    found = []
    for path, steps in seen.by_path().items():
        outputs = _maps(steps[0])
        reason = refusal(steps)
        site = Site(
            path=path,
            type=type(steps[0].layer).__name__,
            outputs=outputs,
            inputs=(),
            stride=round(rows / outputs[0].height, 2) if rows and outputs else None,
            stage=stages.get(path),
            refusals={"after": reason} if reason else {},
        )
        found.append(site)
    return found


def refusal(steps: Sequence[Step]) -> str | None:
    """Return why no block can go after a layer; None if one can."""
    returned = {tuple(x.shape for x in step.returns) for step in steps}
    for shapes in returned:
        if not shapes or any(len(shape) != MAP_DIMS for shape in shapes):
            return (
                f"returns {', '.join(map(str, shapes)) or 'no tensor'}, no feature "
                "maps (B, H, W, C). Choose a layer that has them: "
                "foveate.keras.sites(model) lists them."
            )
    dtypes = {str(x.dtype) for step in steps for x in step.returns}
    others = [dtype for dtype in dtypes if not keras.backend.is_float_dtype(dtype)]
    if others:
        return f"returns maps of {others[0]}, and blocks need floating point."
    channels = {
        tuple(size_of(step, place)[0] for place in range(len(step.returns)))
        for step in steps
    }
    if len(channels) > 1:
        return (
            f"is called {len(steps)} times, on maps of different channels: "
            f"{', '.join(map(str, sorted(channels)))}. Choose a layer after each call."
        )
    if None in next(iter(channels)):
        return "returns maps whose channels are not known."
    return None


def _maps(step: Step) -> tuple[MapShape, ...]:
    """Return the maps of a layer; none if there is anything else, or no size."""
    if any(len(x.shape) != MAP_DIMS for x in step.returns):
        return ()
    sizes = [size_of(step, place) for place in range(len(step.returns))]
    if any(None in size for size in sizes):
        return ()
    return tuple(
        MapShape(channels=channels, height=height, width=width)
        for channels, height, width in cast("list[tuple[int, int, int]]", sizes)
    )


def _rows(seen: Survey) -> int | None:
    """Return the rows of the first input that is a batch of images."""
    images = [shape for shape in seen.inputs if len(shape) == MAP_DIMS]
    return (
        images[0][1 if seen.data_format == "channels_last" else 2] if images else None
    )
