"""Which layers a selector means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from torch import nn

from foveate import _checks
from foveate.errors import OptionError, SiteError
from foveate.records import Site

__all__ = ["Selector", "select"]

Selector = str | type[nn.Module] | Callable[[Site], bool]
"""A glob over paths, ``re:...``, ``type:...``, ``stage:...``, a class of layers, or
what says of a site whether it is meant."""

WILD = re.compile(r"[*?\[{]")


def select(
    at: Selector | Sequence[Selector], sites: Sequence[Site], host: nn.Module
) -> list[Site]:
    """Return the sites that are meant, each once, in the order of the host.

    Args:
        at: One selector, or several.
        sites: Every layer of the host, those that take no block included.
        host: The network, for classes.

    Raises:
        SiteError: A selector means no layer; near names or types are offered.
        OptionError: It is no selector.
    """
    chosen: set[str] = set()
    several = isinstance(at, Iterable) and not isinstance(at, str) and not callable(at)
    for selector in cast("Iterable[Selector]", at if several else [at]):
        found = _matching(selector, sites, host)
        if not found:
            raise SiteError(_unknown(selector, sites, host))
        chosen |= {site.path for site in found}
    return [site for site in sites if site.path in chosen]


def _matching(selector: Selector, sites: Sequence[Site], host: nn.Module) -> list[Site]:
    if isinstance(selector, type):
        return [s for s in sites if isinstance(host.get_submodule(s.path), selector)]
    if isinstance(selector, str):
        meant = _predicate(selector, sites)
        return [site for site in sites if meant(site)]
    if isinstance(selector, nn.Module):
        paths = (repr(path) for path, m in host.named_modules() if m is selector)
        raise OptionError(
            f"at: expected the name of a layer, got the layer itself "
            f"({type(selector).__name__}). Its name is "
            f"{next(paths, 'not one of this host')}."
        )
    if callable(selector):
        # those without maps have no channels to ask for
        return [s for s in sites if s.outputs and selector(s)]
    raise OptionError(
        "at: expected a pattern such as 'layer4', 'layer[1-4].*.bn2', 're:...', "
        "'type:Conv2d' or 'stage:-1', a class of layers or a function of a site, got "
        f"{selector!r} ({type(selector).__name__})."
    )


def _predicate(selector: str, sites: Sequence[Site]) -> Callable[[Site], bool]:
    kind, colon, rest = selector.partition(":")
    if colon and kind == "type":
        names = [re.compile(_translated(name)) for name in rest.split("|")]
        return lambda site: any(name.fullmatch(site.type) for name in names)
    if colon and kind == "stage":
        number = _stage(rest, sites)
        return lambda site: site.stage == number
    try:
        pattern = re.compile(rest if colon and kind == "re" else _translated(selector))
    except re.error as problem:
        raise OptionError(
            f"at: cannot read {selector!r}: {problem}. Every '{{' and '[' needs its "
            "end, as in 'layer{1,2}.[01]'."
        ) from None
    return lambda site: pattern.fullmatch(site.path) is not None


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


def _translated(glob: str) -> str:
    """Return a glob over dotted paths as a regular expression.

    ``*`` and ``?`` stay within one part of a path, ``**`` stands for any number of
    parts, ``{a,b}`` for either, ``[1-4]`` for one character.
    """
    parts = re.split(r"(\*\*\.|\.\*\*|\*\*|\*|\?|\[[^\]]+\]|[{},])", glob)
    depth = 0
    pattern = ""
    for part in parts:
        depth += {"{": 1, "}": -1}.get(part, 0)
        pattern += _piece(part, inside=depth > 0)
    return pattern


def _piece(part: str, *, inside: bool) -> str:
    wild = {
        "**.": r"(?:.*\.)?",
        ".**": r"(?:\..*)?",
        "**": ".*",
        "*": r"[^.]*",
        "?": r"[^.]",
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


def _unknown(selector: Selector, sites: Sequence[Site], host: nn.Module) -> str:
    types = sorted({site.type for site in sites})
    if isinstance(selector, type):
        return (
            f"at: no layer of the host is a {selector.__name__}. Types it has: "
            f"{_checks.cut(types, most=20)}."
        )
    if not isinstance(selector, str):
        return (
            f"at: {selector!r} is true of no layer of the host. fv.sites(...) shows "
            "what there is to ask for."
        )
    if selector.startswith("type:"):
        near = _checks.suggest(selector.removeprefix("type:"), types)
        return f"at: no layer of type {selector.removeprefix('type:')!r}. {near}"
    other = _same_layer(selector, host)
    if other not in (None, selector):
        return (
            f"at: {selector} is the same layer as {other}, which the host uses in "
            "several places. Choose the layer that holds it, or one beside it."
        )
    return (
        f"at: no layer matches {selector!r}. {_near(selector, sites)} Types of layers: "
        f"{_checks.cut(types, most=20)}."
    )


def _same_layer(path: str, host: nn.Module) -> str | None:
    """Return the first name of a layer that a host holds under several."""
    names = dict(host.named_modules(remove_duplicate=False))
    found = names.get(path)
    return next((name for name, module in names.items() if module is found), None)


def _near(selector: str, sites: Iterable[Site]) -> str:
    paths = [site.path for site in sites]
    if WILD.search(selector) is None:
        return _checks.suggest(selector, paths)
    start = WILD.split(selector)[0]
    near = [path for path in paths if path.startswith(start)] or paths
    return f"Layers there: {_checks.cut(near, most=6)}."
