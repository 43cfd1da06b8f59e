"""Markdown and comma-separated values, read back."""

import csv
import io
import re

import pytest
import yaml

from foveate.records import Recipe
from foveate.report import conclusion, render_csv, render_markdown, table


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_one_line_per_block_and_seed(mixed):
    lines = read(render_csv(mixed))

    found = {(line["label"], int(line["seed"])): line["accuracy"] for line in lines}

    assert {key: float(score) for key, score in found.items()} == {
        (row.label, seed): score
        for row in mixed.rows
        for seed, score in row.scores.items()
    }
    assert len(lines) == 12


def test_csv_pairs_scores_by_seed(mixed):
    lines = [line for line in read(render_csv(mixed)) if line["label"] == "se"]

    assert [float(line["difference_to_plain"]) for line in lines] == [0.02] * 3
    assert lines[0]["parameters"] == "1235567"
    assert lines[0]["block"] == "se"


def test_csv_leaves_the_difference_empty_without_a_plain_host(odd_cases):
    lines = read(render_csv(odd_cases["no plain host"]))

    assert [line["difference_to_plain"] for line in lines] == [""] * 3


def test_csv_keeps_a_label_as_it_is(hostile):
    labels = {line["label"] for line in read(render_csv(hostile))}

    assert labels == {row.label for row in hostile.rows}


def test_markdown_holds_the_table(mixed):
    lines = [line for line in render_markdown(mixed).splitlines() if "|" in line]

    cells = [line.strip("| ").split(" | ") for line in lines]

    header, rows = table(mixed)
    assert cells == [list(header), [":--", *["--:"] * 3, ":--", *["--:"] * 2]] + [
        list(row) for row in rows
    ]


def test_markdown_holds_every_sentence(mixed):
    text = render_markdown(mixed)

    assert [sentence for sentence in conclusion(mixed) if sentence not in text] == []


def test_markdown_holds_a_recipe_that_can_be_read_again(mixed):
    block = re.search(r"```yaml\n(.*)```", render_markdown(mixed), re.DOTALL)[1]

    assert Recipe.parse(yaml.safe_load(block), "the report") == mixed.recipe


def test_markdown_takes_no_label_for_markup(hostile):
    text = render_markdown(hostile).split("## Recipe")[0]

    assert r'&lt;b&gt;&amp;"x \| \*y\*' in text
    assert "<" not in text


@pytest.mark.parametrize("render", [render_csv, render_markdown])
def test_odd_cases_have_no_number_that_is_none(odd_cases, render):
    texts = [render(summary) for summary in odd_cases.values()]

    assert not any(re.search(r"\b(nan|inf|None)\b", text) for text in texts)
