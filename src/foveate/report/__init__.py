"""Records in, a page, a text or a table out; no tensor library."""

from __future__ import annotations

from foveate.report.cards import render_calls, render_card, render_catalogue
from foveate.report.cost_page import check_picture, write_picture
from foveate.report.cost_values import render_costs_csv
from foveate.report.costs import (
    CostLine,
    cost_notes,
    cost_table,
    list_costs,
    name_size,
)
from foveate.report.files import write
from foveate.report.look_table import LookTable, look_tables
from foveate.report.looks import tell_looks
from foveate.report.page import render_html
from foveate.report.table import table
from foveate.report.text import render_csv, render_markdown
from foveate.report.words import conclusion

__all__ = [
    "CostLine",
    "LookTable",
    "check_picture",
    "conclusion",
    "cost_notes",
    "cost_table",
    "list_costs",
    "look_tables",
    "name_size",
    "render_calls",
    "render_card",
    "render_catalogue",
    "render_costs_csv",
    "render_csv",
    "render_html",
    "render_markdown",
    "table",
    "tell_looks",
    "write",
    "write_picture",
]
