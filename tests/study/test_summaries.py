"""From run folders to a summary, with results made up."""

import numpy as np
import pytest

from foveate.errors import RecordError
from foveate.records import Summary
from foveate.study import Folder, compare, grid, open_comparison, summarise


@pytest.fixture
def summary_of(tiny, scripted, tmp_path):
    """A function that returns the summary of a table of accuracies."""

    def of(table, **fields):
        blocks = [label for label in table if label != "plain"]
        seeds = sorted({seed for row in table.values() for seed in row})
        recipe = tiny(blocks=blocks, seeds=seeds, **fields)
        return compare(
            recipe, folder=tmp_path, executor=scripted(table), progress=False
        )

    return of


def test_differences_are_paired_by_seed(summary_of):
    found = summary_of(
        {"plain": {0: 0.50, 1: 0.60, 2: 0.70}, "se": {0: 0.55, 1: 0.65, 2: 0.85}}
    )

    difference = found.block_rows[0].difference
    # gains 0.05, 0.05 and 0.15: mean 0.25 / 3, deviation 0.0577350, t = 4.3026527
    assert difference.estimate == pytest.approx(0.25 / 3)
    assert difference.high - difference.estimate == pytest.approx(0.1434217)
    assert found.block_rows[0].wins == 3


def test_the_noise_of_the_plain_host_is_its_spread_over_seeds(summary_of):
    found = summary_of(
        {"plain": {0: 0.50, 1: 0.60, 2: 0.70}, "se": {0: 0.5, 1: None, 2: None}}
    )

    assert (found.noise.low, found.noise.high) == (0.50, 0.70)
    assert found.noise.sd == pytest.approx(0.1)


def test_a_clear_and_steady_gain_is_called_better(summary_of):
    found = summary_of(
        {
            "plain": {0: 0.5, 1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5},
            "se": {0: 0.9, 1: 0.9, 2: 0.9, 3: 0.9, 4: 0.9},
            "eca": {0: 0.1, 1: 0.1, 2: 0.1, 3: 0.1, 4: 0.1},
            "simam": {0: 0.6, 1: 0.4, 2: 0.5, 3: 0.5, 4: 0.5},
        },
        data={"image_size": 24, "train_images": 32, "test_images": 100},
    )

    assert {row.label: row.verdict for row in found.block_rows} == {
        "se": "better",
        "simam": "cannot tell",
        "eca": "worse",
    }


def test_one_seed_allows_no_verdict(summary_of):
    found = summary_of({"plain": {0: 0.1}, "se": {0: 0.9}})

    row = found.block_rows[0]
    assert (row.verdict, row.difference, row.interval) == ("cannot tell", None, None)


def test_only_seeds_that_both_have_are_paired(summary_of):
    found = summary_of(
        {"plain": {0: 0.5, 1: 0.6, 2: None}, "se": {0: None, 1: 0.7, 2: 0.9}}
    )

    assert found.block_rows[0].pairs == 1
    assert found.missing == ("se, seed 0", "plain, seed 2")


def test_the_plain_host_stands_first_then_blocks_by_their_means(summary_of):
    found = summary_of({"plain": {0: 0.5}, "se": {0: 0.4}, "eca": {0: 0.9}})

    assert [row.label for row in found.rows] == ["plain", "eca", "se"]


def test_a_broken_run_is_reported_and_the_others_count(summary_of):
    found = summary_of({"plain": {0: 0.5, 1: 0.6}, "se": {0: "ValueError: no", 1: 0.7}})

    assert [(f.label, f.seed, f.reason) for f in found.failures] == [
        ("se", 0, "ValueError: no")
    ]
    assert found.block_rows[0].scores == {1: 0.7}


def test_a_saved_summary_is_read_back_equal(summary_of, tmp_path):
    found = summary_of({"plain": {0: 0.5, 1: 0.6}, "se": {0: 0.4, 1: 0.7}})

    assert Summary.load(tmp_path / "summary.json") == Summary(**dict(found))
    assert open_comparison(tmp_path) == found


def test_runs_scored_on_different_images_are_not_put_together(tiny, trained, tmp_path):
    plan = grid(tiny(seeds=[0]))
    plan.save(tmp_path / "grid.json")
    for run, images in zip(plan.runs, "ab", strict=True):
        Folder(tmp_path).save(run, trained(0.5, images=images), np.zeros(4))

    with pytest.raises(RecordError, match="not scored on the same images"):
        summarise(tmp_path)


def test_each_machine_is_named_once(tiny, trained, tmp_path):
    plan = grid(tiny(seeds=[0, 1]))
    plan.save(tmp_path / "grid.json")
    for run, processor in zip(plan.runs, "abab", strict=True):
        Folder(tmp_path).save(run, trained(0.5, processor=processor), np.zeros(4))

    assert [m.processor for m in summarise(tmp_path).machines] == ["a", "b"]


def test_a_folder_that_is_no_comparison_is_refused(tmp_path):
    with pytest.raises(RecordError, match=r"cannot read .*grid.json: No such file"):
        summarise(tmp_path)
