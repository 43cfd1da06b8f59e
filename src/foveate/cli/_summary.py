"""Print what a comparison found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.cli._output import print_table

if TYPE_CHECKING:
    from foveate.records import Summary

__all__ = ["print_summary"]


def print_summary(summary: Summary, page: Path) -> None:
    """Print the conclusion, the table and where the report is; failures on stderr."""
    from foveate import report

    header, rows = report.table(summary)
    print_table(header, rows)
    print("\n".join(report.conclusion(summary)))
    for failure in summary.failures:
        print(f"foveate: {failure.title} broke: {failure.reason}", file=sys.stderr)
    print(f"\n{page}")
