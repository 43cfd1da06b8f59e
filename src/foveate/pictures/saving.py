"""Write what was seen into a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foveate.pictures.attention_page import attention_page
from foveate.pictures.branches import draw_branches
from foveate.pictures.files import check_formats, safe_name, save_grid, write_image
from foveate.pictures.gate_charts import draw_gates
from foveate.pictures.gate_ridges import draw_network_gates
from foveate.pictures.gate_statistics import ChannelStatistics
from foveate.pictures.gate_words import write_csv
from foveate.pictures.gates import channel_statistics
from foveate.pictures.grid_svg import draw_svg
from foveate.pictures.scales import Scaling
from foveate.pictures.seen import Looked
from foveate.pictures.telling import heat_name, plain_maps
from foveate.records import whole_file, write_atomically

if TYPE_CHECKING:
    from foveate.pictures.maps import Maps

__all__ = ["save_maps"]


def save_maps(
    maps: Maps, folder: Path, formats: Sequence[str], scale: Scaling, title: str
) -> tuple[Path, ...]:
    """Write maps into a folder; see ``Maps.save``."""
    check_formats(formats)
    folder.mkdir(parents=True, exist_ok=True)
    statistics = [channel_statistics(gates) for gates in maps.gates]
    written: list[Path] = []
    if "png" in formats:
        written += _write_png(maps, folder, scale, title)
    if "svg" in formats:
        written += _write_svg(maps, statistics, folder, scale, title)
    if "npz" in formats:
        written.append(_write_arrays(maps, folder / "maps.npz"))
    if "json" in formats:
        text = json.dumps(plain_maps(maps), indent=2, ensure_ascii=False) + "\n"
        written.append(write_atomically(folder / "maps.json", text))
        if statistics:
            table = write_csv(statistics)
            written.append(write_atomically(folder / "channels.csv", table))
    return tuple(written)


def _write_png(maps: Maps, folder: Path, scale: Scaling, title: str) -> list[Path]:
    if not maps.looked:
        return []
    grid = maps.grid(title, scale=scale)
    written = [save_grid(grid, folder / "grid.png")]
    for image, one in enumerate(maps.looked):
        for number, heat in enumerate(one.heat):
            if heat.kind == "activation":
                name = f"{_file_name(image, one)}-{safe_name(heat.source)}-{number}.png"
                picture = maps.overlay(image, number, scale=scale)
                written.append(write_image(picture, folder / "overlays" / name))
    return written


def _write_svg(
    maps: Maps,
    statistics: Sequence[ChannelStatistics],
    folder: Path,
    scale: Scaling,
    title: str,
) -> list[Path]:
    texts: dict[str, str] = {}
    if maps.looked:
        texts["grid.svg"] = draw_svg(maps.grid(title, scale=scale))
    if statistics:
        texts["channels.svg"] = draw_network_gates(statistics)
    for number, block in enumerate(statistics):
        where = safe_name(block.where or block.block)
        texts[f"channels/{number}-{where}.svg"] = draw_gates(block)
    if maps.branches:
        texts["branches.svg"] = draw_branches(maps.branches)
    for image, one in enumerate(maps.looked):
        tables = [table for table in maps.tables if table.image == image]
        if tables:
            page = attention_page(one.picture, tables)
            texts[f"attention-{_file_name(image, one)}.html"] = page
    return [write_atomically(folder / name, text) for name, text in texts.items()]


def _write_arrays(maps: Maps, path: Path) -> Path:
    arrays: dict[str, NDArray[Any]] = {}
    for image, one in enumerate(maps.looked):
        arrays |= {
            heat_name(image, number): heat.values
            for number, heat in enumerate(one.heat)
        }
    arrays |= {f"gates_{n}": gates.values for n, gates in enumerate(maps.gates)}
    arrays |= {f"branches_{n}": each.values for n, each in enumerate(maps.branches)}
    with whole_file(path) as file, file.open("wb") as stream:
        # numpy's types take the names of arrays for options
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return path


def _file_name(image: int, one: Looked) -> str:
    return f"{image}-{safe_name(Path(one.picture.name).stem)}"
