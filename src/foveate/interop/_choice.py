"""Choose one reading of a state dict, or say why none can be chosen."""

from __future__ import annotations

from collections.abc import Sequence

from foveate.errors import WeightsError
from foveate.interop._matching import Match, State, is_counter, matches_of
from foveate.interop._rules import Layout
from foveate.interop._words import listed

__all__ = ["choose", "mixed_with"]


def choose(
    owner: str,
    own: State,
    state: State,
    layouts: Sequence[Layout],
    prefix: str | None,
    *,
    preferred: str | None = None,
) -> Match | None:
    """Return the reading that fills the block best, None if none fills any of it.

    Args:
        owner: Whom a message names.
        own: The block's state.
        state: Their state.
        layouts: Layouts to read it by; of equal readings, the first is taken.
        prefix: What their keys begin with; None: whatever fits.
        preferred: The prefix to take if several places fit.

    Raises:
        WeightsError: Several places fit, or one in several ways that differ.
    """
    matches = matches_of(own, state, layouts, prefix)
    if not matches:
        return None
    most = max(_named(match) for match in matches)
    best = [match for match in matches if _named(match) == most]
    if preferred in {match.prefix for match in best}:
        best = [match for match in best if match.prefix == preferred]
    _refuse_several_places(owner, best)
    fewest = min(len(match.misshapen) for match in best)
    best = [match for match in best if len(match.misshapen) == fewest]
    # the longer the names that a layout knows, the surer it is
    shortest = min(len(match.prefix) for match in best)
    best = [match for match in best if len(match.prefix) == shortest]
    other = next((m for m in best[1:] if not m.agrees_with(best[0])), None)
    if other is not None:
        raise WeightsError(
            f"{owner}: the keys under prefix {best[0].prefix!r} are those of "
            f"{best[0].layout.name!r} and of {other.layout.name!r}, whose values mean "
            "different things. Name the source."
        )
    return best[0]


def mixed_with(match: Match, layouts: Sequence[Layout]) -> str | None:
    """Return the name of another layout that knows keys which ``match`` does not."""
    others = matches_of(match.own, match.state, layouts, None)
    unknown = set(match.unexpected)
    for other in others:
        if other.layout.name != match.layout.name and other.used & unknown:
            return other.layout.name
    return None


def _named(match: Match) -> int:
    return sum(not is_counter(key) for key in match.named)


def _refuse_several_places(owner: str, best: Sequence[Match]) -> None:
    first = best[0]
    apart = [match for match in best if not match.used & first.used]
    if not apart:
        return
    if all(match.prefix == first.prefix for match in apart):
        raise WeightsError(
            f"{owner}: the state dict mixes keys of {first.layout.name!r} "
            f"({listed(first.used)}) and of {apart[0].layout.name!r} "
            f"({listed(apart[0].used)})."
        )
    prefixes = dict.fromkeys(match.prefix for match in [first, *apart])
    raise WeightsError(
        f"{owner}: several blocks of the state dict fit: {listed(prefixes)}. Name one: "
        f"prefix={next(iter(prefixes))!r}."
    )
