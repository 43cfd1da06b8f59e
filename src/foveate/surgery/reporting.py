"""Report what was grafted to a host, and how far it has moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from foveate import _traces
from foveate.errors import FoveateError, OptionError
from foveate.records import GraftedBlock, Grafts
from foveate.surgery._attaching import Held, held_by
from foveate.surgery._starts import Blended
from foveate.surgery._wrapped import unwrapped
from foveate.surgery.running import Example, inputs_of, undisturbed

__all__ = ["grafts"]

Moves = dict[nn.Module, tuple[float | None, str]]
"""How far each grafted module moves its map; if that is no number, why."""


def grafts(model: nn.Module, example: Example = None) -> Grafts:
    """Return the blocks of a host, and how far they have moved from the identity.

    A blend (``start="identity"``) moves by what it has learned to let in; any block by
    how much it changes the map that it gets. Both are 0 before training if the block
    started as the identity. That a block has moved does not say that it helps:
    ``fv.compare`` does.

    Args:
        model: The host; DDP and ``torch.compile`` around it are looked through. It is
            left as it was.
        example: Images, to measure on them how far each block moves its map; a shape
            is filled with random numbers. See ``sites``. None: not measured.

    Returns:
        A record with a row for each block; printed, it is a table. It has no rows if
        nothing was grafted.

    Raises:
        OptionError: The host does not run with the example.

    Example:
        >>> import foveate as fv
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        >>> _ = fv.graft(host, "se", at="1", example=(1, 3, 8, 8))
        >>> print(grafts(host, torch.ones(2, 3, 8, 8)))
        where    block  start     parameters  amount  largest  moved
        after 1  se     identity  24          0       0        0
    """
    model = unwrapped(model)
    held = held_by(model)
    moves = {} if example is None or not held else _moves(model, held, example)
    rows = [
        _row(each, number, module, moves.get(module))
        for each in held
        for number, module in enumerate(each.modules)
    ]
    return Grafts(host=type(model).__name__, blocks=tuple(rows))


def _row(
    held: Held, number: int, module: nn.Module, move: tuple[float | None, str] | None
) -> GraftedBlock:
    mean, largest, note = _amounts(module)
    moved, reason = move or (None, "")
    return GraftedBlock(
        path=held.place.path,
        position=held.place.position,
        map=number,
        block=held.place.block,
        start=held.place.start,
        parameters=sum(p.numel() for p in module.parameters()),
        amount=mean,
        largest_amount=largest,
        moved=moved,
        note=note or reason,
    )


def _amounts(module: nn.Module) -> tuple[float | None, float | None, str]:
    """Return mean and largest of the amounts of a blend, and why there are none."""
    if not isinstance(module, Blended):
        return None, None, ""
    amounts = module.amount.detach().abs().float()
    if amounts.is_meta:
        return None, None, "has no values on the meta device"
    if not amounts.isfinite().all():
        return None, None, "its amounts are not finite"
    return amounts.mean().item(), amounts.max().item(), ""


def _moves(model: nn.Module, held: Sequence[Held], example: Example) -> Moves:
    """Run the host once, and return how far each of its blocks moves its map."""
    modules = [module for each in held for module in each.modules]
    moves: Moves = dict.fromkeys(modules, (None, "did not run"))
    handles = [module.register_forward_hook(_noting(moves)) for module in modules]
    args, keywords = inputs_of(model, example)
    try:
        # what was compiled would not notice the hooks
        with undisturbed(model), torch.compiler.set_stance("force_eager"):
            model(*args, **keywords)
    except FoveateError:
        raise
    except Exception as problem:
        raise OptionError(
            f"example: {type(model).__name__} does not run with it: "
            f"{_traces.seen(problem)}."
        ) from problem
    finally:
        for handle in handles:
            handle.remove()
    return moves


def _noting(moves: Moves) -> Callable[[nn.Module, Any, Any], None]:
    def note(module: nn.Module, args: tuple[Tensor], output: Tensor) -> None:
        (x,) = args
        moves[module] = _moved(x, output)

    return note


def _moved(x: Tensor, y: Tensor) -> tuple[float | None, str]:
    """Return ``||y - x|| / ||x||``, and why there is none."""
    if x.is_meta:
        return None, "has no values on the meta device"
    dtype = torch.promote_types(x.dtype, torch.float32)
    change = (y.to(dtype) - x.to(dtype)).norm().item()
    size = x.to(dtype).norm().item()
    ratio = change / size if size else float("nan")
    if ratio < float("inf"):
        return ratio, ""
    return None, "gets only zeros" if size == 0 else "its map is not finite"
