"""What a network costs."""

from __future__ import annotations

from foveate.records._record import Record

__all__ = ["Cost", "PlanCost"]


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


class PlanCost(Record):
    """What the blocks of a plan cost, for one image.

    Attributes:
        places: The cost at each place of the plan, in its order.
    """

    places: tuple[Cost, ...]

    @property
    def total(self) -> Cost:
        """The cost of all places together."""
        return Cost(
            parameters=sum(cost.parameters for cost in self.places),
            macs=sum(cost.macs for cost in self.places),
        )
