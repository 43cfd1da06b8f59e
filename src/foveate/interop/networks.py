"""Weights of whole networks: layers by their names, blocks by where they stand."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from foveate.interop._choice import choose
from foveate.interop._layouts import chosen, name_of
from foveate.interop._matching import State, is_counter
from foveate.interop._outcome import Outcome, outcome_of
from foveate.interop._places import place_of
from foveate.interop._writing import block_keys, layout_for

__all__ = ["network_keys", "read_network"]


@dataclass(frozen=True)
class Site:
    """A block in a network.

    Attributes:
        path: Its name in the network.
        block: Its name in the catalogue.
        own: Its state, by the names within the block.
    """

    path: str
    block: str
    own: State

    @property
    def parent(self) -> str:
        """What the names of its neighbours begin with."""
        return self.path[: self.path.rfind(".") + 1]

    @property
    def attribute(self) -> str:
        """Its name among its neighbours."""
        return self.path.rpartition(".")[2]


def read_network(
    network: nn.Module, state_dict: State, source: str, prefix: str
) -> Outcome:
    """Return what a state dict gives to a network that contains blocks of ours.

    Args:
        network: A module that is no block itself.
        state_dict: Their tensors by name.
        source: Whose keys the blocks have, or ``auto``.
        prefix: What the keys begin with.

    Raises:
        WeightsError: Several blocks of the state dict fit at one place.
        OptionError: A block has no such source.
    """
    own = network.state_dict()
    sites = list(_sites(network))
    state = {
        key.removeprefix(prefix): value
        for key, value in state_dict.items()
        if key.startswith(prefix)
    }
    if source == "auto" and _same_shapes(own, state):
        source = "foveate"
    outcome = Outcome(source=source, prefix=prefix)
    host = [key for key in own if not _within(key, sites)]
    used = _read_host(outcome, {key: own[key] for key in host}, state, sites)
    wrapped = any(key not in own for key in used)
    hints: dict[str, list[str]] = {}
    found: dict[str, None] = {}
    # the deepest first, so that a block at the top does not claim what is theirs
    for site in sorted(sites, key=lambda site: -site.path.count(".")):
        if not site.own:
            continue
        part = _read_site(outcome, site, state, used, source)
        found |= {part.source: None} if part.values else {}
        for hint in part.hints:
            hints.setdefault(hint, []).append(site.path)
    if found or outcome.values:
        outcome.source = " + ".join(found) or ("official" if wrapped else "foveate")
    outcome.unexpected = [f"{prefix}{key}" for key in state if key not in used]
    outcome.hints = list(_placed(hints, sites))
    return outcome


def network_keys(network: nn.Module, source: str) -> dict[str, Tensor]:
    """Return the state of a network as networks of a source name and order it.

    Raises:
        WeightsError: Their code has no place for a tensor of a block.
        OptionError: A block has no such source.
    """
    own = network.state_dict()
    sites = list(_sites(network))
    written: dict[str, dict[str, Tensor]] = {}
    wrapped: dict[str, str] = {}
    for site in sites:
        layout = layout_for(site.block, site.own, source, joint=".")
        place = place_of(site.block, layout.name, site.attribute)
        name = site.attribute if place.name is None else place.name
        start = f"{site.parent}{name}." if name else site.parent
        items = block_keys(site.own, layout).items()
        before = f"{site.parent}{place.before}." if place.before else ""
        written.setdefault(_anchor(own, site, before), {}).update(
            {f"{start}{key}": value for key, value in items}
        )
        if place.wraps:
            layer = f"{site.parent}{place.wraps}."
            wrapped[layer] = f"{layer}0."
    state: dict[str, Tensor] = {}
    for key, value in own.items():
        state |= written.get(key, {})
        if not _within(key, sites):
            layer = key[: key.rfind(".") + 1]
            state[key.replace(layer, wrapped.get(layer, layer), 1)] = value
    return state


def _sites(network: nn.Module) -> Iterator[Site]:
    """Yield the blocks of a network, but not the blocks within blocks."""
    paths: list[str] = []
    for path, module in network.named_modules(remove_duplicate=False):
        block = name_of(module)
        if block is not None and not path.startswith(tuple(f"{p}." for p in paths)):
            paths.append(path)
            yield Site(path, block, module.state_dict())


def _same_shapes(own: State, state: State) -> bool:
    return all(
        is_counter(key) or (key in state and state[key].shape == value.shape)
        for key, value in own.items()
    )


def _within(key: str, sites: Collection[Site]) -> bool:
    return key.startswith(tuple(f"{site.path}." for site in sites))


def _anchor(own: State, site: Site, before: str) -> str:
    """Return the key of ours in front of which the keys of a block are written."""
    keys = [key for key in own if before and key.startswith(before)]
    keys += [key for key in own if key.startswith(f"{site.path}.")]
    return keys[0] if keys else ""


def _read_host(
    outcome: Outcome, host: State, state: State, sites: Collection[Site]
) -> set[str]:
    """Take the layers of a network by their names; return their keys."""
    used = set()
    parents = {site.parent for site in sites}
    for key, value in host.items():
        theirs = _host_key(key, state, parents)
        if theirs is None:
            if not is_counter(key):
                outcome.missing[key] = key
            continue
        used.add(theirs)
        came, needed = tuple(state[theirs].shape), tuple(value.shape)
        if came == needed:
            outcome.values[key] = state[theirs]
        else:
            outcome.misshapen[key] = (f"{outcome.prefix}{theirs}", came, needed)
    return used


def _host_key(key: str, state: State, parents: Collection[str]) -> str | None:
    """Return their key of a layer, which may stand in a sequence with a block."""
    layer, _, leaf = key.rpartition(".")
    within = f"{layer}.0.{leaf}"
    if key in state:
        return key
    beside = layer[: layer.rfind(".") + 1] in parents
    return within if beside and within in state else None


def _read_site(
    outcome: Outcome, site: Site, state: State, used: set[str], source: str
) -> Outcome:
    """Take what their network holds for one block, and note their keys."""
    near = {
        key.removeprefix(site.parent): value
        for key, value in state.items()
        if key.startswith(site.parent) and key not in used
    }
    match = choose(
        site.path,
        site.own,
        near,
        chosen(site.block, source),
        None,
        preferred=f"{site.attribute}.",
    )
    if match is None:
        outcome.missing |= {
            f"{site.path}.{key}": "" for key in site.own if not is_counter(key)
        }
        return Outcome(source=source, prefix="")
    part = outcome_of(site.block, match)
    start = f"{outcome.prefix}{site.parent}"
    outcome.values |= {f"{site.path}.{k}": value for k, value in part.values.items()}
    outcome.missing |= {
        f"{site.path}.{ours}": theirs and f"{start}{theirs}"
        for ours, theirs in part.missing.items()
    }
    outcome.misshapen |= {
        f"{site.path}.{ours}": (f"{start}{theirs}", came, needed)
        for ours, (theirs, came, needed) in part.misshapen.items()
    }
    used |= {
        f"{site.parent}{name}" for k in match.named for name in match.slots[k].theirs
    }
    return part


def _placed(hints: dict[str, list[str]], sites: Collection[Site]) -> Iterator[str]:
    """Yield each hint with the blocks it is for, unless it is for all."""
    for hint, paths in hints.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield hint if len(paths) == len(sites) else f"{hint} at {paths[0]}{more}"
