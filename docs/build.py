"""Build the documentation into ``build/site``, with a page for every block.

The pages of the blocks are written from their cards, so a new card is a new page.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from foveate import catalog
from foveate.report import render_card, render_catalogue

__all__ = ["collect"]

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"

HOME = {"README.md": "index.md"}
"""Pages that lie beside the folder of documents, and their names within it."""

OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md")


def collect(pages: Path) -> list[dict[str, object]]:
    """Write every page into the folder ``pages`` and return the navigation."""
    shutil.rmtree(pages, ignore_errors=True)
    for folder in ("blocks", "decisions"):
        (pages / folder).mkdir(parents=True)
    for name in (*HOME, *OUTSIDE):
        text = (ROOT / name).read_text(encoding="utf-8")
        (pages / HOME.get(name, name)).write_text(_relinked(text), encoding="utf-8")
    docs = ROOT / "docs"
    guides = sorted(docs.glob("*.md"))
    decisions = sorted(docs.glob("decisions/*.md"))
    for page in (*guides, *decisions):
        text = page.read_text(encoding="utf-8")
        target = pages / page.relative_to(docs)
        target.write_text(_relinked(text), encoding="utf-8")
    cards = catalog.find()
    (pages / "blocks/index.md").write_text(render_catalogue(cards), encoding="utf-8")
    for card in cards:
        path = pages / f"blocks/{card.name}.md"
        path.write_text(render_card(card), encoding="utf-8")
    return [
        {"foveate": "index.md"},
        {"Blocks": ["blocks/index.md", *(f"blocks/{c.name}.md" for c in cards)]},
        {"Guides": [page.name for page in guides]},
        {"Decisions": [f"decisions/{page.name}" for page in decisions]},
        {"Project": list(OUTSIDE)},
    ]


def _relinked(text: str) -> str:
    """Return ``text`` with links to where its pages lie in the site."""
    text = re.sub(r"\]\((?:\.\./)?docs/", "](", text)
    return re.sub(r"\]\((?:\.\./)?README\.md", "](index.md", text)


def main() -> int:
    """Collect the pages and build the site; return the exit code of the builder."""
    project = {
        "site_name": "foveate",
        "docs_dir": "pages",
        "site_dir": "site",
        # so that it can be read without a server
        "use_directory_urls": False,
        "nav": collect(BUILD / "pages"),
    }
    settings = BUILD / "mkdocs.yml"
    # YAML reads JSON
    settings.write_text(json.dumps(project, indent=2), encoding="utf-8")
    builder = Path(sys.executable).with_name("zensical")
    done = subprocess.run(  # noqa: S603
        [builder, "build", "--clean", "--strict", "--config-file", settings],
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
