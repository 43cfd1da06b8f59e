"""The picture of costs in a file: a chart alone, or a page with chart and table."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from foveate import _svg
from foveate.errors import OptionError
from foveate.records import Overheads, write_atomically
from foveate.report.cost_chart import Drawing, draw_costs
from foveate.report.costs import (
    CostLine,
    cost_notes,
    cost_table,
    list_costs,
    tell_setting,
)

__all__ = ["check_picture", "render_costs_html", "render_costs_svg", "write_picture"]

WIDTH = 760
"""Of a chart in a file of its own, in pixels; within a page it is as wide as that."""

CLIPPED = "An arrowhead marks quartiles that run on beyond the axis."
READING = (
    "Marks: how much longer a forward pass takes with the block, the median of the "
    "paired ratios. Upright lines: from their first quartile to their third. "
)


def check_picture(path: str | Path) -> Path:
    """Return ``path`` if a picture can be written under its name.

    Raises:
        OptionError: It ends in neither ``.svg`` nor ``.html``.
    """
    path = Path(path)
    if path.suffix.lower() not in RENDERERS:
        ending = f"'{path.suffix}'" if path.suffix else "no ending"
        raise OptionError(
            f"picture: the file must end in .svg or .html, got {ending} "
            f"({path.name!r})."
        )
    return path


def write_picture(overheads: Overheads, path: str | Path) -> Path:
    """Write the chart, or the page with it, and return the path.

    Args:
        overheads: What blocks add to a host, with latency.
        path: Ends in ``.svg`` or ``.html``.

    Raises:
        OptionError: The path has another ending, or no latency was measured.
    """
    path = check_picture(path)
    return write_atomically(path, RENDERERS[path.suffix.lower()](overheads))


def render_costs_svg(overheads: Overheads) -> str:
    """Return the chart as a file of its own, which follows light and dark.

    Raises:
        OptionError: No latency was measured.
    """
    chart = _drawn(overheads).root
    chart.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "width": str(WIDTH)}
    style = Element("style")
    style.text = _read("costs.css")
    chart.insert(0, style)
    return _svg.write(chart) + "\n"


def render_costs_html(overheads: Overheads) -> str:
    """Return the chart, how to read it, and the table in one file.

    Raises:
        OptionError: No latency was measured.
    """
    chart = _drawn(overheads)
    lines = list_costs(overheads)
    title = f"What blocks cost {overheads.host}"
    page = Element("html", lang="en")
    _add_head(_svg.add(page, "head"), title)
    main = _svg.add(_svg.add(page, "body"), "main")
    _svg.add(main, "p", "Cost by foveate", class_="kicker")
    _svg.add(main, "h1", title)
    _svg.add(main, "p", tell_setting(overheads).capitalize() + ".", class_="dek")
    figure = _svg.add(_svg.add(main, "section"), "figure")
    figure.append(chart.root)
    _svg.add(figure, "figcaption", READING + (CLIPPED if chart.clipped else ""))
    section = _svg.add(main, "section")
    _svg.add(section, "h2", "The host, and what each block adds to it")
    _add_table(_svg.add(section, "div", class_="scroll", tabindex="0"), lines)
    for note in cost_notes(lines):
        _svg.add(section, "p", note, class_="note")
    return "<!doctype html>\n" + tostring(page, encoding="unicode", method="html")


RENDERERS = {
    ".svg": render_costs_svg,
    ".html": render_costs_html,
    ".htm": render_costs_html,
}


def _drawn(overheads: Overheads) -> Drawing:
    chart = draw_costs(overheads)
    if chart is None:
        raise OptionError(
            "picture: it shows latency, and none was measured of any block. Measure "
            "with latency=True, within the budget of memory."
        )
    return chart


def _add_head(head: Element, title: str) -> None:
    _svg.add(head, "meta", charset="utf-8")
    _svg.add(
        head, "meta", name_="viewport", content="width=device-width, initial-scale=1"
    )
    _svg.add(head, "meta", name_="color-scheme", content="light dark")
    _svg.add(head, "title", title)
    _svg.add(head, "style", _read("report.css") + _read("costs.css"))


def _add_table(parent: Element, lines: list[CostLine]) -> None:
    header, rows = cost_table(lines)
    table = _svg.add(parent, "table", class_="costs")
    top = _svg.add(_svg.add(table, "thead"), "tr")
    for name in header:
        _svg.add(top, "th", name, scope="col")
    body = _svg.add(table, "tbody")
    for line, cells in zip(lines, rows, strict=True):
        row = _svg.add(body, "tr", class_="" if line.overhead else "host")
        for cell in cells:
            _svg.add(row, "td", cell)


def _read(name: str) -> str:
    return files("foveate.report").joinpath("templates", name).read_text("utf-8")
