"""The files that a recipe names: found, and plans written out in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foveate.errors import FoveateError, RecipeError
from foveate.records import Plan

__all__ = ["settled"]


def settled(values: Any, folder: Path, source: str) -> Any:
    """Return the values of a recipe with its files found.

    The paths of a host, its weights and a user's block become absolute, so that the
    recipe means the same in any folder. In place of the file of a plan stand its
    places. What has another form than it should is left for the recipe to refuse.

    Args:
        values: The plain values of a recipe.
        folder: What its paths are relative to; where there is no such file, the
            current folder. The blocks in a plan's file are looked for beside that
            file first.
        source: What an error calls the recipe.

    Raises:
        RecipeError: The file of a plan cannot be read, or says what cannot be grafted.
    """
    if not isinstance(values, dict):
        return values
    values = dict(values)
    if isinstance(values.get("host"), dict):
        values["host"] = _host(values["host"], folder)
    if isinstance(values.get("plans"), list):
        values["plans"] = [
            _plan(plan, folder, f"{source}: plans.{place}")
            for place, plan in enumerate(values["plans"])
        ]
    return values


def _host(host: dict[str, Any], folder: Path) -> dict[str, Any]:
    found = {"name": _named(host.get("name"), folder)}
    if isinstance(host.get("weights"), str):
        found["weights"] = _absolute(host["weights"], folder)
    return {key: found.get(key, value) for key, value in host.items()}


def _plan(plan: Any, folder: Path, field: str) -> Any:
    if isinstance(plan, str):
        plan = {"file": plan}
    if not isinstance(plan, dict):
        return plan
    if isinstance(plan.get("file"), str):
        file = Path(_absolute(plan["file"], folder))
        rest = {key: value for key, value in plan.items() if key != "file"}
        return {**rest, "places": _places(file, folder, field)}
    if "block" in plan:
        return {**plan, "block": _named(plan["block"], folder)}
    return plan


def _places(file: Path, folder: Path, field: str) -> list[dict[str, Any]]:
    """Return the places of the plan in a file, as plain values."""
    try:
        plan = Plan.load(file)
    except FoveateError as problem:
        raise RecipeError(f"{field}.file: {problem}") from None
    if plan.refused:
        refused = plan.refused[0]
        raise RecipeError(
            f"{field}.file: {file.name} has sites that cannot have the block "
            f"({refused.path}: {refused.reason}). Write it without them: foveate graft "
            "... --fitting."
        )
    if not plan.places:
        raise RecipeError(
            f"{field}.file: {file.name} has no places, so there is nothing to graft. "
            "Write it anew with foveate graft ... --out."
        )
    places = plan.plain()["places"]
    # foveate graft writes a block as it was typed, whatever folder the plan goes to
    return [
        {**each, "block": _named(each["block"], file.parent, folder)} for each in places
    ]


def _named(name: Any, *folders: Path) -> Any:
    """Return ``file.py:name`` with an absolute path, and any other name as it is."""
    if not isinstance(name, str):
        return name
    file, colon, rest = name.rpartition(":")
    return f"{_absolute(file, *folders)}{colon}{rest}" if file.endswith(".py") else name


def _absolute(path: str, *folders: Path) -> str:
    """Return the first of the folders' files that is there, or where it should be."""
    tried = [(folder / path).resolve() for folder in (*folders, Path.cwd())]
    return str(next((file for file in tried if file.exists()), tried[0]))
