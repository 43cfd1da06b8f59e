"""Files that a recipe names: where they are looked for, and plans written out."""

import pytest
import yaml

from foveate.errors import RecipeError
from foveate.records import MapShape, Place, Plan, Recipe, Refusal
from foveate.study import load_recipe

PLACE = Place(
    path="layer4",
    block="mine.py:Mine",
    start="paper",
    maps=(MapShape(channels=8, height=4, width=4),),
)
PLAN = Plan(host="Net", example=((1, 3, 8, 8),), places=(PLACE,))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a plan, a network and weights; the current folder is another."""
    folder = tmp_path / "home"
    (folder / "plans").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    PLAN.save(folder / "plans/late.yaml")
    for name in ("net.py", "host.pt", "plans/mine.py"):
        (folder / name).touch()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def written(folder, **fields):
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({"name": "a", **fields}))
    return path


def test_paths_are_relative_to_the_file_of_the_recipe(home):
    file = written(
        home,
        host={"name": "net.py:make", "weights": "host.pt"},
        plans=[{"block": "plans/mine.py:Mine", "at": "x"}],
    )

    recipe = load_recipe(file)

    assert recipe.host.name == f"{home}/net.py:make"
    assert recipe.host.weights == f"{home}/host.pt"
    assert recipe.plans[0].block == f"{home}/plans/mine.py:Mine"


def test_paths_of_overrides_are_relative_to_the_current_folder(home, tmp_path):
    (tmp_path / "elsewhere/other.pt").touch()
    file = written(home, host={"name": "net.py:make"}, plans=["plans/late.yaml"])

    recipe = load_recipe(file, ["host.weights=other.pt"])

    assert recipe.host.weights == str(tmp_path / "elsewhere/other.pt")
    assert recipe.host.name == f"{home}/net.py:make"


@pytest.mark.parametrize("item", ["plans/late.yaml", {"file": "plans/late.yaml"}])
def test_the_places_of_a_plan_stand_in_the_recipe(home, item):
    recipe = load_recipe(written(home, plans=[item]))

    (place,) = recipe.plans[0].places
    # the file of a block is beside the plan
    assert place.block == f"{home}/plans/mine.py:Mine"
    assert place.model_copy(update={"block": PLACE.block}) == PLACE
    assert recipe.plans[0].label == "Mine at layer4 (paper)"


def test_the_block_of_a_plan_that_is_not_beside_it_is_beside_the_recipe(home):
    (home / "plans/mine.py").rename(home / "mine.py")
    file = written(home, plans=["plans/late.yaml"])

    (place,) = load_recipe(file).plans[0].places

    assert place.block == f"{home}/mine.py:Mine"


def test_a_plan_of_a_file_can_have_a_label_and_be_overridden(home):
    file = written(home, plans=[{"file": "plans/late.yaml", "label": "late"}])

    assert load_recipe(file).plans[0].label == "late"
    assert load_recipe(file, ["plans.0.label=other"]).plans[0].label == "other"


def test_a_saved_recipe_means_the_same_in_any_folder(home, tmp_path):
    file = written(
        home,
        host={"name": "net.py:make", "weights": "host.pt"},
        plans=["plans/late.yaml", {"block": "se", "at": ["x", "y"]}],
    )
    recipe = load_recipe(file)
    saved = recipe.save(tmp_path / "runs/recipe.yaml")
    (home / "plans/late.yaml").unlink()

    assert load_recipe(saved) == recipe
    assert load_recipe(recipe) == recipe
    assert Recipe.load(saved) == recipe


def test_a_plan_that_is_not_there_is_named_with_its_field(home):
    file = written(home, plans=[{"block": "se", "at": "x"}, "none.yaml"])

    with pytest.raises(
        RecipeError, match=r"recipe.yaml: plans.1.file: cannot read .*/home/none.yaml"
    ):
        load_recipe(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"refused": (Refusal(path="fc", reason="returns no maps."),)},
            r"late.yaml has sites that cannot have the block \(fc: returns no maps.\)."
            r" Write it without them: foveate graft ... --fitting",
        ),
        ({"places": ()}, r"late.yaml has no places, so there is nothing to graft"),
    ],
)
def test_a_plan_that_cannot_be_grafted_is_refused_when_it_is_read(home, change, words):
    PLAN.model_copy(update=change).save(home / "plans/late.yaml")

    with pytest.raises(RecipeError, match=words):
        load_recipe(written(home, plans=["plans/late.yaml"]))


def test_fields_beside_the_file_of_a_plan_are_refused(home):
    item = {"file": "plans/late.yaml", "start": "gate"}

    with pytest.raises(RecipeError, match=r"so start cannot stand beside its places"):
        load_recipe(written(home, plans=[item]))
