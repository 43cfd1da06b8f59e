"""What a network or a block costs, and what blocks add to a host."""

from __future__ import annotations

from pydantic import Field

from foveate.records._record import Part, Record

__all__ = [
    "Cost",
    "Latency",
    "Memory",
    "Overhead",
    "Overheads",
    "PlanCost",
    "Quartiles",
]


class Latency(Record):
    """How long one forward pass takes, in evaluation and without gradients.

    Attributes:
        median_ms: Milliseconds; half of the runs took less.
        iqr_ms: Between the quarter that took least and the quarter that took most.
        runs: How many runs there were, after those to warm up.
        threads: How many threads of the CPU they had.
    """

    median_ms: float = Field(ge=0)
    iqr_ms: float = Field(ge=0)
    runs: int = Field(ge=1)
    threads: int = Field(ge=1)


class Memory(Record):
    """How much memory a forward pass takes.

    Attributes:
        peak_bytes: The most that is held at once during a forward pass in evaluation
            without gradients, beyond parameters, buffers and inputs. The output is in
            it.
        saved_bytes: What a forward pass in training keeps for the backward pass beyond
            parameters and buffers, each storage once. An input that is kept counts, as
            the layer before would else let it go.
        measured: Whether an allocator said so, on CUDA; else the tensors of each
            operation were followed, mostly without memory, and what an operation takes
            for itself alone is not in it.
    """

    peak_bytes: int = Field(ge=0)
    saved_bytes: int = Field(ge=0)
    measured: bool = False


class Cost(Record):
    """Size, work, time and memory of a network or a block.

    Attributes:
        parameters: How many numbers it learns.
        macs: Multiply-accumulates of its convolutions and matrix products for one
            forward pass; one of them is two floating-point operations.
        elementwise: Values written by operations that compute or move each by itself:
            sums, products, sigmoids, copies, concatenations, resizing.
        pooling: Values read by pooling, normalisation, softmax and other reductions.
        not_counted: Operations that ran and are in none of the three, such as
            ``aten.sort``; empty if the three are the whole work.
        latency: How long it takes; None if it was not run for that.
        memory: What it takes; None if it was not followed.
        device: Where latency and memory are those of; None if there is neither.
        dtype: The precision that they are those of.
    """

    parameters: int
    macs: int
    elementwise: int = 0
    pooling: int = 0
    not_counted: tuple[str, ...] = ()
    latency: Latency | None = None
    memory: Memory | None = None
    device: str | None = None
    dtype: str | None = None


class PlanCost(Record):
    """What the blocks of a plan cost, for one image.

    Attributes:
        places: The cost at each place of the plan, in its order.
    """

    places: tuple[Cost, ...]

    @property
    def total(self) -> Cost:
        """The cost of all places together, without time and memory."""
        names = {name for cost in self.places for name in cost.not_counted}
        return Cost(
            parameters=sum(cost.parameters for cost in self.places),
            macs=sum(cost.macs for cost in self.places),
            elementwise=sum(cost.elementwise for cost in self.places),
            pooling=sum(cost.pooling for cost in self.places),
            not_counted=tuple(sorted(names)),
        )


class Quartiles(Part):
    """How numbers spread.

    Attributes:
        low: A quarter of them is below.
        median: Half of them is below.
        high: A quarter of them is above.
    """

    low: float
    median: float
    high: float


class Overhead(Record):
    """What grafting one block adds to one host, for one size of image.

    Attributes:
        block: The block, by its name.
        size: Height and width of the images.
        batch: How many images at once.
        dtype: The precision, such as ``float32``.
        device: Where, such as ``cpu``.
        compiled: Whether both ran under ``torch.compile``.
        host: What the host costs without the block.
        grafted: What it costs with it.
        ratios: Of the times with the block to those of the host without it in the same
            round; None if it was not timed.
    """

    block: str
    size: tuple[int, int]
    batch: int
    dtype: str
    device: str
    compiled: bool
    host: Cost
    grafted: Cost
    ratios: Quartiles | None = None

    @property
    def parameters(self) -> int:
        """How many numbers more it learns."""
        return self.grafted.parameters - self.host.parameters

    @property
    def macs(self) -> int:
        """How many multiply-accumulates more it does."""
        return self.grafted.macs - self.host.macs

    @property
    def latency_ms(self) -> float | None:
        """How many milliseconds more it takes, as a share of the host's median."""
        if self.latency_share is None or self.host.latency is None:
            return None
        return self.latency_share * self.host.latency.median_ms

    @property
    def latency_share(self) -> float | None:
        """How much longer it takes, 0.1 for a tenth: the median over rounds."""
        return None if self.ratios is None else self.ratios.median - 1

    @property
    def latency_share_range(self) -> tuple[float, float] | None:
        """The quartiles of the same, between which half of the rounds are."""
        if self.ratios is None:
            return None
        return self.ratios.low - 1, self.ratios.high - 1

    @property
    def peak_bytes(self) -> int | None:
        """How much more it holds at once without gradients."""
        with_it, without = self.grafted.memory, self.host.memory
        if with_it is None or without is None:
            return None
        return with_it.peak_bytes - without.peak_bytes

    @property
    def saved_bytes(self) -> int | None:
        """How much more it keeps for the backward pass."""
        with_it, without = self.grafted.memory, self.host.memory
        if with_it is None or without is None:
            return None
        return with_it.saved_bytes - without.saved_bytes


class Overheads(Record):
    """What blocks add to one host.

    Attributes:
        host: The name of the host's class.
        at: Which layers got the blocks, as it was asked for.
        rows: One for each block, size and batch.
    """

    host: str
    at: str
    rows: tuple[Overhead, ...]
