"""Say what a conclusion does not cover."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from foveate.records import Summary
from foveate.report.grafts import called, plans_among, several
from foveate.report.numerals import count, plural

__all__ = ["list_caveats"]

_MOST_TITLES = 6


def list_caveats(summary: Summary) -> tuple[str, ...]:
    """Return what a reader should bear in mind, the graver things first."""
    return (
        *_of_broken_runs(summary),
        *_of_missing_runs(summary),
        *_of_uneven_seeds(summary),
        *_of_machines(summary),
        *_of_joins(summary),
        *_of_weights(summary),
        *_of_ranking(summary),
        *_of_reach(summary),
    )


def _of_broken_runs(summary: Summary) -> list[str]:
    if not summary.failures:
        return []
    titles = [failure.title for failure in summary.failures]
    number = len(titles)
    return [
        f"{plural(number, 'run')} broke and {'is' if number == 1 else 'are'} in no "
        f"number here: {_list(titles)}."
    ]


def _of_missing_runs(summary: Summary) -> list[str]:
    if not summary.missing:
        return []
    number = len(summary.missing)
    return [
        f"{plural(number, 'run')} {'has' if number == 1 else 'have'} not been trained "
        f"yet: {_list(summary.missing)}."
    ]


def _of_uneven_seeds(summary: Summary) -> list[str]:
    if len({frozenset(row.scores) for row in summary.rows}) < 2:  # noqa: PLR2004
        return []
    return [
        f"Not every {called(plans_among(summary))} has a score for every seed: compare "
        "the differences, which are paired by seed, and not the means."
    ]


def _of_machines(summary: Summary) -> list[str]:
    number = len(summary.machines)
    if number < 2:  # noqa: PLR2004
        return []
    return [
        f"The runs were trained on {number} kinds of machine or sets of versions; "
        "that alone can move a score."
    ]


def _of_joins(summary: Summary) -> list[str]:
    if summary.recipe.slot.name != "join":
        return []
    return [
        "The plain host joins its maps by adding them up; each fusion stood in place "
        "of that addition at every join."
    ]


def _of_weights(summary: Summary) -> list[str]:
    host = summary.recipe.host
    if host.weights is None:
        return []
    anew = f", but for {', '.join(host.reset)}," if host.reset else ""
    return [
        f"Every run{anew} started from the weights in {Path(host.weights).name}, so "
        "seeds differ in the order of images and in what was new."
    ]


def _of_ranking(summary: Summary) -> list[str]:
    if summary.plain_row is None or len(summary.block_rows) < 2:  # noqa: PLR2004
        return []
    tried = several(plans_among(summary))
    return [
        f"{tried.capitalize()} were compared with the plain host, not with each other: "
        "their order among themselves was not tested."
    ]


def _of_reach(summary: Summary) -> list[str]:
    recipe = summary.recipe
    images = recipe.data.test_images
    host = recipe.host
    width = f" (width {count(host.width)})" if host.is_ours else ""
    return [
        f"Every run was scored on the same {plural(images, 'test image')}; the "
        "intervals cover a change of seed, not of images.",
        f"What is said here holds for {recipe.data.name}, {host.title}{width} and "
        f"{plural(recipe.training.epochs, 'epoch')} of training. Other data, "
        "another host or longer training may turn out otherwise.",
    ]


def _list(titles: Sequence[str]) -> str:
    """Return the first titles, and how many more there are."""
    more = len(titles) - _MOST_TITLES
    shown = "; ".join(titles[:_MOST_TITLES])
    return f"{shown}; and {more} more" if more > 0 else shown
