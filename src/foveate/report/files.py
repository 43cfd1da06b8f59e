"""Write a report to a file, in the form that its ending asks for."""

from __future__ import annotations

from pathlib import Path

from foveate.errors import OptionError
from foveate.records import Summary, write_atomically
from foveate.report.page import render_html
from foveate.report.text import render_csv, render_markdown

__all__ = ["write"]

_RENDERERS = {
    ".html": render_html,
    ".htm": render_html,
    ".md": render_markdown,
    ".csv": render_csv,
}


def write(summary: Summary, path: str | Path) -> Path:
    """Write the report to ``path``, whole or not at all, and return the path.

    Args:
        summary: What a comparison found.
        path: Ends in ``.html`` (or ``.htm``), ``.md`` or ``.csv``.

    Raises:
        OptionError: The path has another ending.
        MissingExtraError: A page was asked for, and Jinja2 is not installed.
    """
    path = Path(path)
    renderer = _RENDERERS.get(path.suffix.lower())
    if renderer is None:
        ending = f"'{path.suffix}'" if path.suffix else "no ending"
        raise OptionError(
            f"write: path must end in .html, .htm, .md or .csv, "
            f"got {ending} ({path.name!r})."
        )
    return write_atomically(path, renderer(summary))
