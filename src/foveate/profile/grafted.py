"""Measure what blocks add to a host, in turns with the host as it is."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from foveate import surgery
from foveate.errors import OptionError
from foveate.profile import timing
from foveate.profile._checking import check_shapes
from foveate.profile.budget import too_much, warn
from foveate.profile.costing import dtype_name
from foveate.profile.counting import count
from foveate.profile.following import UNABLE, memory
from foveate.records import Cost, Overhead, Overheads, Plan, Position, Start
from foveate.surgery.running import device_and_dtype, inputs_of, undisturbed

__all__ = ["overheads"]

Size = int | tuple[int, int]
Shape = tuple[int, int, int, int]
BlockLike = str | Callable[..., nn.Module]
"""A block by its name, or a class that takes channels first."""

CHANNELS = 3


@dataclass(frozen=True)
class Hosts:
    """A host, and the same without memory, where it can run so."""

    real: nn.Module
    abstract: nn.Module


@dataclass(frozen=True)
class Settings:
    """How each row is measured."""

    compiled: bool
    latency: bool
    seconds: float
    threads: int | None
    budget_bytes: int | None


def overheads(
    model: nn.Module,
    blocks: BlockLike | Sequence[BlockLike],
    *,
    at: str | Sequence[str],
    sizes: Sequence[Size],
    batches: Sequence[int] = (1,),
    channels: int | None = None,
    position: Position = "after",
    start: Start = "identity",
    options: Mapping[str, Any] | None = None,
    fitting: bool = False,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    compile: bool = False,  # noqa: A002 - as torch.compile
    latency: bool = True,
    seconds: float = 2.0,
    threads: int | None = None,
    budget_bytes: int | None = None,
    listen: Callable[[Overhead], None] = lambda _: None,
) -> Overheads:
    """Return what grafting each of some blocks adds to a host, by size and batch.

    Each block is grafted to a copy of the host; the host itself is left alone. Work and
    memory are found without running either. Then the host and the copy take turns, and
    the overhead in time is the median over rounds of what one took to what the other
    did, so that whatever else the machine does meanwhile slows both.

    Args:
        model: The host.
        blocks: A block, or several; see ``fv.plan``.
        at: Which layers; see ``fv.plan``.
        sizes: Of the images: a side, or height and width.
        batches: How many images at once.
        channels: Of the images; the host's ``in_channels``, or 3, if not given.
        position: ``after`` the layers, ``before`` them, or ``replace``.
        start: ``identity``, ``gate`` or ``paper``; see ``fv.plan``. A blend costs too.
        options: Options of the blocks.
        fitting: Whether to leave out layers that cannot have the block.
        dtype: The precision; that of the host if not given.
        device: Where; on that of the host if not given.
        compile: Whether to time both under ``torch.compile``.
        latency: Whether to time them.
        seconds: How long to time each pair, at least.
        threads: How many threads of the CPU they get; as many as torch has if not
            given.
        budget_bytes: What may be held at once; half of what is free if not given. What
            would hold more is not run, and its row has no times.
        listen: Is told of each row as it is found.

    Raises:
        SiteError: A block cannot go to a layer; see ``fv.graft``.
        UnknownNameError: There is no such block.
        OptionError: A value cannot work.

    Warns:
        CostWarning: Something would take more memory than the budget.

    Example:
        >>> host = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU())
        >>> found = overheads(host, "se", at="1", sizes=[8], seconds=0.01)
        >>> found.rows[0].parameters  # 64 to 4 channels and back, and 64 amounts
        576
    """
    shapes = _shapes(model, sizes, batches, channels)
    host = copy.deepcopy(model).to(device=device, dtype=dtype)
    settings = Settings(compile, latency, seconds, threads, budget_bytes)
    abstract = _without_numbers(host, shapes[0])
    planned = partial(
        surgery.plan, at=at, position=position, start=start, options=options
    )
    plans = [
        # the host itself could take more memory than there is
        [planned(abstract, block, example=(1, *shape[1:])) for block in _listed(blocks)]
        for shape in shapes
    ]
    rows = []
    for shape, some in zip(shapes, plans, strict=True):
        alone = _followed(abstract, shape)
        for plan in some:
            chosen = plan.fitting() if fitting else plan
            rows.append(_row(Hosts(host, abstract), alone, chosen, shape, settings))
            listen(rows[-1])
    where = ", ".join(map(str, _listed(at)))
    return Overheads(host=type(model).__name__, at=where, rows=tuple(rows))


def _row(
    hosts: Hosts, alone: Cost, plan: Plan, shape: Shape, settings: Settings
) -> Overhead:
    """Return what the blocks of a plan add."""
    device, dtype = device_and_dtype(hosts.real)
    try:
        with_it = _followed(_grafted(hosts.abstract, plan), shape)
    except UNABLE:
        if hosts.abstract is hosts.real:
            raise
        # a user's block may look at its numbers, or make tensors on a device of its own
        with_it = _followed(_grafted(hosts.real, plan), shape)
    said = {"device": str(device), "dtype": dtype_name(dtype)}
    ratios = None
    # on the meta device nothing is there to run
    timed = settings.latency and device.type != "meta"
    on_cuda = device.type == "cuda"
    fits = _fits(plan, with_it, shape, settings.budget_bytes, device)
    if fits and (timed or on_cuda):
        real = _grafted(hosts.real, plan)
        if on_cuda:
            alone = alone.model_copy(update={"memory": memory(hosts.real, shape)})
            with_it = with_it.model_copy(update={"memory": memory(real, shape)})
        if timed:
            rounds = _timed([hosts.real, real], shape, settings)
            ratios = rounds.ratios(1, 0)
            alone = alone.model_copy(update={"latency": rounds.latency(0)})
            with_it = with_it.model_copy(update={"latency": rounds.latency(1)})
    return Overhead(
        block=plan.places[0].block if plan.places else "",
        size=(shape[2], shape[3]),
        batch=shape[0],
        **said,
        compiled=settings.compiled,
        host=alone.model_copy(update=said),
        grafted=with_it.model_copy(update=said),
        ratios=ratios,
    )


def _timed(
    models: Sequence[nn.Module], shape: Shape, settings: Settings
) -> timing.Rounds:
    """Return the times of models that take turns."""
    (args, _) = inputs_of(models[0], shape)
    runs: Sequence[Callable[..., Any]] = models
    if settings.compiled:
        # else torch would give up after some networks of the same code
        torch.compiler.reset()
        runs = [torch.compile(model, dynamic=False) for model in models]
    with ExitStack() as stack:
        for model in models:
            stack.enter_context(undisturbed(model))
        return timing.interleaved(
            [partial(run, *args) for run in runs],
            seconds=settings.seconds,
            threads=settings.threads,
        )


def _fits(
    plan: Plan,
    cost: Cost,
    shape: Shape,
    budget_bytes: int | None,
    device: torch.device,
) -> bool:
    """Tell whether a host with blocks stays within the budget; if not, warn."""
    peak = cost.memory.peak_bytes if cost.memory is not None else 0
    why = too_much(peak, budget_bytes, device)
    if why is not None:
        maps = [each for place in plan.places for each in place.maps]
        largest = max(maps, key=lambda m: m.channels * m.height * m.width)
        warn(
            f"{plan.host} with {plan.places[0].block}, the largest of whose maps is "
            f"{largest}, was not run on {shape}: it {why}",
            callers=3,
        )
    return why is None


def _followed(model: nn.Module, shape: Shape) -> Cost:
    """Return size, work and memory of a network, which has no memory if it can be."""
    counted = count(model, shape)
    return counted.model_copy(update={"memory": memory(model, shape)})


def _grafted(host: nn.Module, plan: Plan) -> nn.Module:
    """Return a copy of a host with blocks, which shares its parameters."""
    copied = copy.deepcopy(host, {id(p): p for p in host.parameters()})
    # a block begins with random numbers
    with torch.random.fork_rng(devices=_cuda_of(host)):
        surgery.graft(copied, plan)
    return copied


def _cuda_of(host: nn.Module) -> list[int]:
    device, _ = device_and_dtype(host)
    return [device.index or 0] if device.type == "cuda" else []


def _without_numbers(host: nn.Module, shape: Shape) -> nn.Module:
    """Return a host on the meta device; the host if it cannot run there."""
    abstract = copy.deepcopy(host).to("meta")
    try:
        count(abstract, (1, *shape[1:]))
    except UNABLE:
        return host
    return abstract


def _shapes(
    host: nn.Module,
    sizes: Sequence[Size],
    batches: Sequence[int],
    channels: int | None,
) -> list[Shape]:
    """Return the shape of the images of each row."""
    own = getattr(host, "in_channels", CHANNELS)
    count_of = channels if channels is not None else own
    if isinstance(sizes, int) or isinstance(batches, int):
        raise OptionError(
            "overheads: sizes and batches are lists, such as sizes=[224, 640] and "
            f"batches=[1], got sizes={sizes!r} and batches={batches!r}."
        )
    pairs = [(size, size) if isinstance(size, int) else size for size in sizes]
    shapes = [(batch, count_of, *pair) for pair in pairs for batch in batches]
    check_shapes("overheads", shapes)
    return shapes


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) or callable(value) else list(value)
