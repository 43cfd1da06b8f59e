"""Follow which memory the tensors of a call hold."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, UntypedStorage, nn
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["Held", "Peak", "fake_copy"]


class Held:
    """Storages, each counted once, but for those that were there before.

    Attributes:
        bytes: How many all of them have.
    """

    def __init__(self, before: Iterable[Tensor]) -> None:
        # kept, as another storage would else get the address of one that is gone
        self._kept = {s._cdata: s for t in before if (s := storage_of(t)) is not None}  # noqa: SLF001
        self.bytes = 0

    def add(self, tensor: Tensor) -> Tensor:
        """Count the storage of a tensor, and return the tensor."""
        storage = storage_of(tensor)
        if storage is not None and storage._cdata not in self._kept:  # noqa: SLF001
            self._kept[storage._cdata] = storage  # noqa: SLF001
            self.bytes += storage.nbytes()
        return tensor


class Peak(TorchDispatchMode):
    """Counts the most bytes that tensors made within it hold at once.

    Attributes:
        bytes: The most so far.
    """

    def __init__(self, before: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # kept, as another storage would else get the address of one that is gone
        self._before = {s._cdata: s for t in before if (s := storage_of(t)) is not None}  # noqa: SLF001
        self._alive: dict[int, weakref.ref[UntypedStorage]] = {}
        self._now = 0
        self.bytes = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation and count what it returns."""
        output = func(*args, **(kwargs or {}))
        for value in tree_leaves(output):
            if isinstance(value, Tensor):
                self._add(value)
        return output

    def _add(self, tensor: Tensor) -> None:
        storage = storage_of(tensor)
        if storage is None:
            return
        key, size = storage._cdata, storage.nbytes()  # noqa: SLF001
        if key in self._alive or key in self._before:
            return

        def free(_: weakref.ref[UntypedStorage]) -> None:
            self._alive.pop(key, None)
            self._now -= size

        self._alive[key] = weakref.ref(storage, free)
        self._now += size
        self.bytes = max(self.bytes, self._now)


def storage_of(tensor: Tensor) -> UntypedStorage | None:
    """Return the storage of a tensor; None if it has none, as sparse ones."""
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return None


def fake_copy(model: nn.Module, mode: FakeTensorMode) -> nn.Module:
    """Return a copy of a network whose tensors have no memory and no numbers.

    Those on the ``meta`` device move to the CPU, as operations would not take there the
    paths that they take in earnest.
    """
    tensors = [*model.parameters(), *model.buffers()]
    with mode:
        memo = {id(t): _on_cpu(t) for t in tensors if t.is_meta}
    with FakeCopyMode(mode):
        return copy.deepcopy(model, memo)


def _on_cpu(t: Tensor) -> Tensor:
    made = torch.empty_strided(t.shape, t.stride(), dtype=t.dtype, device="cpu")
    if isinstance(t, nn.Parameter):
        return nn.Parameter(made, requires_grad=t.requires_grad)
    return made
