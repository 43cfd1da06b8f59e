"""A page on which one chooses a place of an image and sees where it looks."""

from __future__ import annotations

import hashlib
import html
import io
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate._svg import printable
from foveate.pictures._attention_data import (
    Table,
    check,
    encode,
    heats_of,
    pack,
    thin,
)
from foveate.pictures._fitting import LEAST_TOP
from foveate.pictures._inks import CALM, MIDDLE
from foveate.pictures.colours import ramp
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.overlay import LEAST_SIDE, LUMA, colour_bar, drawn_size, overlay
from foveate.pictures.scale import Scale
from foveate.pictures.scales import shared
from foveate.pictures.seen import AttentionTable, Picture

__all__ = ["attention_page"]

OPACITY = 0.6
LONGEST = 640
"""The longer side of the image on the page, in pixels."""

_EDGE = 0.02
_PERCENT = "\N{NO-BREAK SPACE}%"
_TICKS = 4


def attention_page(
    picture: Picture,
    tables: Sequence[AttentionTable],
    title: str = "",
    *,
    notes: Sequence[str] = (),
) -> str:
    """Return a page, as one HTML file, that shows where any place of an image looks.

    A click, a touch or the arrow keys choose the place, and one of several blocks can
    be chosen. The colours are those of ``overlay``, of each place from 0 to its own
    highest density, or on one scale for all places of a block. The file asks the
    network for nothing, and its browser would refuse it. Without a script it shows the
    place in the middle.

    Args:
        picture: The image.
        tables: Where its places look, a table for each block.
        title: Of the page; names the image if empty.
        notes: Stand at the foot, each a sentence.

    Raises:
        OptionError: There are no tables, or they are of several images.
        ShapeError: A table is not ``(Q, h, w)`` with a query for each map, or a value
            is not finite.
    """
    ready, thinned = thin(check(tables))
    heats = [heats_of(table) for table in ready]
    scales = [shared(some)["share"] for some in heats]
    middle = int(np.hypot(*(ready[0].queries - 0.5).T).argmin())
    first = heats[0][middle]
    title = printable(title or f"Where each place of {picture.name} looks")
    own = Scale(0.0, max(float(first.density().max()), LEAST_TOP), "share")
    still = overlay(picture, first, scale=own, opacity=OPACITY, size=_size(picture))
    style, script = _part("attention.css"), _part("attention.js")
    told = [*thinned, *notes]
    return Template(_part("attention.html")).substitute(
        policy=_policy(style, script),
        title=html.escape(title),
        style=style,
        script=script,
        where=html.escape(printable(ready[0].name)),
        still=_encode_pixels(still, "jpeg"),
        alternative=html.escape(f"{printable(picture.name)} under a heat map."),
        bar=_encode_pixels(colour_bar((14, 512), opacity=OPACITY), "png"),
        ticks=_draw_ticks(own),
        told=html.escape(_tell(first)),
        notes="\n".join(
            f'<p class="note">{html.escape(printable(note))}</p>' for note in told
        ),
        data=_write_data(_collect(picture, ready, scales, ready[0].queries[middle])),
    )


def _size(picture: Picture) -> tuple[int, int]:
    """Return height and width of the image on the page."""
    height, width = drawn_size(picture)
    times = min(LONGEST / max(height, width), 1)
    return max(round(height * times), 1), max(round(width * times), 1)


def _collect(
    picture: Picture,
    tables: Sequence[Table],
    scales: Sequence[Scale],
    start: NDArray[np.float32],
) -> dict[str, Any]:
    """Return what the script needs."""
    return {
        "size": _size(picture),
        "image": _encode_picture(picture),
        "grey": {"luma": LUMA, "middle": MIDDLE, "contrast": 1 - CALM * OPACITY},
        "opacity": OPACITY,
        "leastTop": LEAST_TOP,
        "ramp": encode(ramp(256).tobytes()),
        "start": [float(side) for side in start],
        "blocks": [
            {**pack(table), "top": scale.high, "ticks": _ticks(scale)}
            for table, scale in zip(tables, scales, strict=True)
        ],
    }


def _ticks(scale: Scale) -> list[tuple[float, str]]:
    """Return where on the bar which number stands."""
    ticks = scale.ticks(_TICKS)
    places = scale.place(np.array(ticks, dtype=np.float32))
    labels = [scale.label(tick) for tick in ticks]
    if scale.clipped and ticks[-1] == scale.high:
        labels[-1] = f"{labels[-1]} or more"
    return list(zip((round(float(p), 4) for p in places), labels, strict=True))


def _draw_ticks(scale: Scale) -> str:
    """Return the numbers of the bar as elements of SVG."""
    drawn = []
    for place, label in _ticks(scale):
        end = "start" if place < _EDGE else "end" if place > 1 - _EDGE else "middle"
        where = f'x="{100 * place:g}%" y="13" text-anchor="{end}"'
        drawn.append(f"<text {where}>{html.escape(label)}</text>")
    return "".join(drawn)


def _tell(heat: HeatMap) -> str:
    """Return in words where the place in the middle looks most."""
    height, width = heat.values.shape
    row, column = np.unravel_index(heat.values.argmax(), heat.values.shape)
    across, down = 100 * (column + 0.5) / width, 100 * (row + 0.5) / height
    share, times = 100 * float(heat.values.max()), float(heat.density().max())
    return (
        f"The place in the middle looks most at {across:.0f}{_PERCENT} across and "
        f"{down:.0f}{_PERCENT} down, with a share of {share:.2g}{_PERCENT}: "
        f"{times:.2g} times the evenly spread one."
    )


def _encode_pixels(pixels: NDArray[np.uint8], form: str) -> str:
    """Return pixels as the address of an image that holds them."""
    file = io.BytesIO()
    options = {"quality": 88} if form == "jpeg" else {"optimize": True}
    Image.fromarray(pixels).save(file, form, **options)
    return f"data:image/{form};base64,{encode(file.getvalue())}"


def _encode_picture(picture: Picture) -> str:
    """Return the image as the script needs it: a small one is enlarged there."""
    height, width = _size(picture)
    if max(picture.size) < LEAST_SIDE:
        return _encode_pixels(picture.pixels, "png")
    image = Image.fromarray(picture.pixels).resize(
        (width, height), Image.Resampling.LANCZOS, reducing_gap=3.0
    )
    return _encode_pixels(np.asarray(image), "jpeg")


def _write_data(data: dict[str, Any]) -> str:
    # within a script element nothing else must be escaped
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _policy(style: str, script: str) -> str:
    """Return what the page may do: show its own images, and run what it holds."""
    sums = [encode(hashlib.sha256(part.encode()).digest()) for part in (style, script)]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{sums[0]}'; "
        f"script-src 'sha256-{sums[1]}'; base-uri 'none'; form-action 'none'"
    )


@cache
def _part(name: str) -> str:
    folder = files("foveate.pictures") / "templates"
    return (folder / name).read_text(encoding="utf-8")
