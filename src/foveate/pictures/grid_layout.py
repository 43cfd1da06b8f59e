"""Where everything of a grid stands, in pixels of a page, whoever draws it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Literal

from foveate.pictures._page import Bar, Empty, Item, Layout, Shown, Words
from foveate.pictures.grid import Grid
from foveate.pictures.lettering import plain, width_of, wrap
from foveate.pictures.scale import Scale

__all__ = ["lay_out"]

MARGIN = 20.0
GAP = 8.0
BAND_GAP = 26.0
PAGE = 1240.0
LEAST_PAGE = 320.0
MOST_COLUMNS = 10
LABEL_ROOM = 120.0
BAR_WIDTH = 260.0
BAR_HEIGHT = 12.0
NARROWEST_COLUMN = 72.0
ASPECTS = (0.8, 2.0)
TITLE, NAME, SMALL = 18.0, 12.0, 11.0
LINE = 1.3

SHRUNK = "The cells are small, so that the whole picture stays within its largest size."
RING = "Ring: the place that looks."


def lay_out(grid: Grid, most: float = 6000.0) -> Layout:
    """Return the page of a grid.

    Cells of a row are of one height, and so are all rows, except that an image more
    than twice as wide as high is fitted by its width. After ten columns the grid goes
    on below, beginning with the images again if they are its first column.

    Args:
        grid: What to show.
        most: No side of the page becomes longer, as long as cells can shrink.
    """
    page = _Page(grid, _widest(grid), ())
    layout = page.layout()
    cells = page.widest
    while max(layout.width, layout.height) > most and cells > 1:
        cells *= min(0.9, most / max(layout.width, layout.height))
        layout = _Page(grid, cells, (SHRUNK,)).layout()
    return layout


def _widest(grid: Grid) -> float:
    """Return how wide a cell may be: the fewer there are, the wider."""
    columns = max(len(band) for band in _bands(grid))
    room = (PAGE - 2 * MARGIN - LABEL_ROOM) / columns - GAP
    most = 480.0 if len(grid.rows) == 1 else 220.0
    return min(room, most)


def _bands(grid: Grid) -> list[list[int]]:
    """Return the columns of each band, of about the same number."""
    lead = [0] if grid.leads else []
    rest = list(range(len(lead), len(grid.columns)))
    bands = ceil(len(rest) / (MOST_COLUMNS - len(lead)))
    long = ceil(len(rest) / bands)
    return [lead + rest[n : n + long] for n in range(0, len(rest), long)]


class _Page:
    """A page in the making: what stands on it so far, and where it goes on."""

    def __init__(self, grid: Grid, widest: float, said: tuple[str, ...]) -> None:
        self.grid = grid
        self.widest = widest
        self.scales = grid.scales()
        self.bands = _bands(grid)
        rings = (RING,) * any(heat.query is not None for heat in grid.heats)
        self.notes = (*grid.notes, *rings, *said)
        self.labels = [wrap(plain(n), LABEL_ROOM, NAME, most=3) for n in grid.rows]
        widths = [width_of(line, NAME) for lines in self.labels for line in lines]
        self.left = MARGIN + (max(widths) + 2 * GAP if widths else 0)
        self.sizes = self._sizes()
        self.column = max(NARROWEST_COLUMN, *(width for width, _ in self.sizes))
        columns = max(len(band) for band in self.bands)
        grid_right = self.left + columns * (self.column + GAP) - GAP
        self.right = max(grid_right, MARGIN + LEAST_PAGE)
        self.y = MARGIN
        self.items: list[Item] = []

    def layout(self) -> Layout:
        """Return the finished page."""
        self._write(self.grid.title, TITLE, "title")
        self.y += GAP * bool(self.grid.title)
        self._bars()
        for number, band in enumerate(self.bands):
            self.y += BAND_GAP * (number > 0)
            self._heads(band)
            for row in range(len(self.grid.rows)):
                self._row(row, band)
        self.y += GAP
        for note in self.notes:
            self._write(note, SMALL, "note")
        return Layout(self.right + MARGIN, self.y + MARGIN, tuple(self.items))

    def _sizes(self) -> list[tuple[float, float]]:
        """Return width and height of the cells of each row."""
        aspects = []
        for row in self.grid.cells:
            sizes = [cell.picture.size for cell in row if cell.picture is not None]
            aspects.append(sizes[0][1] / sizes[0][0] if sizes else 1.0)
        low, high = ASPECTS
        height = self.widest / min(max(low, *aspects), high)
        fitted = [min(height, self.widest / aspect) for aspect in aspects]
        return [
            (max(round(high * aspect), 1), max(round(high), 1))
            for high, aspect in zip(fitted, aspects, strict=True)
        ]

    def _write(self, text: str, size: float, role: Literal["title", "note"]) -> None:
        room = self.right - MARGIN
        for line in wrap(plain(text), room, size, most=6):
            self.y += size * LINE
            self.items.append(Words(MARGIN, self.y, line, size, role, "start", room))

    def _bars(self) -> None:
        """Add a bar for each scale, side by side while there is room."""
        left = self.left if self.right - self.left > BAR_WIDTH + GAP else MARGIN
        bottom = self.y
        x, top = left, self.y
        for scale in dict.fromkeys(self.scales.values()):
            if x > left and x + BAR_WIDTH > self.right:
                x, top = left, bottom
            bottom = max(bottom, self._bar(scale, x, top))
            x += BAR_WIDTH + 5 * GAP
        self.y = bottom + GAP

    def _bar(self, scale: Scale, x: float, y: float) -> float:
        parts = (scale.words, scale.clipped_words)
        words = "; ".join(part for part in parts if part)
        room = BAR_WIDTH + 3 * GAP
        for line in wrap(words, room, SMALL, most=3):
            y += SMALL * LINE
            self.items.append(Words(x, y, line, SMALL, "note", "start", room))
        y += GAP
        width = scale.high - scale.low
        ticks = {
            (tick - scale.low) / width: scale.label(tick) for tick in scale.ticks()
        }
        self.items.append(
            Bar(x, y, BAR_WIDTH, BAR_HEIGHT, scale, tuple(ticks), self.grid.opacity)
        )
        y += BAR_HEIGHT + SMALL * LINE + 2
        for share, label in ticks.items():
            place = x + share * BAR_WIDTH
            self.items.append(Words(place, y, label, SMALL, "note", "middle", room))
        return y + GAP

    def _heads(self, band: Sequence[int]) -> None:
        names = [plain(self.grid.columns[column]) for column in band]
        heads = [wrap(name, self.column, NAME, most=3) for name in names]
        bottom = self.y + max(map(len, heads)) * NAME * LINE
        for place, lines in enumerate(heads):
            y = bottom - len(lines) * NAME * LINE
            self._center(lines, place, y, NAME, "name")
        self.y = bottom + GAP

    def _row(self, row: int, band: Sequence[int]) -> None:
        height = self.sizes[row][1]
        label = self.labels[row]
        # beside a low panorama, a name of several lines is the higher of the two
        over = max(len(label) * NAME * LINE - height, 0) / 2
        self.y += over
        y = self.y + height / 2 - len(label) * NAME * LINE / 2 - 0.25 * NAME
        for line in label:
            y += NAME * LINE
            words = Words(MARGIN, y, line, NAME, "name", "start", LABEL_ROOM)
            self.items.append(words)
        captions = 0
        for place, column in enumerate(band):
            cell = self.grid.cells[row][column]
            self.items.extend(self._cell(row, column, place))
            lines = wrap(plain(cell.words), self.column, SMALL)
            self._center(lines, place, self.y + height + 1, SMALL, "note")
            captions = max(captions, len(lines))
        below = max(captions * SMALL * LINE, over)
        self.y += height + below + GAP * (1.5 if captions else 1)

    def _cell(self, row: int, column: int, place: int) -> Iterator[Item]:
        cell = self.grid.cells[row][column]
        width, height = self.sizes[row]
        middle = self.left + place * (self.column + GAP) + self.column / 2
        left = middle - width / 2
        if cell.is_missing:
            yield Empty(left, self.y, width, height)
            room = width - GAP
            lines = wrap(plain(cell.missing or "no map"), room, SMALL, most=3)
            y = self.y + height / 2 - len(lines) * SMALL * LINE / 2 - 0.25 * SMALL
            for line in lines:
                y += SMALL * LINE
                yield Words(middle, y, line, SMALL, "note", "middle", room)
            return
        scale = None if cell.heat is None else self.scales.of(cell.heat)
        names = (self.grid.rows[row], self.grid.columns[column], cell.words)
        alt = ", ".join(plain(name) for name in names if name)
        yield Shown(left, self.y, width, height, cell, scale, self.grid.opacity, alt)

    def _center(
        self,
        lines: Sequence[str],
        place: int,
        y: float,
        size: float,
        role: Literal["name", "note"],
    ) -> None:
        """Add lines below ``y`` in the middle of a column."""
        x = self.left + place * (self.column + GAP) + self.column / 2
        for line in lines:
            y += size * LINE
            self.items.append(Words(x, y, line, size, role, "middle", self.column))
