"""From a recipe to its runs."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from foveate import catalog
from foveate.errors import RecipeError
from foveate.records import BlockChoice, Grid, Recipe, Run
from foveate.study.checking import checked_hosts
from foveate.study.codebase import code_digest

__all__ = ["grid"]


def grid(recipe: Recipe) -> Grid:
    """Return every run that a recipe asks for, after checking that each can be run.

    Args:
        recipe: What to compare.

    Returns:
        The runs, seed by seed, the plain host first.

    Raises:
        RecipeError: A host, block or option does not exist or does not fit the host,
            its slot or the size of its maps; the field of the recipe and, where one
            is known, the site in the host are named.
    """
    codes = [(choice, code_digest(host)) for choice, host in checked_hosts(recipe)]
    runs = [
        _run(recipe, choice, seed, code)
        for seed in recipe.seeds
        for choice, code in codes
    ]
    _check_distinct(runs)
    return Grid(recipe=recipe, runs=tuple(runs))


def _run(recipe: Recipe, block: BlockChoice | None, seed: int, code: str) -> Run:
    parts: dict[str, Any] = {
        "data": recipe.data,
        "host": recipe.host,
        "slot": recipe.slot,
        "training": recipe.training,
    }
    plain = {name: part.model_dump(mode="json") for name, part in parts.items()}
    text = json.dumps([plain, _identity(block), seed, code], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()
    return Run(**parts, block=block, seed=seed, code=code, key=key)


def _identity(block: BlockChoice | None) -> list[Any] | None:
    """Return what makes a block the block it is, whatever it is called."""
    if block is None:
        return None
    name = catalog.card(block.name).name
    return [name, catalog.options_of(block.name, block.options)]


def _check_distinct(runs: list[Run]) -> None:
    """Refuse two names of one block: they would be one run, counted twice."""
    seen: dict[str, str] = {}
    for run in runs:
        other = seen.setdefault(run.key, run.label)
        if other != run.label:
            raise RecipeError(
                f"blocks: {other!r} and {run.label!r} are the same block with the same "
                "options. Leave one out."
            )
