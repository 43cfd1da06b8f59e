"""Write a report to a file, in the form that its ending asks for."""

from __future__ import annotations

from pathlib import Path

from foveate.errors import OptionError
from foveate.records import Summary, write_atomically
from foveate.report.page import render_html
from foveate.report.text import render_csv, render_markdown

__all__ = ["write"]

_PAGES = (".html", ".htm")
_TEXTS = {".md": render_markdown, ".csv": render_csv}


def write(
    summary: Summary, path: str | Path, *, folder: str | Path | None = None
) -> Path:
    """Write the report to ``path``, whole or not at all, and return the path.

    Args:
        summary: What a comparison found.
        path: Ends in ``.html`` (or ``.htm``), ``.md`` or ``.csv``.
        folder: That of the comparison, whose pictures go into a page.

    Raises:
        OptionError: The path has another ending.
        MissingExtraError: A page was asked for, and Jinja2 is not installed.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending in _PAGES:
        return write_atomically(path, render_html(summary, folder))
    if ending in _TEXTS:
        return write_atomically(path, _TEXTS[ending](summary))
    came = f"'{path.suffix}'" if path.suffix else "no ending"
    raise OptionError(
        f"write: path must end in .html, .htm, .md or .csv, got {came} ({path.name!r})."
    )
