"""What a network costs."""

from __future__ import annotations

from foveate.records._record import Record

__all__ = ["Cost"]


class Cost(Record):
    """Size and work of a network or a block.

    Attributes:
        parameters: How many numbers it learns.
        macs: Multiply-accumulates of its convolutions and matrix products for one
            forward pass; one of them is two floating-point operations. Element-wise
            operations and pooling are not in it.
    """

    parameters: int
    macs: int
