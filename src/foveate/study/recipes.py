"""Find and override recipes."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from foveate._checks import suggest
from foveate.errors import RecipeError
from foveate.records import Recipe
from foveate.study.references import settled

__all__ = ["load_recipe", "shipped_recipes"]

HOME = resources.files("foveate.study")
ENDING = ".yaml"


def load_recipe(
    source: str | Path | Recipe | None = None, overrides: Iterable[str] = ()
) -> Recipe:
    """Return a recipe, with some fields overridden.

    The files that it names are found: relative to its own file, those of overrides to
    the current folder. The places of a plan's file become part of the recipe.

    Args:
        source: A YAML file, or the name of a recipe that comes with the library, one of
            ``shipped_recipes()``; None: the quickstart.
        overrides: Such as ``training.epochs=4`` or ``blocks.0.options.reduction=8``;
            the value is read as YAML.

    Raises:
        RecipeError: There is no such recipe, the file cannot be read, a field does not
            exist or has a value that cannot work, or an override is not
            ``field=value``.
    """
    values, name, folder = _read(source)
    values = settled(values, folder, name)
    for override in overrides:
        _override(values, override)
    values = settled(values, Path.cwd(), name)
    return Recipe.parse(values, name)


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the library, sorted.

    Example:
        >>> shipped_recipes()
        ['fusions', 'quickstart']
    """
    return sorted(
        Path(file.name).stem for file in HOME.iterdir() if file.name.endswith(ENDING)
    )


def _read(source: str | Path | Recipe | None) -> tuple[Any, str, Path]:
    """Return the values of a recipe, what an error calls it, and where it stands."""
    if isinstance(source, Recipe):
        values = source.model_dump(mode="json", exclude_defaults=True)
        return values, "recipe", Path.cwd()
    source = "quickstart" if source is None else source
    if isinstance(source, Path) or _names_a_file(source):
        return Recipe.read(source), str(source), Path(source).parent
    if source not in shipped_recipes():
        raise RecipeError(
            f"{source!r} is neither a file nor a recipe that comes with foveate. "
            f"{suggest(source, shipped_recipes())}"
        )
    text = HOME.joinpath(f"{source}{ENDING}").read_text(encoding="utf-8")
    return yaml.safe_load(text), source, Path.cwd()


def _names_a_file(source: str) -> bool:
    """Return whether there is such a file, or the text can only mean one."""
    path = Path(source)
    return path.is_file() or path.suffix != "" or len(path.parts) > 1


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
