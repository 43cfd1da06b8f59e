"""Watch what a block keeps and makes while it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["Memory", "Types", "new_layers", "shared_weights"]

OWN = ("_parameters", "_buffers", "_modules", "training")
PLAIN = (int, float, complex, str, bytes, bool, type(None))


class Memory:
    """What the modules of a block hold at one moment, apart from weights and layers.

    Args:
        block: Whose modules are looked at.
    """

    def __init__(self, block: nn.Module) -> None:
        self.held = {
            (path, key): _content(value)
            for path, module in block.named_modules()
            for key, value in vars(module).items()
            if key not in OWN
        }

    def changes_to(self, later: Memory) -> list[str]:
        """Return the names of what is new, gone or other in a later memory."""
        keys = [key for key in (later.held | self.held) if self._differs(later, key)]
        return [
            f"self.{path}.{name}" if path else f"self.{name}" for path, name in keys
        ]

    def _differs(self, later: Memory, key: tuple[str, str]) -> bool:
        if key not in self.held or key not in later.held:
            return True
        return not _same(self.held[key], later.held[key])


def _content(value: Any) -> Any:
    """Return what to compare: the value, or those within a container."""
    if isinstance(value, dict):
        return [value, [(key, _content(inner)) for key, inner in value.items()]]
    if isinstance(value, list | tuple | set):
        return [value, [_content(inner) for inner in value]]
    return value


def _same(first: Any, second: Any) -> bool:
    if type(first) is not type(second):
        return False
    if isinstance(first, PLAIN):
        return bool(first == second)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(
            _same(a, b) for a, b in zip(first, second, strict=True)
        )
    return first is second


class Types(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collect in ``found`` the floating-point types of all that is worked out."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: set[torch.dtype] = set()

    def __torch_dispatch__(
        self, operation: Any, _types: Any, arguments: Any = (), options: Any = None
    ) -> Any:
        """Carry an operation out and look at what comes of it."""
        result = operation(*arguments, **(options or {}))
        for item in tree_leaves(result):
            if isinstance(item, torch.Tensor) and item.is_floating_point():
                self.found.add(item.dtype)
        return result


@contextmanager
def new_layers() -> Iterator[list[nn.Module]]:
    """Yield a list that fills with every module made meanwhile."""
    made: list[nn.Module] = []
    original = nn.Module.__init__

    def remember(self: nn.Module, *arguments: Any, **options: Any) -> None:
        made.append(self)
        original(self, *arguments, **options)

    nn.Module.__init__ = remember  # type: ignore[method-assign]
    try:
        yield made
    finally:
        nn.Module.__init__ = original  # type: ignore[method-assign]


def shared_weights(first: nn.Module, second: nn.Module) -> list[str]:
    """Return the names of tensors of ``first`` that lie in memory of ``second``."""
    taken = {value.data_ptr() for value in second.state_dict().values()} - {0}
    return [k for k, v in first.state_dict().items() if v.data_ptr() in taken]
