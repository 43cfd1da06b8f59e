"""Kernels in Triton, for CUDA; imported when an operation first runs there.

They take contiguous maps ``(B, C, H, W)`` of float32, float16 or bfloat16, and sum in
float32. The sizes of tiles follow from the shape of one image alone, each sum has one
program that owns it, and there are no atomics: the same input gives the same bits, in a
batch of any size.
"""

from __future__ import annotations

__all__ = []
