"""Which layers a selector means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from foveate import _checks
from foveate._selectors import chosen_of, meaning_of, near
from foveate.errors import OptionError
from foveate.records import Site

__all__ = ["Selector", "select"]

Selector = str | type[nn.Module] | Callable[[Site], bool]
"""A glob over paths, ``re:...``, ``type:...``, ``stage:...``, a class of layers, or
what says of a site whether it is meant."""


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
    return chosen_of(
        at,
        sites,
        lambda selector: _matching(selector, sites, host),
        lambda selector: _unknown(selector, sites, host),
    )


def _matching(selector: Selector, sites: Sequence[Site], host: nn.Module) -> list[Site]:
    if isinstance(selector, type):
        return [s for s in sites if isinstance(host.get_submodule(s.path), selector)]
    if isinstance(selector, str):
        meant = meaning_of(selector, sites)
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
        similar = _checks.suggest(selector.removeprefix("type:"), types)
        return f"at: no layer of type {selector.removeprefix('type:')!r}. {similar}"
    other = _same_layer(selector, host)
    if other not in (None, selector):
        return (
            f"at: {selector} is the same layer as {other}, which the host uses in "
            "several places. Choose the layer that holds it, or one beside it."
        )
    return (
        f"at: no layer matches {selector!r}. {near(selector, sites)} Types of layers: "
        f"{_checks.cut(types, most=20)}."
    )


def _same_layer(path: str, host: nn.Module) -> str | None:
    """Return the first name of a layer that a host holds under several."""
    names = dict(host.named_modules(remove_duplicate=False))
    found = names.get(path)
    return next((name for name, module in names.items() if module is found), None)
