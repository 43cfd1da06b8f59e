"""How a block is held by the layer it was grafted to.

The block is a child of the layer, under one name of our own, and a hook runs it. The
hook is a function of this module that looks the block up on the layer it is called
for: a copy of the layer runs the copy of the block, and pickle finds the hook by name.
A hook runs in ``__call__``, so it outlives a layer whose ``forward`` is exchanged.

Files of whole models, such as Ultralytics' checkpoints, name what stands here and in
``_starts.py``, and hold its fields: what is moved or renamed must still be found under
its old name, and what a new field needs is added in ``__setstate__``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.fx import Proxy

from foveate.errors import ShapeError, SiteError
from foveate.records import Place, Position
from foveate.surgery import _guard
from foveate.surgery._pickled_files import files_of

__all__ = [
    "CHILD",
    "Graft",
    "Replacement",
    "each_map",
    "graft_of",
    "run_after",
    "run_before",
]

CHILD = _guard.CHILD
"""The name under which a layer holds its blocks."""


class Graft(nn.Module):
    """What was grafted to one layer.

    Attributes:
        after: The blocks for what the layer returns, one a map.
        before: Those for its first argument.
        replace: The block that stands in the layer's place.
        places: Of each position that is taken, what the plan says of it.
        steps: By position, how many names the layer stands below the site of the plan:
            1 for the last step of a sequence that was asked for.
        handles: By position, what takes the hook off again.
        example: The shapes of the host's inputs for which it was planned.
    """

    def __init__(self, example: tuple[tuple[int, ...], ...]) -> None:
        super().__init__()
        self.places: dict[Position, Place] = {}
        self.steps: dict[Position, int] = {}
        self.handles: dict[Position, Any] = {}
        self.example = example
        _guard.watch(blocks_in)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle holds: places as plain values."""
        places = {key: place.model_dump() for key, place in self.places.items()}
        # first of all, as the blocks are read after it
        first = {"files": files_of(self)}
        return {**first, **self.__dict__, "places": places}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read what a copy or a pickle holds, which may be of an older version."""
        places = {key: Place(**values) for key, values in state["places"].items()}
        state = {key: v for key, v in state.items() if key != "files"}
        super().__setstate__({**state, "places": places})  # type: ignore[no-untyped-call]
        # a checkpoint that was read holds blocks as well
        _guard.watch(blocks_in)

    def hold(self, place: Place, modules: Iterable[nn.Module], steps: int) -> None:
        """Hold one module for each map of a place."""
        self.places[place.position] = place
        self.steps[place.position] = steps
        setattr(self, place.position, nn.ModuleList(modules))

    def release(self, position: Position) -> None:
        """Give up the modules of a position, and its hook."""
        if position in self.handles:
            self.handles.pop(position).remove()
        del self.places[position]
        del self.steps[position]
        delattr(self, position)

    def run(self, position: Position, value: Any) -> Any:
        """Return ``value`` with each of its maps as the block of ``position`` has it.

        Raises:
            ShapeError: ``value`` has not as many maps as there are blocks.
        """
        blocks = getattr(self, position)
        maps: list[Any] = []
        each_map(value, maps.append)
        if len(maps) != len(blocks):
            raise ShapeError(
                f"{self.places[position].path}: has blocks for {len(blocks)} maps, and "
                f"now there are {len(maps)}, as in some hosts in training. Graft to a "
                "layer that always has as many."
            )
        remaining = iter(blocks)

        def change(x: Any) -> Any:
            block = next(remaining)
            if isinstance(x, Proxy):
                # a block asks of its input what fx cannot trace: it is one node
                tracer: Any = x.tracer
                name = tracer.path_of_module(block)
                return tracer.create_proxy("call_module", name, (x,), {})
            return block(x)

        return each_map(value, change)

    def train(self, mode: bool = True) -> Graft:  # noqa: FBT001, FBT002
        """Set the mode, if the layer still runs the blocks."""
        self._check_held()
        return super().train(mode)

    def _apply(self, *args: Any, **keywords: Any) -> Graft:
        """Move or convert the blocks, if the layer still runs them."""
        self._check_held()
        super()._apply(*args, **keywords)  # type: ignore[no-untyped-call]
        return self

    def _check_held(self) -> None:
        """Raise SiteError if the hooks have gone with the layer that had them.

        What puts another layer in its place may hand on its children, but not hooks.
        """
        for position, handle in self.handles.items():
            if handle.hooks_dict_ref() is None:
                raise SiteError(
                    f"the layer that held {self.places[position].block} was exchanged "
                    "for another, as SyncBatchNorm.convert_sync_batchnorm does, and "
                    "the block no longer runs. Convert the host first, then graft."
                )

    def forward(self, *_: Any) -> Any:
        """Refuse: only a container that runs all of its children gets here."""
        raise SiteError(
            "the layer runs all of its children one after another, so it would run its "
            "block as one more. Graft to one of its children."
        )


class Replacement(nn.Module):
    """A block in the place of a layer, which is kept beside it.

    The layer is no child: its weights are not among those of the host, nor counted. It
    moves with the host, is copied and pickled with it, and pruning puts it back.

    Attributes:
        original: The layer, as a tuple of one, so that it is not taken for a child.
    """

    def __init__(self, original: nn.Module, graft: Graft) -> None:
        super().__init__()
        self.training = original.training
        for name, value in vars(original).items():
            # what hosts write on their layers and read from them
            if not (name.startswith("_") or name == "training" or callable(value)):
                setattr(self, name, value)
        self.original = (original,)
        self.add_module(CHILD, graft)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's answer."""
        answer: Tensor = getattr(self, CHILD).run("replace", x)
        return answer

    def _apply(self, *args: Any, **keywords: Any) -> Replacement:
        """Move or convert the block, and the layer that is kept with it."""
        self.original[0]._apply(*args, **keywords)  # type: ignore[no-untyped-call]  # noqa: SLF001
        super()._apply(*args, **keywords)  # type: ignore[no-untyped-call]
        return self


def graft_of(module: nn.Module) -> Graft | None:
    """Return what was grafted to a layer itself; None if nothing was."""
    # its own: a host may answer for attributes of a layer that it wraps
    child = module._modules.get(CHILD)  # noqa: SLF001
    return child if isinstance(child, Graft) else None


def blocks_in(model: nn.Module) -> list[str]:
    """Return in words what blocks a model has and where, for a message."""
    return [
        f"{place.block} {place.where}"
        for module in model.modules()
        if isinstance(module, Graft)
        for place in module.places.values()
    ]


def run_after(module: nn.Module, _: tuple[Any, ...], output: Any) -> Any:
    """Run the blocks that a layer holds on what it returns: a forward hook."""
    return _held_by(module).run("after", output)


def run_before(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Run the blocks that a layer holds on its first argument: a forward pre-hook."""
    return (_held_by(module).run("before", args[0]), *args[1:])


def _held_by(module: nn.Module) -> Any:
    """Return what a layer holds, whose hook is running.

    Raises:
        SiteError: Nothing: the hook was handed on without the blocks.
    """
    graft = getattr(module, CHILD, None)
    if graft is None:
        raise SiteError(
            f"this {type(module).__name__} was put in the place of a layer that held a "
            "block, as torch.ao.quantization.fuse_modules does, and has its hook but "
            "not the block. Fuse the host first, then graft."
        )
    return graft


def each_map(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a structure of tensors with each of them changed.

    Args:
        value: A tensor, or a list, tuple or mapping of such structures.
        change: What is made of a tensor.

    Raises:
        ShapeError: Something in it is neither.
    """
    if isinstance(value, Tensor | Proxy):
        return change(value)
    if isinstance(value, Mapping):
        items = {key: each_map(item, change) for key, item in value.items()}
        return type(value)(items)  # type: ignore[call-arg]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(each_map(item, change) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(each_map(item, change) for item in value)
    raise ShapeError(
        f"expected feature maps, or a list, tuple or mapping of them, got "
        f"{type(value).__name__}."
    )
