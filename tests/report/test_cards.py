"""The pages of the catalogue say what its cards say."""

import re

import pytest
import torch

from foveate import catalog
from foveate.catalog import Card, Option, Paper, Variant
from foveate.report import render_calls, render_card, render_catalogue

CARD = Card(
    name="toy",
    kind="channel",
    summary="Weigh nothing.",
    paper=Paper(
        title="Toys", authors="Ann Ame", year=2020, link="https://x.org", venue="ICT"
    ),
    formula="y = |x|",
    parameters=1_234,
    options=(Option("width", 4, "Either a|b or c."),),
    aliases=("tin",),
    needs=("luck",),
    differs=("It is made of tin.",),
    variants=(
        Variant("red", "Painted.", {"width": 8}, ("It is red.",), starts=("paper",)),
    ),
    starts=("gate", "paper"),
)


@pytest.mark.parametrize(
    "line",
    [
        "# toy",
        "Weigh nothing. Kind: channel.",
        "y = |x|",
        "Ann Ame (2020). [Toys](https://x.org). ",
        "Also called `tin`.",
        "Parameters at 256 channels: 1,234.",
        'block = fv.create("toy", 256)',
        "y = block(x)  # x is (B, 256, H, W)",
        'layer = fk.create("toy")',
        "y = layer(x)  # x is (B, H, W, 256)",
        'PyTorch: `fv.create("toy.red", 256)`. Keras: `fk.create("toy.red")`.',
        "| `width` | `4` | Either a&#124;b or c. |",
        "- luck",
        "- It is made of tin.",
        "### toy.red",
        "`width=8`",
        f"- `gate`: {catalog.STARTS['gate']}",
        "Starts when grafted: `paper`.",
        "@inproceedings{toy,",
    ],
)
def test_the_page_of_a_block_has_the_line(line):
    assert line in render_card(CARD).splitlines()


def test_a_sized_block_says_for_how_many_places_its_parameters_are():
    page = render_card(catalog.card("joint_cbam"))

    assert "Parameters at 256 channels and 7x7 places: 18,051." in page


@pytest.mark.parametrize(
    "line",
    [
        'block = fv.create("joint_cbam", 256, spatial_size=(7, 7))',
        "y = block(x)  # x is (B, 256, 7, 7)",
        'layer = fk.create("joint_cbam", spatial_size=(7, 7))',
        "y = layer(x)  # x is (B, 7, 7, 256)",
    ],
)
def test_a_sized_block_is_created_with_its_size(line):
    assert line in render_card(catalog.card("joint_cbam")).splitlines()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gated", "y = block(x1, x2)  # each is (B, 256, H, W)"),
        ("gated", "y = layer([x1, x2])  # each is (B, H, W, 256)"),
        ("msf", "y = block(x1, x2, x3, x4)  # each is (B, 256, H, W)"),
        ("msf", "y = layer([x1, x2, x3, x4])  # each is (B, H, W, 256)"),
    ],
)
def test_a_fusion_is_called_with_as_many_maps_as_it_takes(name, line):
    assert line in render_card(catalog.card(name)).splitlines()


@pytest.mark.parametrize("name", catalog.names())
def test_the_code_for_pytorch_runs(name):
    code = re.search(
        r"```python\n(import foveate as fv\n.*?)```",
        render_card(catalog.card(name)),
        re.DOTALL,
    )[1]
    names = {x: torch.zeros(2, 256, 7, 7) for x in ("x", "x1", "x2", "x3", "x4")}

    exec(code, names)  # noqa: S102

    assert names["y"].shape == (2, 256, 7, 7)


def test_a_variant_is_created_by_its_whole_name():
    calls = render_calls(*catalog.resolve("eca.fixed"))

    assert calls == ('fv.create("eca.fixed", 256)', 'fk.create("eca.fixed")')


def test_empty_sections_are_left_out():
    bare = Card("bare", "channel", "Rest.", CARD.paper, "y = x", 0, starts=())

    page = render_card(bare)

    assert "## Needs" not in page
    assert "## Starts" not in page
    assert "## Variants" not in page


def test_the_list_names_every_block_once_under_its_kind():
    page = render_catalogue([CARD, *catalog.find()])

    for card in (CARD, *catalog.find()):
        assert page.count(f"[`{card.name}`]({card.name}.md)") == 1
    assert page.index("[`toy`]") < page.index("## Blocks that weigh places")


def test_kinds_without_blocks_have_no_heading():
    assert render_catalogue([CARD]).count("## ") == 1
