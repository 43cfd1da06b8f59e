"""When a kernel can run: reasons why not, in words."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from foveate.ops.kernels import native

__all__ = ["batch_of_maps", "why_not_native", "why_not_triton"]

TRITON_TYPES = (torch.float32, torch.float16, torch.bfloat16)
MAP = ("B", "C", "H", "W")
FEWEST = 16384
"""Values of an image below which a call of a kernel takes longer than its work."""


def why_not_native(x: Tensor, *others: Tensor, fewest: int = FEWEST) -> str | None:
    """Return why kernels in C cannot take the map ``x``, or None if they can.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        *others: Further inputs, of the same device; their types are converted.
        fewest: Values of one image below which they are not worth their call.
    """
    if x.device.type != "cpu" or any(t.device.type != "cpu" for t in others):
        return f"runs on a CPU, got {x.device.type}"
    if x.dtype != torch.float32:
        return f"takes float32, got {x.dtype}"
    if not batch_of_maps(x):
        return f"takes maps that are contiguous (B, C, H, W), got strides {x.stride()}"
    values = x.shape[1] * x.shape[2] * x.shape[3]
    if values < fewest:
        return f"pays from {fewest} values an image, got {values}"
    return _why_no_library()


def why_not_triton(x: Tensor, *others: Tensor) -> str | None:
    """Return why kernels in Triton cannot take the map ``x``, or None if they can."""
    if x.device.type != "cuda" or any(t.device != x.device for t in others):
        return f"runs on CUDA, got {x.device.type}"
    if x.dtype not in TRITON_TYPES:
        return f"takes float32, float16 and bfloat16, got {x.dtype}"
    if not x.is_contiguous():
        return f"takes maps that are contiguous (B, C, H, W), got strides {x.stride()}"
    return None if find_spec("triton") else "the package triton is not installed"


def batch_of_maps(x: Tensor) -> bool:
    """Tell whether each image of ``x`` is contiguous; a slice of channels is."""
    return x.dim() == len(MAP) and x[:1].is_contiguous()


def _why_no_library() -> str | None:
    return native.why_not()


# what torch.compiler.assume_constant_result does, which would import the compiler
_why_no_library._dynamo_marked_constant = True  # type: ignore[attr-defined]  # noqa: SLF001
