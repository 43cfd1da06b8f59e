"""The page on recipes names every field with its default."""

import json
import re
from pathlib import Path

import pytest
import yaml

from foveate.records import BlockChoice, PlanChoice, Recipe
from foveate.study import grid, shipped_recipes

PAGE = (Path(__file__).parents[2] / "docs/recipes.md").read_text(encoding="utf-8")
FIELDS = PAGE.partition("## Fields")[2].partition("\n## ")[0]
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \|", FIELDS, re.MULTILINE))


def fields_of(model, prefix=""):
    """Yield the path and default of every field, those of parts in place of parts."""
    for name, field in model.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and hasattr(part, "model_fields"):
            yield from fields_of(part, f"{prefix}{name}.")
        else:
            default = (
                None
                if field.is_required()
                else field.get_default(call_default_factory=True)
            )
            yield f"{prefix}{name}", default


def test_every_field_stands_on_the_page_with_its_default():
    recipe = dict(fields_of(Recipe))
    recipe |= dict(fields_of(BlockChoice, "blocks.N."))
    recipe |= dict(fields_of(PlanChoice, "plans.N."))
    recipe |= dict.fromkeys(("blocks.N.label", "plans.N.label"))

    shown = {
        path: yaml.safe_load(text.strip("`")) if text.startswith("`") else None
        for path, text in ROWS.items()
    }

    assert shown == json.loads(json.dumps(recipe))


def test_the_recipe_on_the_page_is_valid():
    text = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]

    recipe = Recipe.parse(yaml.safe_load(text), "page")

    assert [block.label for block in recipe.blocks] == ["cbam", "cbam-wide", "se"]


@pytest.mark.usefixtures("timm")
@pytest.mark.slow
def test_every_recipe_on_the_page_can_be_run():
    texts = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    grids = [grid(Recipe.parse(yaml.safe_load(text), "page")) for text in texts]

    assert [len(found.runs) for found in grids] == [20, 12, 12]


def test_every_recipe_that_comes_with_the_library_is_named():
    assert all(f"`foveate compare {name}`" in PAGE for name in shipped_recipes())
