"""Recipes: read, overridden, and refused with the path of the field."""

import pytest

from foveate.errors import RecipeError
from foveate.records import Recipe
from foveate.study import load_recipe, shipped_recipes


@pytest.fixture
def file(tmp_path):
    """A function that writes a recipe and returns its path."""

    def write(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return path

    return write


def test_the_quickstart_compares_five_blocks_at_three_seeds():
    recipe = load_recipe()

    assert [block.name for block in recipe.blocks] == [
        "se",
        "eca",
        "cbam",
        "simam",
        "coordinate",
    ]
    assert recipe.seeds == (0, 1, 2)


def test_a_recipe_that_comes_with_the_library_is_found_by_its_name():
    assert shipped_recipes() == ["fusions", "quickstart"]
    assert load_recipe("quickstart") == load_recipe()
    assert load_recipe("fusions", ["seeds=[4]"]).seeds == (4,)


def test_a_folder_of_that_name_does_not_hide_a_recipe(tmp_path, monkeypatch):
    (tmp_path / "fusions").mkdir()
    monkeypatch.chdir(tmp_path)

    assert load_recipe("fusions").name == "fusions"


def test_a_file_of_any_name_is_read(tmp_path, monkeypatch):
    (tmp_path / "mine").write_text("name: of-a-file\nblocks: [se]")
    monkeypatch.chdir(tmp_path)

    assert load_recipe("mine").name == "of-a-file"


def test_a_name_that_is_no_recipe_offers_near_ones():
    with pytest.raises(
        RecipeError,
        match=r"^'fusion' is neither a file nor a recipe that comes with foveate\. "
        r"Did you mean 'fusions'\?$",
    ):
        load_recipe("fusion")


def test_a_recipe_that_was_saved_is_read_back_equal(tmp_path):
    recipe = load_recipe(None, ["blocks.0.options.reduction=4"])

    assert Recipe.load(recipe.save(tmp_path / "a.yaml")) == recipe
    assert Recipe.load(recipe.save(tmp_path / "a.json")) == recipe


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("training.epochs=2", lambda r: r.training.epochs == 2),
        ("slot.stages=[3, 4]", lambda r: r.slot.stages == (3, 4)),
        ("blocks=[shuffle]", lambda r: r.blocks[0].name == "shuffle"),
        ("blocks.1=shuffle", lambda r: r.blocks[1].name == "shuffle"),
        (
            "blocks.0.options.reduction=4",
            lambda r: r.blocks[0].label == "se(reduction=4)",
        ),
        ("training.learning_rate=1e-2", lambda r: r.training.learning_rate == 0.01),
    ],
)
def test_an_override_sets_one_field(override, read):
    assert read(load_recipe(None, [override]))


def test_a_recipe_object_can_be_overridden_too():
    recipe = load_recipe(None, ["seeds=[0, 1]"])

    assert load_recipe(recipe, ["seeds=[4]"]).seeds == (4,)
    assert load_recipe(recipe).seeds == (0, 1)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.epoch=2", r"training.epoch: there is no such field.*'epochs'"),
        ("training.epochs=two", r"training.epochs: must be a whole number, got 'two'"),
        ("training.epochs", r"overrides are written field=value"),
        ("blocks.9=se", r"'9' is not a place in a list of 5; places are 0 to 4"),
        ("name.x=3", r"'quickstart' has no fields"),
        ("blocks=[a: b: c", r"cannot read the value of 'blocks=\[a: b: c' as YAML"),
    ],
)
def test_an_override_that_cannot_work_says_why(override, words):
    with pytest.raises(RecipeError, match=words):
        load_recipe(None, [override])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\nblocks: [se]\nseed: [1]", r"seed: there is no such field.*'seeds'"),
        ("name: a\nblocks: [se, se]", r"blocks: 'se' stands there twice"),
        (
            "name: a\nblocks: [{name: se, label: plain}]",
            r"blocks: 'plain' stands there",
        ),
        ("name: a\nblocks: [se]\nseeds: [1, 1]", r"seeds: 1 stands there twice"),
        ("name: a\nblocks: []", r"blocks: must not be empty, got \[\]"),
        ("name: a/b\nblocks: [se]", r"name: string should match"),
        ("blocks: [se]", r"name: this field is missing"),
        ("name: a\nblocks: [{name: se, option: {}}]", r"blocks.0.option: .*'options'"),
        (
            "name: a\nblocks: [se]\nhost: {stem: smal}",
            r"stem: cannot be 'smal'.*'small'",
        ),
        ("name: a\nblocks: [se]\nslot: {stages: [5]}", r"slot.stages.0: .*got 5"),
        (
            "name: a\nblocks: [gated]\nslot: {name: join, stages: [3, 4]}",
            r"slot: stages say where attention stands; .*got \[3, 4\]\.",
        ),
        ("name: a\nblocks: [se]\nslot: {name: neck}", r"slot.name: cannot be 'neck'"),
        ("name: a\nblocks: [se]\ndata: {name: mnist}", r"data.name: cannot be 'mnist'"),
        ("name: a\nblocks: [se]\ntraining: {device: gpu}", r"training.device: .*'gpu'"),
        (
            "name: a\nblocks: [se]\ndata: {train_images: 8}",
            r"training.batch_size 16 is more than data.train_images 8",
        ),
        ("name: [a", r"recipe.yaml is not YAML: .* in line 1, column 9\.$"),
        ("just text", r"recipe.yaml: must be fields with values.*got 'just text'"),
        ("", r"recipe.yaml: must be fields with values.*got None"),
        ("name: a\nblocks: [se]\nseeds: 3", r"seeds: must be a list.*got 3"),
        (
            "name: a\nblocks: [se]\ntraining: {epochs: 0}",
            r"training.epochs: must be greater than 0, got 0",
        ),
        ("schema_number: 2\nname: a\nblocks: [se]", r"schema_number: cannot be 2"),
    ],
)
def test_a_mistake_is_named_in_one_line_with_its_field(file, text, words):
    with pytest.raises(RecipeError, match=words) as caught:
        load_recipe(file(text))

    assert "\n" not in str(caught.value)
    assert "recipe.yaml" in str(caught.value)


@pytest.mark.parametrize("name", ["none.yaml", "none.json", "folder/none"])
def test_text_that_can_only_mean_a_file_is_not_taken_for_a_name(name):
    with pytest.raises(RecipeError, match=rf"cannot read {name}: No such file"):
        load_recipe(name)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"cannot read .*none.yaml: No such file"):
        load_recipe(tmp_path / "none.yaml")
