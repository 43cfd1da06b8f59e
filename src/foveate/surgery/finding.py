"""Find the sites of a host."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from foveate.records import POSITIONS, MapShape, Site, Sites
from foveate.surgery._maps import MAP_DIMS
from foveate.surgery._refusals import refusal
from foveate.surgery._selecting import Selector, select
from foveate.surgery._stages import stages_of
from foveate.surgery._survey import Layer, Survey, survey
from foveate.surgery.running import Example, inputs_of, shapes_of

__all__ = ["every_site", "sites"]


def sites(
    model: nn.Module,
    example: Example,
    *,
    at: Selector | Sequence[Selector] | None = None,
) -> Sites:
    """Return every place of a host that a block can go to.

    The host runs once, in evaluation mode and without gradients, on its own device. It
    is left as it was: the mode of each layer, its buffers and torch's random numbers.

    Args:
        model: The host.
        example: The shape of its input, such as ``(1, 3, 224, 224)``; or a tensor, a
            tuple of arguments, or a mapping of keywords.
        at: Only the layers that this selects, also those where no block can go: their
            ``refusals`` say why. As for ``plan``.

    Raises:
        OptionError: The host does not run with the example.
        SiteError: The host is compiled or wrapped, or ``at`` means no layer.

    Example:
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU())
        >>> print(sites(host, (1, 3, 32, 32)))
        path  type    channels x size  stride  stage
        0     Conv2d  8 x 16x16        2
        1     ReLU    8 x 16x16        2
    """
    seen = survey(model, inputs_of(model, example))
    found = every_site(seen)
    if at is None:
        chosen = [site for site in found if len(site.refusals) < len(POSITIONS)]
    else:
        chosen = select(at, found, model)
    shapes = shapes_of(seen.inputs)
    return Sites(host=type(model).__name__, example=shapes, sites=tuple(chosen))


def every_site(seen: Survey) -> list[Site]:
    """Return every layer of a host that was looked at, those that did not run last."""
    stages = {path: number for number, path in stages_of(seen).items()}
    paths = [*seen.layers, *seen.idle]
    return [_site(seen, path, stages.get(path)) for path in paths]


def _site(seen: Survey, path: str, stage: int | None) -> Site:
    layer = seen.layers.get(path) or Layer(path, seen.model.get_submodule(path))
    refusals = {position: refusal(seen, path, position) for position in POSITIONS}
    outputs = _maps(layer.outputs)
    return Site(
        path=path,
        type=type(layer.module).__name__,
        outputs=outputs,
        inputs=_maps(layer.inputs),
        stride=_stride(seen, outputs),
        stage=stage,
        refusals={position: why for position, why in refusals.items() if why},
    )


def _maps(shapes: Sequence[Sequence[int]]) -> tuple[MapShape, ...]:
    if any(len(shape) != MAP_DIMS for shape in shapes):
        return ()
    return tuple(
        MapShape(channels=channels, height=height, width=width)
        for _, channels, height, width in shapes
    )


def _stride(seen: Survey, outputs: Sequence[MapShape]) -> float | None:
    if seen.image is None or not outputs or not outputs[0].height:
        return None
    return round(seen.image[0] / outputs[0].height, 2)
