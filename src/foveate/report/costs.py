"""What a network costs and what blocks add to it, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from foveate.records import Cost, Overhead, Overheads
from foveate.report.numerals import MINUS, join, plural, shorten

__all__ = [
    "COST_HEADER",
    "CostLine",
    "cost_notes",
    "cost_table",
    "list_costs",
    "name_blocks",
    "name_size",
    "tell_setting",
]

COST_HEADER = (
    "image",
    "batch",
    "network",
    "parameters",
    "MACs",
    "element-wise",
    "pooled",
    "latency",
    "quartiles",
    "peak memory",
    "saved",
)

_NONE = "\N{EN DASH}"


class CostLine(NamedTuple):
    """One network at one size and batch.

    Attributes:
        name: Of the network, or of the block that it has.
        size: Height and width of the images.
        batch: How many at once.
        cost: What the network costs.
        overhead: What its block adds; None of the network alone.
        compiled: Whether it ran under ``torch.compile``.
    """

    name: str
    size: tuple[int, int]
    batch: int
    cost: Cost
    overhead: Overhead | None = None
    compiled: bool = False


def list_costs(overheads: Overheads) -> list[CostLine]:
    """Return a line of the host for each size and batch, and below it its blocks'."""
    names = name_blocks(overheads.rows)
    groups: dict[tuple[tuple[int, int], int], list[Overhead]] = {}
    for row in overheads.rows:
        groups.setdefault((row.size, row.batch), []).append(row)
    lines = []
    for (size, batch), rows in groups.items():
        # where a block took too much memory its host was not timed either
        row = next((row for row in rows if row.host.latency), rows[0])
        alone = CostLine(overheads.host, size, batch, row.host, compiled=row.compiled)
        lines.append(alone)
        lines += [
            CostLine(names[row.block], size, batch, row.grafted, row, row.compiled)
            for row in rows
        ]
    return lines


def name_blocks(rows: Iterable[Overhead]) -> dict[str, str]:
    """Return a short name of each block: no path where its class tells it apart."""
    blocks = list(dict.fromkeys(row.block for row in rows))
    short = [block.rpartition(":")[2] for block in blocks]
    return {
        block: name if short.count(name) == 1 else block
        for block, name in zip(blocks, short, strict=True)
    }


def name_size(size: tuple[int, int]) -> str:
    """Return ``224x320``."""
    return f"{size[0]}x{size[1]}"


def cost_table(
    lines: Sequence[CostLine],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return lines as a header and one tuple of strings a row.

    A network alone has its numbers. Below it stands what each block adds to them: in
    percent, or as a number where the network alone has none.
    """
    return COST_HEADER, [
        _tell_alone(line) if line.overhead is None else _tell_added(line, line.overhead)
        for line in lines
    ]


def cost_notes(lines: Sequence[CostLine]) -> list[str]:
    """Return in sentences how numbers were found, and what is not in them."""
    notes = [_tell_timing(lines), _tell_memory(lines)]
    left_out = sorted({name for line in lines for name in line.cost.not_counted})
    if left_out:
        notes.append(
            f"Not counted: {join(left_out)}. These ran and are in no column of work."
        )
    return [note for note in notes if note]


def tell_setting(overheads: Overheads) -> str:
    """Return where blocks were and how they ran, as a chart's second line."""
    if not overheads.rows:
        return f"at {overheads.at}"
    row = overheads.rows[0]
    how = [row.device, row.dtype, "compiled" if row.compiled else "eager"]
    if row.host.latency:
        how.append(plural(row.host.latency.threads, "thread"))
    return f"at {overheads.at}; {', '.join(how)}"


def _tell_alone(line: CostLine) -> tuple[str, ...]:
    cost = line.cost
    latency, memory = cost.latency, cost.memory
    return (
        name_size(line.size),
        str(line.batch),
        line.name,
        f"{cost.parameters:,}",
        *map(shorten, (cost.macs, cost.elementwise, cost.pooling)),
        f"{latency.median_ms:.2f} ms" if latency else _NONE,
        f"{latency.iqr_ms:.2f} ms apart" if latency else _NONE,
        _bytes(memory.peak_bytes) if memory else _NONE,
        _bytes(memory.saved_bytes) if memory else _NONE,
    )


def _tell_added(line: CostLine, row: Overhead) -> tuple[str, ...]:
    cost, host = line.cost, row.host
    spread = row.latency_share_range
    memory = host.memory
    return (
        "",
        "",
        f"+ {line.name}",
        _added(row.parameters, host.parameters),
        _added(row.macs, host.macs),
        _added(cost.elementwise - host.elementwise, host.elementwise),
        _added(cost.pooling - host.pooling, host.pooling),
        _NONE if row.latency_share is None else _percent(row.latency_share),
        " to ".join(map(_percent, spread)).replace(" %", "", 1) if spread else _NONE,
        _added(row.peak_bytes, memory.peak_bytes, "B") if memory else _NONE,
        _added(row.saved_bytes, memory.saved_bytes, "B") if memory else _NONE,
    )


def _added(more: int | None, host: int, unit: str = "") -> str:
    """Return what is added in percent of the host, if it has any; else the number."""
    if more is None:
        return _NONE
    if host or not more:
        return _percent(more / host if host else 0.0)
    return ("+" if more > 0 else "") + (_bytes(more) if unit else shorten(more))


def _percent(share: float) -> str:
    """Return a share with its sign.

    Example:
        >>> _percent(0.0412), _percent(0.0002), _percent(0.0), _percent(2.5)
        ('+4.1 %', '+0.02 %', '0 %', '+250 %')
    """
    size = abs(100 * share)
    decimals = 2 if size < 0.1 else 1 if size < 100 else 0  # noqa: PLR2004
    text = f"{size:.{decimals}f}"
    if not float(text):
        return "0 %" if not share else "<0.01 %"
    return f"{'+' if share > 0 else MINUS}{text} %"


def _bytes(number: int) -> str:
    """Return a number of bytes in a unit that suits it.

    Example:
        >>> _bytes(25_690_112), _bytes(512)
        ('24.5 MiB', '512 B')
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(number) >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} B"


def _tell_timing(lines: Sequence[CostLine]) -> str:
    """Return how latency was measured; empty if it was not."""
    timed = [line.cost.latency for line in lines if line.cost.latency]
    if not timed:
        return ""
    threads = plural(timed[0].threads, "thread")
    fewest = min(latency.runs for latency in timed)
    pairs = (
        "with a block and without in turns, in one process; added latency is the "
        "median of the paired ratios"
        if any(line.overhead for line in lines)
        else "the median, and how far its quartiles are apart"
    )
    cost = lines[0].cost
    how = [cost.device, cost.dtype, "compiled" if lines[0].compiled else "eager"]
    said = ", ".join(word for word in (*how, threads) if word)
    return f"Latency: {pairs}; {said}, at least {plural(fewest, 'run')} each."


def _tell_memory(lines: Sequence[CostLine]) -> str:
    """Return where memory is from; empty if there is none."""
    memory = next((line.cost.memory for line in lines if line.cost.memory), None)
    if memory is None:
        return ""
    how = (
        "as the allocator of the device counted it"
        if memory.measured
        else "followed through every operation without being allocated"
    )
    return (
        f"Memory: {how}. Peak: held at once in a forward pass without gradients, "
        "beyond weights and input. Saved: kept in training for the backward pass, "
        "beyond weights."
    )
