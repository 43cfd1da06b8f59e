"""What a recipe compares: labels, forms, and what cannot be said."""

import pytest

from foveate.errors import RecipeError
from foveate.records import MapShape, Place, Plan, PlanChoice, Recipe

SHAPE = MapShape(channels=8, height=4, width=4)


def place(path="layer4", block="se", **fields):
    return Place(path=path, block=block, maps=(SHAPE,), **fields)


def recipe(*plans, **fields):
    return Recipe.parse({"name": "a", "plans": [*plans], **fields}, "r.yaml")


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"at": "stage:-1"}, "se at stage:-1"),
        ({"at": ["layer3", "layer4"]}, "se at layer3 + layer4"),
        ({"at": ["a", "b", "c"]}, "se at 3 layers"),
        ({"at": "bn", "position": "before"}, "se before bn"),
        ({"at": "bn", "position": "replace"}, "se replacing bn"),
        ({"at": "bn", "start": "paper"}, "se at bn (paper)"),
        ({"at": "bn", "options": {"reduction": 4}}, "se(reduction=4) at bn"),
        ({"at": "bn", "block": "/home/me/mine.py:Mine"}, "Mine at bn"),
        ({"at": "bn", "label": "late"}, "late"),
    ],
)
def test_a_plan_is_called_by_its_block_and_its_layers(fields, label):
    assert PlanChoice(**{"block": "se", **fields}).label == label


@pytest.mark.parametrize(
    ("places", "label"),
    [
        ([place()], "se at layer4"),
        ([place(), place("layer3", "eca")], "se + eca at layer4 + layer3"),
        ([place(f"layer{n}", start="gate") for n in range(3)], "se at 3 layers (gate)"),
    ],
)
def test_places_are_called_by_their_blocks_and_layers(places, label):
    assert PlanChoice(places=places).label == label


def test_a_plan_object_is_a_choice_of_its_places():
    plan = Plan(host="Net", example=((1, 3, 8, 8),), places=(place(),))

    assert recipe(plan).plans[0].places == plan.places


@pytest.mark.parametrize(
    "plan", [{"block": "se", "at": ["a", "b"]}, {"places": [place()], "label": "x"}]
)
def test_a_choice_is_written_without_what_it_does_not_use(plan, tmp_path):
    made = recipe(plan)

    written = made.plain()["plans"][0]

    assert ("places" in written) is ("places" in plan)
    assert ("at" in written) is ("at" in plan)
    assert Recipe.load(made.save(tmp_path / "a.yaml")) == made


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"block": "se"}, r"plans.0: a plan needs block and at, .*and at \[\]\.$"),
        ({"at": "fc"}, r"plans.0: a plan needs block and at, .*block None"),
        ({"block": "se", "at": "fc", "strt": 1}, r"plans.0.strt: .*'start'"),
        (
            {"block": "se", "at": "fc", "start": "pape"},
            r"plans.0.start: cannot be 'pape'. Did you mean 'paper'",
        ),
        (
            {"places": [place()], "start": "paper"},
            r"plans.0: the places of a plan say all, so start cannot stand beside",
        ),
        ("plan.yaml", r"plans.0: the file of a plan is read by study.load_recipe, got"),
    ],
)
def test_a_plan_that_says_too_little_or_too_much_is_refused(plan, words):
    with pytest.raises(RecipeError, match=words):
        recipe(plan)


def test_two_plans_of_one_label_are_refused():
    plan = {"block": "se", "at": "fc"}

    with pytest.raises(RecipeError, match=r"'se at fc' stands there twice .* a label"):
        recipe(plan, plan)


def test_a_recipe_needs_blocks_or_plans():
    with pytest.raises(RecipeError, match=r"blocks: must not be empty, .* are plans"):
        recipe()


def test_blocks_come_before_plans():
    made = recipe({"block": "se", "at": "fc"}, blocks=["eca"])

    assert [choice.label for choice in made.contenders] == ["eca", "se at fc"]
