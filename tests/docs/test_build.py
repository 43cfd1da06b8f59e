"""The documentation is whole: every page is there, and every link leads somewhere."""

import importlib.util
import re
from pathlib import Path

import pytest

from foveate import catalog

BUILD = Path(__file__).parents[2] / "docs/build.py"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("build_docs", BUILD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("pages") / "pages"
    module.collect(folder)
    return folder


def test_every_block_has_a_page(pages):
    found = {page.stem for page in (pages / "blocks").glob("*.md")}

    assert found == {"index", *catalog.names()}


def test_every_link_within_the_site_leads_to_a_page(pages):
    links = [
        (page, link)
        for page in pages.rglob("*.md")
        for link in re.findall(r"\]\(([^)#:]+\.md)", page.read_text(encoding="utf-8"))
    ]

    broken = [(p.name, link) for p, link in links if not (p.parent / link).exists()]

    assert broken == []
