"""What a paper looks like as BibTeX."""

import pytest

from foveate.catalog import Paper

PAPER = Paper(
    title="On Sight",
    authors="Ada Lovelace, Alan Turing",
    year=2018,
    link="https://example.org/sight",
    venue="CVPR",
)


def test_bibtex_is_an_entry_under_the_key():
    assert PAPER.bibtex("sight") == (
        "@inproceedings{sight,\n"
        "  title = {{On Sight}},\n"
        "  author = {Ada Lovelace and Alan Turing},\n"
        "  booktitle = {CVPR},\n"
        "  year = {2018},\n"
        "  url = {https://example.org/sight}\n"
        "}"
    )


def test_bibtex_of_one_author_has_no_and():
    alone = Paper("T", "Ada Lovelace", 2018, "https://example.org", "CVPR")

    assert "author = {Ada Lovelace}," in alone.bibtex("t")


def test_a_paper_cannot_be_changed():
    with pytest.raises(AttributeError):
        PAPER.year = 2019
