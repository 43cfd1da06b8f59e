"""What patterns mean that name the sites of a network, in any framework."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from foveate import _checks
from foveate.errors import OptionError, SiteError
from foveate.records import Site

__all__ = ["chosen_of", "meaning_of", "near"]

WILD = re.compile(r"[*?\[{]")


def chosen_of(
    at: Any,
    sites: Sequence[Site],
    matching: Callable[[Any], list[Site]],
    unknown: Callable[[Any], str],
) -> list[Site]:
    """Return the sites that are meant, each once, in the order of the network.

    Args:
        at: One selector, or several.
        sites: Every layer of the network, those that take no block included.
        matching: Returns the sites that one selector means.
        unknown: Says in words of a selector that it means none.

    Raises:
        SiteError: A selector means no layer.
    """
    chosen: set[str] = set()
    several = isinstance(at, Iterable) and not isinstance(at, str) and not callable(at)
    for selector in at if several else [at]:
        found = matching(selector)
        if not found:
            raise SiteError(unknown(selector))
        chosen |= {site.path for site in found}
    return [site for site in sites if site.path in chosen]


def meaning_of(
    selector: str, sites: Sequence[Site], separator: str = "."
) -> Callable[[Site], bool]:
    """Return what tells of a site whether a selector in words means it.

    Args:
        selector: A glob over paths, ``re:...``, ``type:...`` or ``stage:...``.
        sites: Every layer of the host.
        separator: What stands between the parts of a path.

    Raises:
        OptionError: It cannot be read.
        SiteError: The host has no such stage.
    """
    kind, colon, rest = selector.partition(":")
    if colon and kind == "type":
        names = [re.compile(_translated(name, ".")) for name in rest.split("|")]
        return lambda site: any(name.fullmatch(site.type) for name in names)
    if colon and kind == "stage":
        number = _stage(rest, sites)
        return lambda site: site.stage == number
    glob = rest if colon and kind == "re" else _translated(selector, separator)
    try:
        pattern = re.compile(glob)
    except re.error as problem:
        raise OptionError(
            f"at: cannot read {selector!r}: {problem}. Every '{{' and '[' needs its "
            "end, as in 'layer{1,2}.[01]'."
        ) from None
    return lambda site: pattern.fullmatch(site.path) is not None


def near(selector: str, sites: Iterable[Site]) -> str:
    """Return a sentence with the paths nearest to a pattern that means none."""
    paths = [site.path for site in sites]
    if WILD.search(selector) is None:
        return _checks.suggest(selector, paths)
    start = WILD.split(selector)[0]
    found = [path for path in paths if path.startswith(start)] or paths
    return f"Layers there: {_checks.cut(found, most=6)}."


def _stage(text: str, sites: Sequence[Site]) -> int:
    numbers = sorted(site.stage for site in sites if site.stage is not None)
    if not numbers:
        raise SiteError(
            "at: this host does not say where its stages end, so 'stage:' means "
            "nothing here. Name its layers instead, such as "
            f"{_checks.cut([repr(site.path) for site in sites], most=4)}."
        )
    if not re.fullmatch(r"-?\d+", text):
        raise OptionError(
            f"at: a stage is written stage:N, such as stage:-1 for the last, got "
            f"'stage:{text}'."
        )
    number = int(text)
    if number < 0 and -number <= len(numbers):
        return numbers[number]
    if number not in numbers:
        raise SiteError(
            f"at: no stage {number}. This host has the stages "
            f"{', '.join(map(str, numbers))}, or -1 for the last."
        )
    return number


def _translated(glob: str, separator: str) -> str:
    """Return a glob over paths as a regular expression.

    ``*`` and ``?`` stay within one part of a path, ``**`` stands for any number of
    parts, ``{a,b}`` for either, ``[1-4]`` for one character.
    """
    between = re.escape(separator)
    parts = re.split(
        rf"(\*\*{between}|{between}\*\*|\*\*|\*|\?|\[[^\]]+\]|[{{}},])", glob
    )
    depth = 0
    pattern = ""
    for part in parts:
        depth += {"{": 1, "}": -1}.get(part, 0)
        pattern += _piece(part, separator, inside=depth > 0)
    return pattern


def _piece(part: str, separator: str, *, inside: bool) -> str:
    between = re.escape(separator)
    wild = {
        f"**{separator}": rf"(?:.*{between})?",
        f"{separator}**": rf"(?:{between}.*)?",
        "**": ".*",
        "*": rf"[^{between}]*",
        "?": rf"[^{between}]",
        "{": "(?:",
        "}": ")",
    }
    if part in wild:
        return wild[part]
    if part == "," and inside:
        return "|"
    if part.startswith("["):
        # a bracket or a doubled sign within would be another syntax some day
        inner = re.sub(r"([\[&~|])", r"\\\1", part[1:-1])
        return f"[{re.sub('^!', '^', inner)}]"
    return re.escape(part)
