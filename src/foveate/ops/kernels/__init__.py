"""Operations of torch that our kernels compute: C on a CPU, Triton on CUDA.

Each is registered with ``torch.library``, with its shapes and its gradient, so that
autograd, ``torch.compile`` and FakeTensor know it.
"""

from __future__ import annotations

__all__ = []
