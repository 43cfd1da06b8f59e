"""Load weights of other people's code, and write ours as theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from foveate._checks import cut
from foveate.errors import WeightsError
from foveate.interop._choice import choose, mixed_with
from foveate.interop._layouts import chosen, name_of
from foveate.interop._matching import Match, State, matches_of
from foveate.interop._outcome import Loaded, Outcome, outcome_of
from foveate.interop._rules import Layout
from foveate.interop._writing import block_keys, layout_for
from foveate.interop.networks import network_keys, read_network

__all__ = ["dump", "load"]

PARALLEL = "module."


def load(
    module: nn.Module,
    state_dict: Mapping[str, Tensor],
    source: str = "auto",
    *,
    prefix: str | None = None,
    strict: bool = True,
) -> Loaded:
    """Copy weights of other people's code into a block, or into a network with blocks.

    Values keep their place and order where the code of others does, and are changed
    exactly where it does not: linear layers become 1x1 convolutions, and kernels that
    read (max, mean) are turned around. Type and device of the module are kept. Nothing
    of the state dict is dropped without being named.

    Args:
        module: A block or fusion, or a network that contains some. Layers of a network
            that are no blocks of ours are matched by their names.
        state_dict: Their tensors by name. A leading ``module.`` is ignored.
        source: Whose keys they are: ``official``, ``timm``, ``collections``,
            ``foveate`` or one of ``sources``; ``auto`` tells by the keys.
        prefix: What the keys to load begin with, such as ``layer1.0.cbam.``; others
            are then ignored. None: for a block, the only one under which its keys
            stand.
        strict: Whether to refuse weights that do not fit in full. Otherwise what fits
            is loaded, and the rest is named in what is returned.

    Returns:
        Whose weights they were, and which keys were loaded, missing or unexpected.

    Raises:
        WeightsError: Keys are missing, unexpected or of another shape; several blocks
            of the state dict fit; or it holds what is not a tensor. The module is left
            as it was.
        OptionError: The block has no such source.

    Example:
        >>> import torch
        >>> from foveate.blocks import SqueezeExcite
        >>> down, up = torch.ones(4, 64), torch.ones(64, 4)
        >>> loaded = load(
        ...     SqueezeExcite(64), {"fc.0.weight": down, "fc.2.weight": up}
        ... )
        >>> loaded.source, loaded.keys
        ('collections', ('fc1.weight', 'fc2.weight'))
    """
    module = _unwrapped(module)
    owner = type(module).__name__
    state, prefix = _prepared(owner, state_dict, prefix)
    block = name_of(module)
    own = module.state_dict()
    if block is None:
        outcome = read_network(module, state, source, prefix or "")
        note = ""
    else:
        outcome, note = _read_block(
            owner, block, own, state, source=source, prefix=prefix
        )
    if strict:
        outcome.refuse(owner, note)
    return outcome.give_to(module, own)


def dump(
    module: nn.Module, source: str = "official", *, prefix: str = ""
) -> dict[str, Tensor]:
    """Return the state of a block or network under the keys of other people's code.

    It is what ``load`` reads: keys, shapes, values and order are theirs, bit for bit.
    The tensors are copies.

    Args:
        module: A block or fusion, or a network that contains some.
        source: Whose keys: ``official``, ``timm``, ``collections``, ``foveate`` or one
            of ``sources``, such as what ``load`` returned.
        prefix: What every key shall begin with, such as ``module.``.

    Raises:
        WeightsError: Their code has no place for one of the tensors.
        OptionError: The block has no such source.

    Example:
        >>> from foveate.blocks import SqueezeExcite
        >>> theirs = dump(SqueezeExcite(64), "collections")
        >>> {key: tuple(value.shape) for key, value in theirs.items()}
        {'fc.0.weight': (4, 64), 'fc.2.weight': (64, 4)}
    """
    module = _unwrapped(module)
    block = name_of(module)
    if block is None:
        state = network_keys(module, source)
    else:
        own = module.state_dict()
        state = block_keys(own, layout_for(block, own, source))
    return {
        f"{prefix}{key}": value.detach().clone(memory_format=torch.contiguous_format)
        for key, value in state.items()
    }


def _read_block(
    owner: str,
    block: str,
    own: State,
    state: State,
    *,
    source: str,
    prefix: str | None,
) -> tuple[Outcome, str]:
    """Return what a state dict gives to a block, and what else a message says."""
    layouts = chosen(block, source)
    match = choose(owner, own, state, layouts, prefix)
    if match is None:
        first = replace(layouts[0], beside=False)
        nothing = Match(first, prefix or "", own, state)
        outcome = outcome_of(block, nothing)
        outcome.source = source if source != "auto" or own else first.name
        return outcome, _elsewhere(nothing, chosen(block, "auto"))
    other = None if match.perfect else mixed_with(match, chosen(block, "auto"))
    note = f"Some keys are those of {other!r}: two layouts are mixed." if other else ""
    return outcome_of(block, match), note


def _elsewhere(nothing: Match, layouts: Sequence[Layout]) -> str:
    """Return where the state dict has what the block needs, for a message."""
    if not nothing.own:
        return ""
    matches = matches_of(nothing.own, nothing.state, layouts, None)
    if not matches:
        return "No key of it looks like one of this block."
    most = max(len(match.used) for match in matches)
    best = [match for match in matches if len(match.used) == most]
    known = {match.prefix: match.layout.name for match in reversed(best)}
    places = [f"{known[start]!r} under prefix {start!r}" for start in sorted(known)]
    return f"The keys look like {cut(places)}."


def _unwrapped(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        inner: nn.Module = module.module
        return inner
    return module


def _prepared(
    owner: str, state_dict: Mapping[str, Tensor], prefix: str | None
) -> tuple[dict[str, Tensor], str | None]:
    """Return their state and prefix without ``module.``, after a look at the values."""
    if not isinstance(state_dict, Mapping):
        hint = ": pass its state_dict()" if isinstance(state_dict, nn.Module) else ""
        raise WeightsError(
            f"{owner}: a state dict holds tensors by name, but this is a "
            f"{type(state_dict).__name__}{hint}."
        )
    for key, value in state_dict.items():
        if not isinstance(value, Tensor):
            raise WeightsError(
                f"{owner}: a state dict holds tensors by name, but {key!r} is a "
                f"{type(value).__name__}. A checkpoint often holds it as one of its "
                "parts: checkpoint['state_dict']."
            )
    state = dict(state_dict)
    if state and all(key.startswith(PARALLEL) for key in state):
        state = {key.removeprefix(PARALLEL): value for key, value in state.items()}
        prefix = None if prefix is None else prefix.removeprefix(PARALLEL)
    return state, prefix
