"""From a recipe to runs: order, keys, and what cannot be run."""

import sys

import pytest
from torch import nn

import foveate
from foveate.blocks import SqueezeExcite
from foveate.errors import RecipeError
from foveate.records import Host, Recipe, Run
from foveate.study import codebase, grid, load_recipe, shipped_recipes

JOIN = {
    "host": {"name": "resnet10_fpn", "width": 8, "stem": "half"},
    "slot": {"name": "join"},
}


def keys(recipe):
    return [run.key for run in grid(recipe).runs]


def stale_with(monkeypatch, module, recipe):
    """Return which runs of a recipe get another key when a block's file changes."""
    before = keys(recipe)
    home = sys.modules[f"foveate.blocks.{module}"]
    with monkeypatch.context() as patched:
        # another file of ours stands for the changed one
        patched.setattr(home, "__file__", home.__file__.replace(module, "simam"))
        after = keys(recipe)
    return [a != b for a, b in zip(before, after, strict=True)]


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
    recipe = tiny(blocks=["se", "eca"], seeds=[0])

    assert stale_with(monkeypatch, "eca", recipe) == [False, False, True]


def test_a_changed_add_makes_the_runs_stale_that_join_by_it(tiny, monkeypatch):
    joins = tiny(blocks=["concat", "gated"], seeds=[0], **JOIN)
    attention = tiny(blocks=["se"], seeds=[0], host=JOIN["host"])

    assert stale_with(monkeypatch, "add", joins) == [True, False, False]
    assert stale_with(monkeypatch, "gated", joins) == [False, False, True]
    assert stale_with(monkeypatch, "add", attention) == [True, True]


@pytest.mark.parametrize(("weights", "stale"), [(None, False), ("w.pt", True)])
def test_how_weights_are_loaded_counts_where_there_are_some(
    monkeypatch, weights, stale
):
    host = Host(name="resnet10", weights=weights)
    before = codebase.code_digest(nn.ReLU(), host)

    monkeypatch.setattr(codebase, "HOST_SOURCES", ())

    assert (codebase.code_digest(nn.ReLU(), host) != before) is stale


def test_an_option_of_several_numbers_keeps_its_key_and_value_in_every_form(
    tiny, tmp_path
):
    options = {"in_channels": [32, 32], "align": "first"}
    recipe = tiny(blocks=[{"name": "concat", "options": options}], **JOIN)
    run = grid(recipe).runs[1]

    forms = [
        tiny(
            blocks=[
                {"name": "concat", "options": {**options, "in_channels": (32, 32)}}
            ],
            **JOIN,
        ),
        Recipe.load(recipe.save(tmp_path / "recipe.yaml")),
        Recipe.load(recipe.save(tmp_path / "recipe.json")),
        load_recipe(recipe, ["blocks.0.options.in_channels=[32, 32]"]),
    ]

    assert run.block.options["in_channels"] == (32, 32)
    assert all(keys(form) == keys(recipe) for form in forms)
    assert all(form.blocks == recipe.blocks for form in forms)
    assert Run.model_validate_json(run.model_dump_json()) == run
    assert Run.load(run.save(tmp_path / "settings.yaml")) == run


def test_planning_asks_for_no_memory_for_weights(tiny):
    recipe = tiny(host={"name": "resnet10", "width": 20_000, "stem": "half"})

    assert len(grid(recipe).runs) == 4


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
        (
            {"host": {"name": "net.py"}},
            r"^host: net.py names a file and nothing in it. Write net.py:NAME",
        ),
        (
            {"slot": {"name": "join"}},
            r"^host: 'resnet10' has no joins, which slot.name 'join' needs. Set "
            r"host.name to resnet10_fpn\.$",
        ),
        (
            {**JOIN, "host": {"name": "resnet19_fpn"}},
            r"^host: no backbone named 'resnet19_fpn'. Did you mean 'resnet18_fpn'",
        ),
        (
            {**JOIN, "blocks": ["gated", "se"]},
            r"^blocks.1 \(se\): 'se' takes one map, and slot.name 'join' has two. "
            r"Fusions: concat, .*gated.*For 'se' set slot.name to attention\.$",
        ),
        (
            {"blocks": ["gated"]},
            r"^blocks.0 \(gated\): 'gated' is a fusion of several maps, and slot.name "
            r"'attention' has one. Set slot.name to join and host.name to resnet18_fpn",
        ),
        (
            {**JOIN, "blocks": [{"name": "sum", "label": "mine"}]},
            r"^blocks.0 \(mine\): 'sum' is the plain host's own join, .* Leave it out",
        ),
        (
            {
                **JOIN,
                "blocks": [{"name": "concat", "options": {"num_inputs": 3}}],
            },
            r"^blocks.0 .*joins.0: a join has two maps, but Concat takes 3",
        ),
        (
            {**JOIN, "blocks": [{"name": "csf", "options": {"upsample": 2}}]},
            r"^blocks.0 \(csf\(upsample=2\)\): joins.2: CSF: input 2 is \(2, 32, 3",
        ),
        (
            {**JOIN, "blocks": ["gatd"]},
            r"^blocks.0 \(gatd\): no block named 'gatd'.*'gated'",
        ),
    ],
)
def test_what_cannot_be_built_is_named_with_its_field_and_its_cure(tiny, change, words):
    with pytest.raises(RecipeError, match=words):
        grid(tiny(**change))


def test_one_block_under_two_names_is_refused(tiny):
    with pytest.raises(RecipeError, match="'se' and 'senet' are the same block"):
        grid(tiny(blocks=["se", "senet"]))


@pytest.mark.parametrize("slot", [{}, {"stages": [1]}])
def test_a_block_of_another_size_of_map_is_refused_with_its_site(
    tiny, monkeypatch, slot
):
    # a block is bound to a size by this attribute
    monkeypatch.setattr(SqueezeExcite, "spatial_size", (12, 12))
    fits = tiny(data={"image_size": 24}, slot={"stages": [1]})
    recipe = tiny(data={"image_size": 26}, slot=slot)

    assert len(grid(fits).runs) == 4
    with pytest.raises(
        RecipeError,
        match=r"^blocks.0 \(se\): layer1.0.attention: SqueezeExcite: is bound to maps "
        r"of 12x12 \(spatial_size\), got 13x13",
    ):
        grid(recipe)


def test_every_fusion_but_add_can_be_compared_at_the_joins(tiny):
    fusions = [name for name in foveate.names(kind="fusion") if name != "add"]

    runs = grid(tiny(blocks=fusions, seeds=[0], **JOIN)).runs

    assert [run.label for run in runs] == ["plain", *fusions]


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_recipe_that_comes_with_the_library_can_be_run(name):
    recipe = load_recipe(name)

    assert recipe.name == name
    assert len(grid(recipe).runs) == (1 + len(recipe.blocks)) * len(recipe.seeds)
