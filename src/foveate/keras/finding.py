"""Find the sites of a Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foveate.keras._choosing import Selector, choose, unknown_sides
from foveate.keras._sites import every_site
from foveate.keras._survey import survey
from foveate.records import Sites

__all__ = ["sites"]


def sites(
    model: Any,
    example: Any = None,
    *,
    at: Selector | Sequence[Selector] | None = None,
) -> Sites:
    """Return every layer of a model that a block can be put after.

    The model is not run, only its graph is read. Layers of a model within the model
    have both names, with a slash between: ``resnet50/conv5_block3_out``.

    Args:
        model: A functional or a sequential model.
        example: The shape of its input, such as ``(1, 224, 224, 3)``, or those of its
            inputs. Only needed for a model that takes images of any size.
        at: Only the layers that this selects, also those where no block can go: their
            ``refusals`` say why. See ``graft``.

    Raises:
        SiteError: The model is a subclassed one, or not built; or ``at`` means no
            layer.
        OptionError: It is no model, its sides are not known and no example was given,
            or the example does not fit.

    Example:
        >>> import keras
        >>> from keras import layers
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((32, 32, 3)),
        ...         layers.Conv2D(8, 3, strides=2, padding="same", name="stem"),
        ...         layers.ReLU(name="act"),
        ...     ]
        ... )
        >>> print(sites(model))
        path  type    channels x size  stride  stage
        stem  Conv2D  8 x 16x16        2
        act   ReLU    8 x 16x16        2
    """
    seen = survey(model, example)
    if any(None in shape[1:] for shape in seen.inputs):
        raise unknown_sides(seen, "sites: a site has a size, ")
    found = every_site(seen)
    if at is None:
        chosen = [site for site in found if not site.refusals]
    else:
        chosen = choose(at, found, seen)
    shapes = tuple(tuple(side or 1 for side in shape) for shape in seen.inputs)
    return Sites(host=model.name, example=shapes, sites=tuple(chosen))
