"""The block under examination: new ones, maps for it, and its answers."""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Sequence
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from foveate import blocks
from foveate.checkup._blame import BlockError, blaming
from foveate.checkup._perturb import perturb
from foveate.checkup._target import SIZE, Target, find
from foveate.checkup._watching import Types, shared_weights
from foveate.errors import OptionError

__all__ = ["Patient"]


@final
class Patient:
    """A block that checks can build anew, call and compare.

    Whatever the block itself raises comes as ``BlockError``.

    Args:
        target: What to examine.

    Raises:
        UnknownNameError: There is no such block.
        OptionError: It cannot be built.

    Attributes:
        built: How a block is built, as one would write it.
        channels: Channels of its maps.
        inputs: How many maps it takes.
        size: The only size of map that it takes; None takes any.
        training_batch: The fewest images of a batch in training.
        batch: Images of a batch that it takes in either mode.
        shares: Names of weights that two of its kind have in common.
        takes_channels: Whether it is told its channels.
    """

    def __init__(self, target: Target) -> None:
        self.constructor = find(target)
        self.channels = target.channels
        self.built = self.constructor.text(target.channels)
        self.takes_channels = bool(self.constructor.places)
        self.inputs = target.inputs or 1
        self.size: tuple[int, int] | None = None
        if target.size is not None:
            self.size = (target.size[0], target.size[1])
        self.takes_a_list = False
        self.shares: list[str] = []
        try:
            block = self.fresh()
        except BlockError as problem:
            raise OptionError(
                f"doctor: {self.built} cannot be built: {problem.seen}. Arguments are "
                "given by name: options={'reduction': 8} in Python, "
                "--option reduction=8 on the command line."
            ) from None
        self.shares = shared_weights(block, self.fresh(seed=1))
        self.training_batch = target.training_batch or 1
        if isinstance(block, blocks.Block | blocks.Fusion):
            self.size = self.size or block.spatial_size
            self.training_batch = target.training_batch or block.training_batch
        if isinstance(block, blocks.Fusion):
            self.inputs = target.inputs or block.num_inputs
        self.batch = max(2, self.training_batch)
        self.takes_a_list = self.inputs > 1 and _takes_one_argument(block)

    def fresh(self, channels: int | None = None, *, seed: int = 0) -> nn.Module:
        """Return a new block as its constructor leaves it."""
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        block = self.constructor(channels or self.channels)
        if self.shares:
            # what it shares is the user's: a check must not change it
            block = copy.deepcopy(block)
        if any(is_lazy(parameter) for parameter in block.parameters()):
            with torch.no_grad(), blaming():
                block.eval()(*self.arguments(self.maps(dtype=torch.float32)))
        return block

    def block(
        self,
        dtype: torch.dtype | None = None,
        *,
        training: bool = False,
        as_built: bool = False,
        seed: int = 0,
    ) -> nn.Module:
        """Return a new block with moved weights.

        Args:
            dtype: Its type; the patient's own precision if not given.
            training: Whether it is to train.
            as_built: Whether its weights are to stay at their start.
            seed: Of the random numbers of its constructor.
        """
        block = self.fresh(seed=seed)
        if not as_built and self._stands[1]:
            perturb(block)
        with blaming():
            return block.to(dtype or self.precision).train(training)

    def maps(
        self,
        batch: int = 2,
        size: tuple[int, int] = SIZE,
        *,
        dtype: torch.dtype | None = None,
        channels: int | None = None,
        seed: int = 0,
    ) -> list[Tensor]:
        """Return random maps, one for each input; of its own size if it has one."""
        generator = torch.Generator().manual_seed(100 + seed)
        shape = (batch, channels or self.channels, *(self.size or size))
        return [
            torch.randn(shape, generator=generator, dtype=torch.float64).to(
                dtype or self.precision
            )
            for _ in range(self.inputs)
        ]

    def arguments(self, maps: Sequence[Tensor]) -> tuple[object, ...]:
        """Return ``maps`` as the block takes them: one by one, or in a list."""
        return (list(maps),) if self.takes_a_list else tuple(maps)

    def call(self, block: nn.Module, maps: Sequence[Tensor]) -> Tensor:
        """Return the answer of ``block`` to these very tensors."""
        arguments = self.arguments(maps)
        with blaming():
            answer = block(*arguments)
        if not isinstance(answer, Tensor):
            problem = TypeError(f"forward returns a {_kind(answer)}, not a tensor")
            raise BlockError(problem)
        return answer

    def answer(self, block: nn.Module, maps: Sequence[Tensor]) -> Tensor:
        """Return the answer of ``block`` to copies of ``maps``, without gradient."""
        with torch.no_grad():
            return self.call(block, [x.clone() for x in maps])

    def trace(
        self, block: nn.Module, maps: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the answer of ``block`` to copies of ``maps``, and those to derive by.

        The copies are not leaves, so that a block may write into them.
        """
        leaves = [x.clone().requires_grad_() for x in maps]
        return self.call(block, [leaf.clone() for leaf in leaves]), leaves

    @property
    def precision(self) -> torch.dtype:
        """The most precise type in which the block works throughout."""
        return self._stands[0]

    @property
    def tolerance(self) -> float:
        """How far two ways to one answer may lie apart, as a share of its size."""
        return 1e-8 if self.precision == torch.float64 else 1e-4

    @cached_property
    def _stands(self) -> tuple[torch.dtype, bool]:
        """The type to examine in, and whether weights can be moved."""
        maps = self.maps(dtype=torch.float64)
        for moved in (True, False):
            for dtype in (torch.float64, torch.float32):
                try:
                    block = self.fresh()
                    if moved:
                        perturb(block)
                    with blaming():
                        block.to(dtype).eval()
                    with Types() as types:
                        found = self.answer(block, [x.to(dtype) for x in maps])
                except BlockError:
                    continue
                # a block that works in float32 within is no better than that
                if types.found == {dtype} and found.isfinite().all():
                    return dtype, moved
        return torch.float32, False


def _takes_one_argument(block: nn.Module) -> bool:
    """Return whether ``forward`` takes its maps as one list."""
    parameters = list(inspect.signature(block.forward).parameters.values())
    required = [p for p in parameters if p.default is inspect.Parameter.empty]
    by_place = all(p.kind is not inspect.Parameter.VAR_POSITIONAL for p in parameters)
    return len(required) == 1 and by_place


def _kind(answer: object) -> str:
    if isinstance(answer, tuple | list):
        return f"{type(answer).__name__} of {len(answer)}"
    return type(answer).__name__
