"""The ending of a path chooses the form."""

import sys

import pytest

from foveate.errors import MissingExtraError, OptionError
from foveate.report import render_csv, render_html, render_markdown, write


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("report.html", render_html),
        ("report.HTM", render_html),
        ("report.md", render_markdown),
        ("report.csv", render_csv),
    ],
)
def test_the_ending_chooses_the_form(mixed, tmp_path, name, render):
    path = write(mixed, tmp_path / "new" / name)

    assert path == tmp_path / "new" / name
    assert path.read_text(encoding="utf-8") == render(mixed)


@pytest.mark.parametrize(
    ("name", "got"), [("report.pdf", "'.pdf'"), ("report", "no ending")]
)
def test_another_ending_is_an_error_that_names_what_works(mixed, tmp_path, name, got):
    with pytest.raises(OptionError, match=rf"\.html, \.htm, \.md or \.csv, got {got}"):
        write(mixed, tmp_path / name)

    assert list(tmp_path.iterdir()) == []


def test_without_jinja2_a_page_is_an_error_that_says_what_to_install(
    mixed, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'foveate\[compare\]'"):
        write(mixed, tmp_path / "report.html")


def test_without_jinja2_the_other_forms_work(mixed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    assert write(mixed, str(tmp_path / "report.md")).exists()
