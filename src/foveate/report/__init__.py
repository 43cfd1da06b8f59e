"""Records in, a page, a text or a table out; no tensor library."""

from __future__ import annotations

from foveate.report.cards import render_card, render_catalogue
from foveate.report.files import write
from foveate.report.page import render_html
from foveate.report.table import table
from foveate.report.text import render_csv, render_markdown
from foveate.report.words import conclusion

__all__ = [
    "conclusion",
    "render_card",
    "render_catalogue",
    "render_csv",
    "render_html",
    "render_markdown",
    "table",
    "write",
]
