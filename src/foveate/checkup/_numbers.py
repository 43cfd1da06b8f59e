"""Compare two answers, and say what was seen."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from foveate._checks import cut
from foveate.checkup._check import Fault

__all__ = [
    "difference",
    "is_finite",
    "listed",
    "must_agree",
    "shape_text",
    "unfinished",
]

MOST = 5
"""So many names are said, and then how many more there are."""


def listed(names: Iterable[str]) -> str:
    """Return names for a finding, cut short if there are many."""
    return cut(list(names), most=MOST)


def shape_text(x: Tensor) -> str:
    """Return the shape of ``x`` as one writes it."""
    return str(tuple(x.shape))


def difference(found: Tensor, want: Tensor) -> float:
    """Return the largest difference, as a share of the largest value of ``want``."""
    if found.shape != want.shape:
        return float("inf")
    if want.numel() == 0:
        return 0.0
    gap = (found.double() - want.double()).abs().max()
    size = want.double().abs().max().clamp_min(1e-30)
    share = (gap / size).item()
    return share if share == share else float("inf")  # noqa: PLR0124


def must_agree(
    found: Tensor, want: Tensor, tolerance: float, cause: str, *seen: str
) -> None:
    """Raise Fault unless ``found`` is ``want`` up to ``tolerance``.

    Args:
        found: The answer in question.
        want: The answer that it should be.
        tolerance: Largest difference allowed, as a share of the largest value.
        cause: What is wrong if they differ.
        *seen: What to say before the numbers.
    """
    if found.shape != want.shape:
        numbers = f"{shape_text(found)} instead of {shape_text(want)}"
        raise Fault(cause, *seen, numbers)
    share = difference(found, want)
    if share > tolerance:
        numbers = (
            f"the largest difference is {share:.2g} of the largest value "
            f"{want.double().abs().max().item():.3g}, where {tolerance:.0e} is allowed"
        )
        raise Fault(cause, *seen, numbers)


def is_finite(x: Tensor) -> bool:
    """Return whether no value of ``x`` is NaN or infinite."""
    return bool(x.isfinite().all())


def unfinished(x: Tensor) -> str:
    """Return how many values of ``x`` are NaN or infinite."""
    nan, infinite = int(x.isnan().sum()), int(x.isinf().sum())
    return f"{nan} of {x.numel()} values are NaN, {infinite} infinite"
