"""From a recipe to runs: order, keys, and what cannot be built."""

import pytest

from foveate.errors import RecipeError
from foveate.study import grid


def keys(recipe):
    return [run.key for run in grid(recipe).runs]


def test_runs_go_seed_by_seed_with_the_plain_host_first(tiny):
    runs = grid(tiny(blocks=["se", "eca"], seeds=[3, 5])).runs

    assert [run.title for run in runs] == [
        "plain, seed 3",
        "se, seed 3",
        "eca, seed 3",
        "plain, seed 5",
        "se, seed 5",
        "eca, seed 5",
    ]


def test_the_same_recipe_has_the_same_keys(tiny):
    assert keys(tiny()) == keys(tiny())


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"image_size": 25}},
        {"host": {"name": "resnet10", "width": 16}},
        {"slot": {"stages": [4]}},
        {"training": {"epochs": 3}},
        {"seeds": [7, 8]},
    ],
)
def test_every_part_of_a_recipe_changes_all_keys(tiny, change):
    assert set(keys(tiny())) & set(keys(tiny(**change))) == set()


def test_an_option_of_a_block_changes_its_keys_alone(tiny):
    before = keys(tiny(blocks=["se"]))

    after = keys(tiny(blocks=[{"name": "se", "options": {"reduction": 4}}]))

    assert [a == b for a, b in zip(before, after, strict=True)] == [1, 0, 1, 0]


def test_neither_the_name_of_a_recipe_nor_a_label_changes_a_key(tiny):
    before = keys(tiny(blocks=["coordinate"]))

    after = keys(tiny(name="other", blocks=[{"name": "coord", "label": "mine"}]))

    assert before == after


def test_a_new_seed_keeps_the_keys_of_the_others(tiny):
    assert keys(tiny(seeds=[0, 1, 2]))[:4] == keys(tiny(seeds=[0, 1]))


def test_a_changed_block_file_makes_only_its_own_runs_stale(tiny, monkeypatch):
    from foveate.blocks import eca
    from foveate.study import codebase

    before = keys(tiny(blocks=["se", "eca"], seeds=[0]))
    codebase.code_digest.cache_clear()
    monkeypatch.setattr(eca, "__file__", eca.__file__.replace("eca.py", "simam.py"))

    after = keys(tiny(blocks=["se", "eca"], seeds=[0]))

    codebase.code_digest.cache_clear()
    assert [a == b for a, b in zip(before, after, strict=True)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blocks": ["cbm"]}, r"blocks.0 \(cbm\): no block named 'cbm'.*'cbam'"),
        (
            {"blocks": ["eca", {"name": "se", "options": {"reduciton": 4}}]},
            r"blocks.1 \(se\(reduciton=4\)\): se has no option 'reduciton'.*'reduction",
        ),
        (
            {"blocks": ["shuffle"], "host": {"name": "resnet18", "width": 100}},
            r"blocks.0 \(shuffle\): layer1.0: ShuffleAttention: channels must be a "
            r"multiple of 16 .* got 100. Nearest that fit: 96 or 112",
        ),
        ({"host": {"name": "resnet19"}}, r"host: .*'resnet19'.*'resnet18'"),
    ],
)
def test_what_cannot_be_built_is_named_with_its_field_and_its_cure(tiny, change, words):
    with pytest.raises(RecipeError, match=words):
        grid(tiny(**change))


def test_one_block_under_two_names_is_refused(tiny):
    with pytest.raises(RecipeError, match="'se' and 'senet' are the same block"):
        grid(tiny(blocks=["se", "senet"]))
