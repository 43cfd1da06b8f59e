"""The host of a recipe: ours or another's, and what only one of them has."""

import pytest

from foveate.errors import RecipeError
from foveate.records import Host, Recipe

PLANS = [{"block": "se", "at": "stage:-1"}]


def recipe(host, **fields):
    return Recipe.parse({"name": "a", "host": host, "plans": PLANS, **fields}, "r.yaml")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("resnet18", "resnet18"),
        ("timm:resnet18", "timm:resnet18"),
        ("/home/me/nets/mine.py:make", "mine.py:make"),
        ("package.module:Net", "package.module:Net"),
    ],
)
def test_people_read_the_name_of_a_host_without_folders(name, title):
    assert Host(name=name).title == title


def test_width_and_stem_are_not_written_for_a_host_that_has_none(tmp_path):
    made = recipe({"name": "timm:resnet18", "weights": "/a/b.pt", "reset": "fc"})

    assert made.plain()["host"] == {
        "name": "timm:resnet18",
        "options": {},
        "weights": "/a/b.pt",
        "reset": ["fc"],
    }
    assert Recipe.load(made.save(tmp_path / "a.yaml")) == made


@pytest.mark.parametrize(
    ("host", "fields", "words"),
    [
        (
            {"name": "timm:resnet18", "width": 64},
            {},
            r"host: only the ResNets of foveate have width, and host.name is 'timm:r.*"
            r"host=\{name: timm:resnet18\} replaces the whole host",
        ),
        (
            {"name": "timm:resnet18"},
            {"blocks": ["se"]},
            r"blocks: go into the slot of a host of foveate, and timm:resnet18 has "
            r"none, got 'se'. Graft it instead: plans: \[\{block: se, at: 'stage:-1'",
        ),
        (
            {"name": "timm:resnet18"},
            {"slot": {"stages": [4]}},
            r"slot: is of the hosts of foveate, and timm:resnet18 has none. Leave it",
        ),
        (
            {"options": {"stem": "half"}},
            {},
            r"host: options cannot hold stem, got 'half'. Set host.stem\.",
        ),
        (
            {"options": {"attention": "se"}},
            {},
            r"host: options cannot hold attention, .*said by blocks or plans",
        ),
        (
            {"reset": ["fc"]},
            {},
            r"host: reset names what of host.weights is not loaded, and there are none",
        ),
    ],
)
def test_what_a_host_does_not_have_is_refused(host, fields, words):
    with pytest.raises(RecipeError, match=words):
        recipe(host, **fields)
