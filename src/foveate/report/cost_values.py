"""What a network costs and what blocks add to it, as comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from foveate.report.costs import CostLine

__all__ = ["render_costs_csv"]

_COLUMNS = (
    "block",
    "height",
    "width",
    "batch",
    "device",
    "dtype",
    "compiled",
    "threads",
    "runs",
    "parameters",
    "macs",
    "elementwise",
    "pooling",
    "latency_ms",
    "latency_iqr_ms",
    "peak_bytes",
    "saved_bytes",
    "memory_measured",
    "added_parameters",
    "added_macs",
    "added_elementwise",
    "added_pooling",
    "latency_share",
    "latency_share_low",
    "latency_share_high",
    "added_peak_bytes",
    "added_saved_bytes",
    "not_counted",
)


def render_costs_csv(lines: Sequence[CostLine]) -> str:
    """Return one line a network, with a header; numbers are not rounded.

    ``block`` is empty for the network alone, and what a block adds is empty there.
    ``parameters`` to ``memory_measured`` are those of the network with its block.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_values(line) for line in lines)
    return file.getvalue()


def _values(line: CostLine) -> tuple[object, ...]:
    cost, row, alone = line.cost, line.overhead, line.overhead and line.overhead.host
    latency, memory = cost.latency, cost.memory
    shares = (row and row.latency_share_range) or (None, None)
    return (
        row.block if row else "",
        *line.size,
        line.batch,
        cost.device,
        cost.dtype,
        line.compiled,
        latency and latency.threads,
        latency and latency.runs,
        cost.parameters,
        cost.macs,
        cost.elementwise,
        cost.pooling,
        latency and latency.median_ms,
        latency and latency.iqr_ms,
        memory and memory.peak_bytes,
        memory and memory.saved_bytes,
        memory and memory.measured,
        row and row.parameters,
        row and row.macs,
        alone and cost.elementwise - alone.elementwise,
        alone and cost.pooling - alone.pooling,
        row and row.latency_share,
        *shares,
        row and row.peak_bytes,
        row and row.saved_bytes,
        " ".join(cost.not_counted),
    )
