"""From a recipe to its runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foveate import catalog
from foveate.errors import RecipeError
from foveate.records import BlockChoice, Grid, Host, PlanChoice, Recipe, Run
from foveate.study.checking import checked_hosts
from foveate.study.codebase import code_digest, file_digest

__all__ = ["grid"]

Choice = BlockChoice | PlanChoice | None
"""What a run has besides the plain host."""


def grid(recipe: Recipe) -> Grid:
    """Return every run that a recipe asks for, after checking that each can be run.

    Args:
        recipe: What to compare.

    Returns:
        The runs, seed by seed, the plain host first.

    Raises:
        RecipeError: A host, block, layer or option does not exist or does not fit the
            host, its slot or the size of its maps; the field of the recipe and, where
            one is known, the site in the host are named.
    """
    codes = [
        (choice, code_digest(host, recipe.host))
        for choice, host in checked_hosts(recipe)
    ]
    host = _host_identity(recipe.host)
    runs = [
        _run(recipe, choice, seed, code, host)
        for seed in recipe.seeds
        for choice, code in codes
    ]
    _check_distinct(runs)
    return Grid(recipe=recipe, runs=tuple(runs))


def _run(
    recipe: Recipe, choice: Choice, seed: int, code: str, host: dict[str, Any]
) -> Run:
    parts: dict[str, Any] = {
        "data": recipe.data,
        "host": recipe.host,
        "slot": recipe.slot,
        "training": recipe.training,
    }
    plain = {name: part.model_dump(mode="json") for name, part in parts.items()}
    said = [{**plain, "host": host}, _identity(choice), seed, code]
    text = json.dumps(said, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()
    block = choice if isinstance(choice, BlockChoice) else None
    plan = choice if isinstance(choice, PlanChoice) else None
    return Run(**parts, block=block, plan=plan, seed=seed, code=code, key=key)


def _host_identity(host: Host) -> dict[str, Any]:
    """Return what makes a host the host it is, wherever its files lie."""
    values = host.model_dump(mode="json")
    values["name"] = host.title
    if host.weights is not None:
        values["weights"] = file_digest(host.weights)
    return values


def _identity(choice: Choice) -> list[Any] | None:
    """Return what makes a block or plan the one it is, whatever it is called."""
    if choice is None:
        return None
    if isinstance(choice, BlockChoice):
        return _block_identity(choice.name, choice.options)
    return [
        [
            place.path,
            place.position,
            place.start,
            *_block_identity(place.block, place.options),
        ]
        for place in choice.places
    ]


def _block_identity(name: str, options: Mapping[str, Any]) -> list[Any]:
    if ":" in name:
        # the bytes of its file are in the digest of the code
        source, _, kind = name.rpartition(":")
        return [f"{Path(source).name}:{kind}", dict(options)]
    return [catalog.card(name).name, catalog.options_of(name, dict(options))]


def _check_distinct(runs: list[Run]) -> None:
    """Refuse two names of one thing: they would be one run, counted twice."""
    seen: dict[str, str] = {}
    for run in runs:
        other = seen.setdefault(run.key, run.label)
        if other != run.label and run.plan is not None:
            raise RecipeError(
                f"plans: {other!r} and {run.label!r} put the same blocks to the same "
                "layers. Leave one out."
            )
        if other != run.label:
            raise RecipeError(
                f"blocks: {other!r} and {run.label!r} are the same block with the same "
                "options. Leave one out."
            )
