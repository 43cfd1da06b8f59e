"""Find and override recipes."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from foveate.errors import RecipeError
from foveate.records import Recipe

__all__ = ["load_recipe"]


def load_recipe(
    source: str | Path | Recipe | None = None, overrides: Iterable[str] = ()
) -> Recipe:
    """Return a recipe, with some fields overridden.

    Args:
        source: A YAML file; None: the quickstart recipe.
        overrides: Such as ``training.epochs=4`` or ``blocks.0.options.reduction=8``;
            the value is read as YAML.

    Raises:
        RecipeError: The file cannot be read, a field does not exist or has a value
            that cannot work, or an override is not ``field=value``.
    """
    if isinstance(source, Recipe):
        values, name = source.model_dump(mode="json", exclude_defaults=True), "recipe"
    elif source is None:
        text = resources.files("foveate.study").joinpath("quickstart.yaml")
        values, name = yaml.safe_load(text.read_text(encoding="utf-8")), "quickstart"
    else:
        values, name = Recipe.read(source), str(source)
    for override in overrides:
        _override(values, override)
    return Recipe.parse(values, name)


def _override(values: Any, override: str) -> None:
    """Set the field that ``override`` names, in place."""
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise RecipeError(
            f"cannot read {override!r}: overrides are written field=value, such as "
            "training.epochs=4."
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise RecipeError(f"cannot read the value of {override!r} as YAML.") from None
    *steps, last = path.split(".")
    part = values
    for step in steps:
        part = _step_into(part, step, override)
    if isinstance(part, list):
        part[_index(part, last, override)] = value
    elif isinstance(part, dict):
        part[last] = value
    else:
        raise RecipeError(f"cannot set {override!r}: {part!r} has no fields.")


def _step_into(part: Any, step: str, override: str) -> Any:
    """Return the part of a recipe under ``step``, as something that has fields."""
    if isinstance(part, list):
        place = _index(part, step, override)
        # a block that is just a name
        if isinstance(part[place], str):
            part[place] = {"name": part[place]}
        return part[place]
    if isinstance(part, dict):
        return part.setdefault(step, {})
    raise RecipeError(f"cannot set {override!r}: {part!r} has no fields.")


def _index(part: list[Any], step: str, override: str) -> int:
    if not step.isdecimal() or int(step) >= len(part):
        raise RecipeError(
            f"cannot set {override!r}: {step!r} is not a place in a list of "
            f"{len(part)}; places are 0 to {len(part) - 1}."
        )
    return int(step)
