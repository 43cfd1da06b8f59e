"""The weights of a host as it would be without blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from foveate import _checks
from foveate.errors import WeightsError
from foveate.surgery._attaching import originals_in_place
from foveate.surgery._graft import CHILD
from foveate.surgery._wrapped import unwrapped

__all__ = ["has_blocks", "host_state_dict", "load_host", "refuse_meta", "shapes"]

COUNTER = "num_batches_tracked"


def host_state_dict(model: nn.Module) -> dict[str, Any]:
    """Return the state dict that a host would have without its blocks.

    Names, order and values are those of the plain host, layers that were replaced
    included: code that knows nothing of foveate loads it strictly. Like a state dict of
    torch it shares its memory with the host.

    Args:
        model: A host, with blocks or without.

    Example:
        >>> import foveate as fv
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        >>> _ = fv.graft(host, "se", at="1", example=(1, 3, 8, 8))
        >>> list(host_state_dict(host))
        ['0.weight', '0.bias']
    """
    model = unwrapped(model)
    with originals_in_place(model):
        state = model.state_dict()
    # entry by entry, as torch keeps the versions of layers on this very dict
    for entries in (state, getattr(state, "_metadata", {})):
        for name in [name for name in entries if CHILD in name.split(".")]:
            del entries[name]
    return state


def load_host(model: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    """Load the weights of a plain host into a host with blocks, strictly.

    The blocks keep theirs. Weights of layers that were replaced go into the layers that
    are kept, so that ``prune`` brings them back with these.

    Args:
        model: A host, with blocks or without.
        state_dict: What the ``state_dict()`` of the plain host has. Counts of batches
            may be absent, as they are in those of old versions of torch.

    Raises:
        WeightsError: A key is missing, unexpected or of another shape, all of which are
            named, or the host is on the meta device. The host is left as it was.

    Example:
        >>> import foveate as fv
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        >>> checkpoint = nn.Sequential(nn.Conv2d(3, 8, 3)).state_dict()
        >>> _ = fv.graft(host, "se", at="1", example=(1, 3, 8, 8))
        >>> load_host(host, checkpoint)
        >>> host[0].weight.equal(checkpoint["0.weight"])
        True
    """
    model = unwrapped(model)
    name = type(model).__name__
    _refuse_values(name, state_dict)
    own = host_state_dict(model)
    counts = {key: own[key] for key in own if key.rpartition(".")[2] == COUNTER}
    state = {**counts, **state_dict}
    misfits = _checks.misfits(shapes(own), shapes(state))
    if misfits:
        raise WeightsError(
            f"load_host: the weights do not fit {name} without its blocks. {misfits}"
        )
    refuse_meta(name, own)
    with originals_in_place(model):
        # not strict: those of the blocks are not among them
        model.load_state_dict(state, strict=False)


def has_blocks(state: Mapping[str, Any]) -> bool:
    """Return whether a state dict is one of a host with blocks."""
    return any(CHILD in key.split(".") for key in state)


def shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of tensors by name, that of a number for what is no tensor."""
    return {key: tuple(getattr(value, "shape", ())) for key, value in state.items()}


def refuse_meta(owner: str, state: Mapping[str, Any]) -> None:
    """Raise WeightsError if a tensor has no memory."""
    for key, value in state.items():
        if isinstance(value, Tensor) and value.is_meta:
            raise WeightsError(
                f"{owner}: {key} is on the meta device, where there are no values. "
                "Make room first: model.to_empty(device='cpu')."
            )


def _refuse_values(owner: str, state_dict: Mapping[str, Tensor]) -> None:
    """Raise WeightsError unless it is a mapping of tensors."""
    if not isinstance(state_dict, Mapping):
        raise WeightsError(
            f"load_host: a state dict holds tensors by name, but for {owner} came a "
            f"{type(state_dict).__name__}. Read a file first: torch.load(path, "
            "weights_only=True) or safetensors.torch.load_file(path)."
        )
    for key, value in state_dict.items():
        if isinstance(value, Mapping):
            raise WeightsError(
                f"load_host: {key!r} is a {type(value).__name__}, not a tensor. A "
                "checkpoint often holds the state dict as one of its parts: "
                "checkpoint['state_dict']."
            )
