"""Results as the tables of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.measuring import COLUMNS
from benchmarks.results import FORWARD, TRAINING, CrissCross, Race, Results
from benchmarks.statistics import Verdict, median
from benchmarks.targets import verdicts

__all__ = ["place", "render"]

START, END = "<!-- table: start -->", "<!-- table: end -->"
MISSING = ""
TITLES = {
    "ours": "ours",
    "ours_compiled": "ours, compiled",
    "textbook": "textbook",
    "textbook_compiled": "textbook, compiled",
    "timm": "timm",
    "fightingcv": "fightingcv",
}
MODES = {FORWARD: "Forward", TRAINING: "Forward and backward"}
MEBIBYTE = 2**20
BOTH = ("ours", "textbook")


def render(results: Results) -> str:
    """Return all tables as Markdown."""
    parts = [_machine(results), _verdicts(verdicts(results))]
    for mode, title in MODES.items():
        of_mode = [race for race in results.races if race.mode == mode]
        # in the order in which they ran
        for shape in dict.fromkeys(race.shape for race in of_mode):
            races = [race for race in of_mode if race.shape == shape]
            parts.append(_races(title, races))
    parts += [_saved(results), _criss_cross(results), _hosts(results)]
    parts += [_refused(results.refused)]
    return "\n\n".join(part for part in parts if part)


def place(page: str, tables: str) -> str:
    """Return a page with ``tables`` between its two markers.

    Raises:
        ValueError: The page does not have both markers.
    """
    pattern = re.compile(f"{re.escape(START)}.*{re.escape(END)}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"The page has no {START} followed by {END}.")
    return pattern.sub(lambda _: f"{START}\n\n{tables}\n\n{END}", page)


def _machine(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {is_}" for name, is_ in machine.versions.items())
    path = "" if machine.path == "fastest" else f"ours on the path {machine.path}, "
    return (
        f"Measured on {machine.name} ({machine.device}), {machine.dtype}, {path}"
        f"{machine.threads} threads, freed memory {machine.memory}; {versions}."
    )


def _verdicts(found: Sequence[Verdict]) -> str:
    rows = [
        [
            verdict.claim,
            verdict.target,
            f"{verdict.value:.2f}",
            verdict.where,
            "yes" if verdict.reached else "**no**",
        ]
        for verdict in found
    ]
    return _titled("Targets", ["what", "target", "measured", "where", "reached"], rows)


def _races(title: str, races: Sequence[Race]) -> str:
    columns = [c for c in COLUMNS if any(c in race.times for race in races)]
    forward = races[0].mode == FORWARD
    rows = []
    for race in races:
        cells = [_cell(race, column) for column in columns]
        textbook = race.times.get("textbook")
        ratio = MISSING if textbook is None else f"{textbook.against_ours:.2f}"
        over = f"{min(race.over_floor.values()):.2f}" if race.over_floor else MISSING
        rows.append([race.block, *cells, ratio, *([over] if forward else [])])
    heading = ["block", *[TITLES[column] for column in columns], "textbook / ours"]
    if forward:
        heading.append("ours / floor")
    copies = median([race.times["copy"].median_ms for race in races])
    sigmoids = median([race.times["sigmoid"].median_ms for race in races])
    note = f"1 is {copies:.2f} ms; a sigmoid pass takes {sigmoids / copies:.2f}."
    return _titled(f"{title} at {_shape(races[0].shape)}", heading, rows, note)


def _cell(race: Race, column: str) -> str:
    if column in race.times:
        time, copied = race.times[column], race.times["copy"].median_ms
        return f"{time.median_ms / copied:.2f} ± {time.iqr_ms / 2 / copied:.2f}"
    why = race.left_out.get(column, "")
    return why if why.startswith("needs") else MISSING


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(side) for side in shape)


def _saved(results: Results) -> str:
    columns = [c for c in COLUMNS if any(c in one.copies for one in results.saved)]
    rows = [
        [
            saved.block,
            _shape(saved.shape),
            *[_copies(saved.copies, column) for column in columns],
        ]
        for saved in results.saved
    ]
    heading = ["block", "shape", *[TITLES[column] for column in columns]]
    note = "In copies of the input, which counts as one where it is kept."
    return _titled("Kept for the backward pass", heading, rows, note)


def _copies(copies: Mapping[str, float], column: str) -> str:
    return f"{copies[column]:.2f}" if column in copies else MISSING


def _criss_cross(results: Results) -> str:
    rows = [_growth(one) for one in results.criss_cross]
    kinds = ["extra MiB", "training MiB", "forward ms", "training ms"]
    heading = ["map", *[f"{k}, {who}" for k in kinds for who in BOTH]]
    note = (
        "One image of 64 channels. Extra: the most bytes alive in a forward pass "
        "without gradients, beyond weights, input and output. Training: beyond weights "
        "and input, in forward and backward."
    )
    return _titled("Criss-cross attention", heading, rows, note)


def _growth(one: CrissCross) -> list[str]:
    return [
        f"{one.size[0]}x{one.size[1]}",
        *[f"{one.extra_bytes[who] / MEBIBYTE:.2f}" for who in BOTH],
        *[f"{one.training_bytes[who] / MEBIBYTE:.2f}" for who in BOTH],
        *[f"{one.times[who].median_ms:.2f}" for who in BOTH],
        *[f"{one.training_times[who].median_ms:.2f}" for who in BOTH],
    ]


def _hosts(results: Results) -> str:
    columns = ("ours", "ours_identity", "textbook")
    rows = [
        [
            host.block,
            f"{host.plain_ms:.0f}",
            *[f"{host.overhead_ms[c]:.1f} ± {host.iqr_ms[c] / 2:.1f}" for c in columns],
            f"{host.share_of_textbook:.2f}",
        ]
        for host in results.hosts
    ]
    heading = ["block", "plain", "ours", "ours, from identity", "textbook"]
    note = (
        "Milliseconds of a forward pass of timm's ResNet-50, eight images of 224x224, "
        "and what a block after each of its 16 residual blocks adds."
    )
    return _titled("In a whole network", [*heading, "ours / textbook"], rows, note)


def _refused(refused: Mapping[str, str]) -> str:
    rows = [[name, why] for name, why in refused.items()]
    return _titled("Not reported", ["block", "why"], rows)


def _titled(
    title: str, heading: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
) -> str:
    if not rows:
        return ""
    lines = [_line(heading), _line(["---"] * len(heading)), *map(_line, rows)]
    return "\n".join([f"### {title}", "", *([note, ""] if note else []), *lines])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
