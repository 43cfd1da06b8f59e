"""Call what makes a network, and say in our words what it refuses."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from torch import nn

from foveate import _checks, _traces
from foveate.errors import OptionError, UnknownOptionError

__all__ = ["build", "offer_near", "parameters_of", "refuse_unknown"]

UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")


def build(
    owner: str, factory: Callable[..., Any], options: Mapping[str, Any], **fixed: Any
) -> nn.Module:
    """Return the network that ``factory`` makes.

    Args:
        owner: How the user named it, for messages.
        factory: A class or function.
        options: What the user gives by name.
        **fixed: What is given besides.

    Raises:
        UnknownOptionError: It does not take one of the options.
        OptionError: It raises something, or what it returns is no ``nn.Module``.
    """
    if not takes_anything(factory):
        refuse_unknown(owner, options, parameters_of(factory))
    try:
        built = factory(**fixed, **options)
    except Exception as problem:
        unexpected = UNEXPECTED.search(str(problem))
        if isinstance(problem, TypeError) and unexpected and unexpected[1] in options:
            raise UnknownOptionError(
                f"{owner} has no option {unexpected[1]!r}: {problem}."
            ) from problem
        raise OptionError(
            f"{owner} cannot be built: {_traces.seen(problem)}."
        ) from problem
    if not isinstance(built, nn.Module):
        raise OptionError(
            f"{owner} returns a {type(built).__name__}, not an nn.Module. Name a "
            "class, or a function that returns a network."
        )
    return built


def refuse_unknown(
    owner: str,
    options: Collection[str],
    known: Collection[str],
    otherwise: str | None = None,
) -> None:
    """Raise UnknownOptionError unless every option is one of ``known``.

    Args:
        owner: Whose options they are, for the message.
        options: What the user gave.
        known: What there is.
        otherwise: What to say if no name is near; None lists all.
    """
    for option in options:
        if option not in known:
            offer = offer_near(option, known, otherwise)
            raise UnknownOptionError(
                f"{owner} has no option {option!r}. {offer}".rstrip()
            )


def offer_near(name: str, known: Iterable[str], otherwise: str | None) -> str:
    """Return a sentence that offers near names, or ``otherwise``; None lists all."""
    known = list(known)
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.6)
    if near or otherwise is None:
        return _checks.suggest(name, near or known)
    return otherwise


def takes_anything(factory: Callable[..., Any]) -> bool:
    """Return whether a class or function takes any option, or does not say which."""
    kinds = [parameter.kind for parameter in _signature(factory)]
    return not kinds or inspect.Parameter.VAR_KEYWORD in kinds


def parameters_of(factory: Callable[..., Any]) -> set[str]:
    """Return what a class or function says that it takes by name."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        parameter.name for parameter in _signature(factory) if parameter.kind in by_name
    }


def _signature(factory: Callable[..., Any]) -> Iterable[inspect.Parameter]:
    try:
        return inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        # some that are written in C do not say
        return ()
