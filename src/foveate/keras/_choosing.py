"""Which layers of a Keras model a selector means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from foveate import _checks
from foveate._selectors import chosen_of, meaning_of, near
from foveate.errors import OptionError
from foveate.keras._survey import Survey, graph_of
from foveate.records import Site

__all__ = ["Selector", "choose", "unknown_sides"]

Selector = str | type | Callable[[Site], bool]
"""A glob over paths, ``re:...``, ``type:...``, ``stage:...``, a class of layers, or
what says of a site whether it is meant."""


def choose(
    at: Selector | Sequence[Selector], sites: Sequence[Site], seen: Survey
) -> list[Site]:
    """Return the sites that are meant, each once, in the order of the model.

    Args:
        at: One selector, or several.
        sites: Every layer of the model, those that take no block included.
        seen: The model.

    Raises:
        SiteError: A selector means no layer; near names or types are offered.
        OptionError: It is no selector.
    """
    return chosen_of(
        at,
        sites,
        lambda selector: _matching(selector, sites, seen),
        lambda selector: _unknown(selector, sites, seen),
    )


def _matching(selector: Any, sites: Sequence[Site], seen: Survey) -> list[Site]:
    if isinstance(selector, type):
        of_class = {s.path for s in seen.steps if isinstance(s.layer, selector)}
        return [site for site in sites if site.path in of_class]
    if isinstance(selector, str):
        if selector.startswith("stage:"):
            _refuse_unknown_sides("'stage:' asks for the size of maps", sites, seen)
        meant = meaning_of(selector, sites, "/")
        return [site for site in sites if meant(site)]
    if isinstance(selector, keras.layers.Layer):
        paths = (repr(step.path) for step in seen.steps if step.layer is selector)
        raise OptionError(
            f"at: expected the name of a layer, got the layer itself "
            f"({type(selector).__name__}). Its name is "
            f"{next(paths, 'not one of this model')}."
        )
    if callable(selector):
        _refuse_unknown_sides("a function of a site may ask for its size", sites, seen)
        # those without maps have no channels to ask for
        return [s for s in sites if s.outputs and selector(s)]
    raise OptionError(
        "at: expected a pattern such as 'conv5_block3_out', 'conv[45]_block*_out', "
        "'re:...', 'type:Conv2D' or 'stage:-1', a class of layers or a function of a "
        f"site, got {selector!r} ({type(selector).__name__})."
    )


def _refuse_unknown_sides(why: str, sites: Sequence[Site], seen: Survey) -> None:
    """Raise OptionError if the size of no map is known because no image's is."""
    if not any(site.outputs for site in sites) and _is_open(seen):
        raise unknown_sides(seen, f"at: {why}, ")


def unknown_sides(seen: Survey, start: str = "") -> OptionError:
    """Return the error of a model whose input may have any sides."""
    shape = next(s for s in seen.inputs if None in s[1:])
    example = tuple(1 if n == 0 else side or 224 for n, side in enumerate(shape))
    return OptionError(
        f"{start}and {seen.model.name} takes images of any size, {shape}. Give the "
        f"shape of one: example={example}."
    )


def _is_open(seen: Survey) -> bool:
    return any(None in shape[1:] for shape in seen.inputs)


def _unknown(selector: Any, sites: Sequence[Site], seen: Survey) -> str:
    types = sorted({site.type for site in sites})
    known = f"{_checks.cut(types, most=20)}."
    if isinstance(selector, type):
        return f"at: no layer is a {selector.__name__}. Types there are: {known}"
    if not isinstance(selector, str):
        return (
            f"at: {selector!r} is true of no layer. foveate.keras.sites(model) shows "
            "what there is to ask for."
        )
    if selector.startswith("type:"):
        name = selector.removeprefix("type:")
        return f"at: no layer of type {name!r}. {_checks.suggest(name, types)}"
    return (
        f"at: no layer matches {selector!r}. {_closed(selector, seen)}"
        f"{near(selector, sites)} Types of layers: {known}"
    )


def _closed(selector: str, seen: Survey) -> str:
    """Return a sentence on the layer into which a path leads that is no model."""
    for step in seen.steps:
        inside = selector.startswith(f"{step.path}/")
        if inside and graph_of(step.layer) is None:
            return (
                f"{step.path} is a {type(step.layer).__name__} and no model of layers, "
                f"so nothing can be put into it: graft to {step.path} itself. "
            )
    inputs = [x.name for x in getattr(seen.model, "inputs", ())]
    if selector in inputs:
        return (
            f"{selector} is an input, which no layer returns: graft to what reads it. "
        )
    return ""
