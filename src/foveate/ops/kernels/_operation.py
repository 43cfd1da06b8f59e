"""Operations of torch, registered without waking its compiler.

``torch.library.custom_op`` does the same, but the first call of what it makes imports
``torch._dynamo``, which takes longer than most programs that only predict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch.library import Library, infer_schema

__all__ = ["Operation", "operation"]

NAMESPACE = "foveate"
LIBRARY = Library(NAMESPACE, "FRAGMENT")  # type: ignore[no-untyped-call]
KEYS = {"cpu": "CPU", "cuda": "CUDA", None: "CompositeExplicitAutograd"}
"""What torch calls the kernels of a device, and those of every device."""


@final
class Operation:
    """An operation ``torch.ops.foveate.NAME``; called, it runs that.

    Attributes:
        name: With its namespace.
        kernel: The function that it was made of.
    """

    def __init__(self, kernel: Callable[..., Any], device: str | None) -> None:
        schema = infer_schema(kernel, mutates_args=())
        self.kernel = kernel
        self.name = f"{NAMESPACE}::{kernel.__name__}"
        self.__doc__ = kernel.__doc__
        LIBRARY.define(  # type: ignore[no-untyped-call]
            f"{kernel.__name__}{schema}", tags=(torch.Tag.pt2_compliant_tag,)
        )
        self.register_kernel(device)(kernel)
        self.default = getattr(getattr(torch.ops, NAMESPACE), kernel.__name__).default

    def __call__(self, *args: Any) -> Any:
        """Run the operation on the device of its tensors."""
        return self.default(*args)

    def register_kernel(self, device: str | None) -> Callable[..., Any]:
        """Return what adds the kernel of a device: ``cpu``, ``cuda``, or any."""

        def add(kernel: Callable[..., Any]) -> Callable[..., Any]:
            LIBRARY.impl(self.name, kernel, KEYS[device])  # type: ignore[no-untyped-call]
            return kernel

        return add

    def register_fake(self, shapes: Callable[..., Any]) -> Callable[..., Any]:
        """Add what says of which shapes the outputs are."""
        torch.library.register_fake(self.name, shapes, lib=LIBRARY)
        return shapes

    def register_autograd(
        self, gradient: Callable[..., Any], *, setup_context: Callable[..., Any]
    ) -> None:
        """Add the gradient; see ``torch.library.register_autograd``."""
        torch.library.register_autograd(
            self.name, gradient, setup_context=setup_context, lib=LIBRARY
        )


def operation(device: str | None = None) -> Callable[[Callable[..., Any]], Operation]:
    """Return what makes a function an operation, of one device or of every one."""

    def make(kernel: Callable[..., Any]) -> Operation:
        return Operation(kernel, device)

    return make
