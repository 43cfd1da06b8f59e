"""Find the attention that a network has: its own, and what was grafted to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from foveate import _checks
from foveate.blocks import Block, Fusion
from foveate.errors import OptionError
from foveate.records import Site
from foveate.surgery._attaching import held_by
from foveate.surgery._graft import CHILD
from foveate.surgery._known import is_attention
from foveate.surgery._selecting import select
from foveate.surgery._starts import Blended, Grafted, Opened

__all__ = ["Attention", "LayerSelector", "find_attention"]

LayerSelector = str | type[nn.Module]
"""A glob over paths, ``re:...``, ``type:...`` or a class of layers."""


@dataclass(frozen=True, eq=False)
class Attention:
    """A block or fusion of a network, or attention of a known library in it.

    Attributes:
        where: Where it stands, for people: its path, or for what was grafted
            ``after layer4``; of the network itself its class.
        path: Its name in the network, as ``named_modules`` gives it.
        module: The block itself, without what it starts by.
        held: What was grafted, the start included; None if it was not grafted.
        site: The path of the layer that it was grafted to; empty if to none.
    """

    where: str
    path: str
    module: nn.Module
    held: nn.Module | None = None
    site: str = ""

    @property
    def type(self) -> str:
        """The name of its class."""
        return type(self.module).__name__

    @property
    def has_maps(self) -> bool:
        """Whether it says by itself what it looks at."""
        return isinstance(self.module, Block | Fusion)

    @property
    def amount(self) -> float | None:
        """The largest share of it that a blend lets in; None if there is no blend."""
        if not isinstance(self.held, Blended):
            return None
        return float(self.held.amount.detach().abs().max())

    @property
    def factor(self) -> int:
        """By what the network multiplies its answer: of opened gates more than 1."""
        return self.held.factor if isinstance(self.held, Opened) else 1


def find_attention(
    model: nn.Module,
    at: LayerSelector | Sequence[LayerSelector] | None = None,
) -> tuple[Attention, ...]:
    """Return the attention of a network, in the order in which it holds it.

    These are the blocks and fusions of ours, built in or grafted; other modules that
    were grafted; and the layers of known libraries. Of several within each other, ours
    stands for its parts, and the parts stand for a layer of another library.

    Args:
        model: The network. It does not run.
        at: Which, by their own path or class, or by those of a layer that holds them
            or that they were grafted to. None: all.

    Raises:
        SiteError: A selector means no layer of the network.
        OptionError: What it means has no attention, while other layers have; or no
            layer is given.

    Example:
        >>> import foveate as fv
        >>> host = fv.backbones.resnet10(attention="se")
        >>> [each.where for each in find_attention(host, "layer[34]")]
        ['layer3.0.attention', 'layer4.0.attention']
    """
    found = tuple(_every(model))
    if at is None:
        return found
    several = isinstance(at, Iterable) and not isinstance(at, str)
    selectors: Sequence[LayerSelector] = at if several else [at]  # type: ignore[assignment,list-item]
    if not selectors:
        raise OptionError(
            "at: expected one layer or more, got none. For all attention leave it out."
        )
    chosen: set[str] = set()
    for selector in selectors:
        meant = _meant(model, found, selector)
        if found and not meant:
            raise OptionError(
                f"at: what {selector!r} means has no attention. This network has it "
                f"{_checks.cut([each.where for each in found], most=6)}."
            )
        chosen |= meant
    return tuple(each for each in found if each.path in chosen)


def _every(model: nn.Module) -> Iterator[Attention]:
    grafted = _grafted(model)
    done: str | None = None
    for path, module in model.named_modules():
        # the network itself holds all, and has no name
        if done is not None and path.startswith(f"{done}." if done else ""):
            continue
        whole = isinstance(module, Block | Fusion) or (
            path in grafted and not _within(module, ours=True)
        )
        if whole:
            done = path
        if whole or (is_attention(module) and not _within(module, ours=False)):
            yield _named(path, module, grafted)


def _grafted(model: nn.Module) -> Mapping[str, Attention]:
    """Return what was grafted, by its path."""
    found = {}
    for each in held_by(model):
        for number, held in enumerate(each.modules):
            block = held.block if isinstance(held, Grafted) else held
            steps = [each.path, CHILD, each.place.position, str(number)]
            steps += ["block"] if isinstance(held, Grafted) else []
            path = ".".join(filter(None, steps))
            several = f" (map {number + 1})" if len(each.modules) > 1 else ""
            where = each.place.where + several
            found[path] = Attention(where, path, block, held, each.place.path)
    return found


def _within(module: nn.Module, *, ours: bool) -> bool:
    """Return whether a layer holds attention, of ours or any, not by a graft."""
    return any(
        isinstance(inner, Block | Fusion) if ours else is_attention(inner)
        for path, inner in module.named_modules()
        if path and CHILD not in path.split(".")
    )


def _named(path: str, module: nn.Module, grafted: Mapping[str, Attention]) -> Attention:
    for outer, each in grafted.items():
        if path == outer:
            return each
        if path.startswith(f"{outer}."):
            # of a block of the user's that is made of ours
            where = f"{each.where}: {path.removeprefix(f'{outer}.')}"
            return Attention(where, path, module, each.held, each.site)
    return Attention(path or type(module).__name__, path, module)


def _meant(
    model: nn.Module, found: Sequence[Attention], selector: LayerSelector
) -> set[str]:
    """Return the paths of the attention that a selector means."""
    own = {each.path for each in found}
    sites = [
        _site(path, module)
        for path, module in model.named_modules()
        if path in own or (path and CHILD not in path.split("."))
    ]
    layers = {site.path for site in select(selector, sites, model)}
    return {each.path for each in found if not layers.isdisjoint(_holders(each))}


def _site(path: str, module: nn.Module) -> Site:
    kind = type(module).__name__
    return Site(path=path, type=kind, outputs=(), inputs=(), stride=None)


def _holders(attention: Attention) -> set[str]:
    """Return the paths of all that holds a layer, and its own."""
    paths = (attention.path, attention.site)
    steps = [path.split(".") for path in paths]
    return {".".join(s[:end]) for s in steps for end in range(1, len(s) + 1)}
