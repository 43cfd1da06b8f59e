"""The page on weights names every layout and every place that there is."""

import re
from pathlib import Path

from foveate.interop._layouts import LAYOUTS
from foveate.interop._places import PLACES

PAGE = (Path(__file__).parents[2] / "docs/interop.md").read_text(encoding="utf-8")


def rows_after(words):
    """Return the rows of the first table after some words."""
    table = PAGE.partition(words)[2].partition("|---|---|---|\n")[2]
    return [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in table.partition("\n\n")[0].splitlines()
    ]


def test_every_layout_stands_in_the_table():
    want = [
        (f"`{block}`", f"`{layout.name}`", layout.about)
        for block in sorted(LAYOUTS)
        for layout in LAYOUTS[block]
    ]

    assert rows_after("## What can be loaded from where") == want


def test_every_place_stands_in_the_table():
    want = [
        (f"`{block}`", f"`{source}`", place.name or place.wraps)
        for block in sorted(PLACES)
        for source, place in PLACES[block].items()
    ]

    found = rows_after("as the others do:")

    # of a place without a name, the first layer that is named, if any
    names = [re.search(r"`(\w+)`", row[2]) for row in found]
    assert [row[:2] for row in found] == [row[:2] for row in want]
    assert [name[1] if name else "" for name in names] == [row[2] for row in want]
