"""The page: well-formed, alone, escaped, and with every number in it."""

import itertools
import re
from html.parser import HTMLParser

import pytest
import yaml

from foveate.records import Recipe
from foveate.report import conclusion, render_html, table

VOID = {"meta", "link", "br", "wbr"}


class Reader(HTMLParser):
    """Collects elements and text, and checks that every element is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.text, self.wrong = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture
def read():
    """Return a function that reads the page of a summary."""

    def read(summary):
        reader = Reader()
        reader.feed(render_html(summary))
        reader.close()
        return reader

    return read


def words(reader):
    """Return the text of a page with plain spaces."""
    return " ".join("".join(reader.text).split())


def test_every_element_is_closed(mixed, odd_cases, hostile, read):
    pages = [read(summary) for summary in (mixed, hostile, *odd_cases.values())]

    assert [page.wrong + page.open for page in pages] == [[]] * len(pages)


def test_the_page_asks_the_network_for_nothing(mixed, read):
    text = render_html(mixed)
    tags = {tag for tag, _ in read(mixed).elements}
    sources = [
        value
        for _, attributes in read(mixed).elements
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "data", "xlink:href"}
    ]

    assert sources == ["data:,"]
    assert not tags & {"script", "img", "iframe", "object", "embed", "form"}
    assert not re.search(r"https?://|url\(|@import", text)
    assert "default-src 'none'" in text


def test_the_page_has_a_language_a_title_and_one_first_heading(mixed, read):
    page, text = read(mixed), render_html(mixed)

    assert ("html", {"lang": "en"}) in page.elements
    assert "<title>a-recipe: what the blocks did to resnet10</title>" in text
    assert [tag for tag, _ in page.elements].count("h1") == 1


def test_headings_skip_no_level(mixed, read):
    levels = [int(t[1]) for t, _ in read(mixed).elements if re.fullmatch("h[1-6]", t)]

    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_chart_says_what_it_shows(mixed, read):
    labels = [
        attributes["aria-label"]
        for tag, attributes in read(mixed).elements
        if tag == "svg" and attributes.get("role") == "img"
    ]

    # Scores, differences, parameters, and a curve for each of four rows.
    assert len(labels) == 7
    assert "se 86.0 %" in labels[0]
    assert "se +2.0 (+1.0 to +3.0)" in labels[1]


def test_the_page_holds_every_sentence(mixed, odd_cases, read):
    for summary in (mixed, *odd_cases.values()):
        text = words(read(summary))

        assert [told for told in conclusion(summary) if told not in text] == []


def test_the_page_holds_every_cell_of_the_table(mixed, read):
    text = words(read(mixed))

    cells = [cell for row in table(mixed)[1] for cell in row]

    assert [cell for cell in cells if cell not in text] == []


def test_every_seed_of_every_block_has_a_ring(mixed, read):
    rings = [a for _, a in read(mixed).elements if a.get("class") == "seed"]

    assert len(rings) == 12


def test_an_interval_beyond_the_axis_has_an_arrowhead_and_a_word(summary_of, plain):
    close = summary_of({"plain": plain, "se": plain}, half=0.002)
    wide = summary_of({"plain": plain, "se": plain}, half=0.5)

    assert 'class="head"' not in render_html(close)
    assert 'class="head"' in render_html(wide)
    assert "An arrowhead marks an interval" in render_html(wide)


def test_no_text_of_the_user_becomes_markup(hostile, read):
    page, text = read(hostile), render_html(hostile)

    tags = {tag for tag, _ in page.elements}

    assert hostile.block_rows[0].label in words(page)
    assert "</script><img src=x>" in words(page)
    assert not tags & {"img", "script"}
    assert '<b>&"' not in text


def test_the_recipe_on_the_page_can_be_read_again(mixed, read):
    text = "".join(read(mixed).text)

    recipe = text[text.index("schema_number: 1") :]

    assert Recipe.parse(yaml.safe_load(recipe), "the page") == mixed.recipe


def test_machines_failures_and_missing_runs_are_listed(hostile, read):
    text = words(read(hostile))

    assert "A processor, 2 cores, Linux x86_64 python 3.11.7, torch 2.13.0" in text
    assert "Runs that broke" in text
    assert "Runs not trained yet" in text


def test_classes_are_shown_as_differences_to_the_plain_host(mixed, read):
    text = words(read(mixed))

    assert "plain" + "84.0" * 10 in text
    assert "se" + "+2.0" * 10 in text


def test_without_a_plain_host_nothing_is_drawn_against_it(odd_cases):
    text = render_html(odd_cases["no plain host"])

    assert "Difference to plain <" not in text
    assert "Accuracy and added parameters" not in text


def test_of_twenty_blocks_only_those_that_stand_out_have_a_name(odd_cases):
    summary = odd_cases["twenty blocks"]

    text = render_html(summary)

    decided = [row for row in summary.rows if row.verdict == "better"]
    assert text.count('class="name"') == len(decided) + 1
    assert "Dots without a name" in text


def test_odd_cases_have_no_number_that_is_none(odd_cases):
    texts = [render_html(summary) for summary in odd_cases.values()]

    assert not any(re.search(r"\b(nan|inf|None)\b|[0-9]nan", text) for text in texts)


def test_twenty_blocks_make_a_page_of_under_120_kilobytes(odd_cases):
    assert len(render_html(odd_cases["twenty blocks"]).encode()) < 120_000


def test_the_same_summary_gives_the_same_page(mixed):
    assert render_html(mixed) == render_html(mixed)
