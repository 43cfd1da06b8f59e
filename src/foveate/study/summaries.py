"""From run folders to a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from foveate.errors import RecordError
from foveate.records import (
    PLAIN,
    Curve,
    GraftedBlock,
    Grid,
    Noise,
    Result,
    Row,
    Run,
    Summary,
)
from foveate.study.folders import Folder
from foveate.study.look_keys import kept_looks
from foveate.study.machines import distinct
from foveate.study.pairing import pair
from foveate.study.statistics import deviation

__all__ = ["summarise"]

Results = dict[int, Result]
"""What came of one block, by seed."""


def summarise(folder: str | Path) -> Summary:
    """Return what the runs in a folder say, finished or not.

    Args:
        folder: A folder that ``compare`` has written.

    Raises:
        RecordError: It holds no grid, or its runs were not scored on the same images.
    """
    home = Folder(folder)
    grid = home.load_grid()
    found: dict[str, Results] = {}
    failures, missing = [], []
    for run in grid.runs:
        result, failure = home.result(run), home.failure(run)
        if result is not None:
            found.setdefault(run.label, {})[run.seed] = result
        elif failure is not None:
            failures.append(failure)
        else:
            missing.append(run.title)
    results = [result for mine in found.values() for result in mine.values()]
    _check_same_images(home, results)
    return Summary(
        recipe=grid.recipe,
        rows=_rows(grid, found),
        noise=_noise(found.get(PLAIN)),
        failures=tuple(failures),
        missing=tuple(missing),
        machines=distinct(result.machine for result in results),
        looks=kept_looks(home, grid),
    )


def _rows(grid: Grid, found: Mapping[str, Results]) -> tuple[Row, ...]:
    """Return the plain host's row, then blocks from the highest mean."""
    names = {run.label: _name(run) for run in grid.runs if run.label != PLAIN}
    resolution = 1 / grid.recipe.data.test_images
    rows = [
        _row(
            label,
            mine,
            found.get(PLAIN, {}),
            block=names.get(label),
            resolution=resolution,
            family=len(names),
        )
        for label, mine in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.label != PLAIN, -row.mean)))


def _name(run: Run) -> str:
    """Return the block of a run, or the blocks of its plan, by their names."""
    if run.block is not None:
        return run.block.name
    places = () if run.plan is None else run.plan.places
    return ", ".join(dict.fromkeys(place.block for place in places))


def _row(
    label: str,
    mine: Results,
    plain: Results,
    *,
    block: str | None,
    resolution: float,
    family: int,
) -> Row:
    scores = {seed: result.accuracy for seed, result in sorted(mine.items())}
    reference = {} if block is None else plain
    paired = pair(
        scores,
        {seed: result.accuracy for seed, result in reference.items()},
        resolution=resolution,
        family=family,
    )
    some = next(iter(mine.values()))
    return Row(
        label=label,
        block=block,
        scores=scores,
        **paired._asdict(),
        class_accuracy=_mean_of_classes(mine),
        parameters=some.parameters,
        macs=some.macs,
        seconds=sum(result.seconds for result in mine.values()) / len(mine),
        curves=tuple(
            Curve(
                seed=seed,
                test_accuracy=tuple(row.test_accuracy for row in mine[seed].curve),
            )
            for seed in scores
        ),
        grafts=_mean_of_grafts([result.grafts for result in mine.values()]),
    )


def _mean_of_classes(mine: Results) -> tuple[float, ...]:
    by_class = zip(*(result.class_accuracy for result in mine.values()), strict=True)
    return tuple(sum(values) / len(values) for values in by_class)


def _mean_of_grafts(
    seeds: Sequence[tuple[GraftedBlock, ...]],
) -> tuple[GraftedBlock, ...]:
    """Return each graft with what is measured of it averaged over seeds."""
    return tuple(
        of_one[0].model_copy(
            update={
                "amount": _mean([graft.amount for graft in of_one]),
                "largest_amount": _mean([graft.largest_amount for graft in of_one]),
                "moved": _mean([graft.moved for graft in of_one]),
            }
        )
        for of_one in zip(*seeds, strict=True)
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _noise(plain: Results | None) -> Noise | None:
    if not plain:
        return None
    values = [result.accuracy for result in plain.values()]
    return Noise(sd=deviation(values), low=min(values), high=max(values))


def _check_same_images(home: Folder, results: list[Result]) -> None:
    if len({result.data_digest for result in results}) > 1:
        raise RecordError(
            f"the runs in {home.path} were not scored on the same images: they were "
            "trained with different versions of the data's packages. Train them again "
            "in another folder."
        )
