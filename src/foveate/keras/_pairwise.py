"""What blocks share in which places look at places."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from keras import ops

from foveate.errors import ShapeError
from foveate.keras._base import Layer
from foveate.keras._numbers import Tensor

__all__ = ["Pairwise"]


class Pairwise(Layer):
    """A block in which each place looks at others."""

    @abstractmethod
    def attention(self, x: Tensor, row: Any, column: Any) -> Tensor:
        """Return where one place of ``x`` looks, ``(B, heads, h, w)``.

        Args:
            x: Feature map with channels last.
            row: The row of the place.
            column: Its column.
        """

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return where the centre looks."""
        _batch, height, width, _channels = ops.shape(x)
        return {"attention": self.attention(x, height // 2, width // 2)}

    def maps(
        self, x: Any, *, query: tuple[int, int] | None = None
    ) -> dict[str, Tensor]:
        """Return where one place looks: ``attention``.

        Args:
            x: Feature map.
            query: The place, ``(row, column)``; None: the centre,
                ``(H // 2, W // 2)``.

        Returns:
            ``attention``, ``(B, heads, h, w)`` with channels first and last alike; adds
            up to 1.

        Raises:
            ShapeError: ``x`` is no map of the channels for which it was built, or
                ``query`` is outside of the map.
        """
        x, row, column = self._asked(x, query)
        return {"attention": self.attention(x, row, column)}

    def _asked(self, x: Any, query: tuple[int, int] | None) -> tuple[Tensor, Any, Any]:
        """Return the map with channels last, and the row and column of the place."""
        x = ops.convert_to_tensor(x, dtype=self.compute_dtype)
        if not self.built:
            self.build(tuple(x.shape))
        self._check_input(x)
        x = self.format.last(x)
        _batch, height, width, _channels = ops.shape(x)
        row, column = (height // 2, width // 2) if query is None else query
        # a place within the map is so for every size that is not known yet
        if query is None or (_within(row, height) and _within(column, width)):
            return x, row, column
        raise ShapeError(
            f"{self.owner}: query must be (row, column) within the {height}x{width} "
            f"map, from (0, 0) to ({height - 1}, {width - 1}), got {query}."
        )


def _within(place: int, size: Any) -> bool:
    return place >= 0 and (not isinstance(size, int) or place < size)
