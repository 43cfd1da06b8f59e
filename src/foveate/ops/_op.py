"""An operation: one reference, the truth, and faster paths that may run instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar, final

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd import forward_ad

from foveate import _checks
from foveate.errors import OptionError

__all__ = ["FASTEST", "PATHS", "REFERENCE", "Choice", "Op", "explain", "using"]

Inputs = ParamSpec("Inputs")
Output = TypeVar("Output")

FASTEST = "fastest"
REFERENCE = "reference"
PATHS = ("native", "triton", "eager")
"""Faster paths, in the order of trying: C on a CPU, Triton on CUDA, calls of torch."""

# others wrap a tensor to see every call on it, and would not see into a kernel
PLAIN = (Tensor, nn.Parameter, FakeTensor)


class _State:
    """What a caller asked for; plain attributes, as a ContextVar breaks a graph."""

    def __init__(self) -> None:
        self.asked = FASTEST
        self.choices: list[Choice] | None = None


STATE = _State()


class Choice(NamedTuple):
    """Which path one call of an operation took.

    Attributes:
        op: The name of the operation.
        path: ``reference``, or the name of the faster path that ran.
        refusals: Why each path that comes before it could not run, by its name.
    """

    op: str
    path: str
    refusals: dict[str, str]

    def __str__(self) -> str:
        """Show the choice in a line, and each refusal in one below it."""
        reasons = [f"    not {name}: {why}" for name, why in self.refusals.items()]
        return "\n".join([f"{self.op}: {self.path}", *reasons])


class Path(NamedTuple):
    """A faster way to the numbers of a reference.

    Attributes:
        name: One of ``PATHS``.
        why_not: Takes the inputs; returns None if it can run, else the reason.
        run: Takes the inputs; returns what the reference would.
        in_graphs: Whether it is worth a call of its own in a compiled graph; where it
            is not, the compiler fuses the reference with what stands around it.
        when_asked: Whether it runs only if ``using`` asks for it.
    """

    name: str
    why_not: Callable[..., str | None]
    run: Callable[..., Any]
    in_graphs: bool
    when_asked: bool


@final
class Op(Generic[Inputs, Output]):
    """A pure function of tensors that may run in several ways.

    Called, it runs the first of its faster paths that can, else the reference. While a
    graph is exported only the reference runs, so that what leaves holds torch's own
    operations alone.

    Attributes:
        reference: The function that says what is right.
        paths: The faster ones, in the order of ``PATHS``.
    """

    def __init__(self, reference: Callable[Inputs, Output]) -> None:
        self.reference = reference
        self.paths: tuple[Path, ...] = ()
        self.__name__: str = reference.__name__
        self.__qualname__ = reference.__qualname__
        self.__module__ = reference.__module__
        self.__doc__ = reference.__doc__
        self.__wrapped__ = reference

    def faster(
        self,
        name: str,
        *,
        why_not: Callable[Inputs, str | None],
        in_graphs: bool = False,
        when_asked: bool = False,
    ) -> Callable[[Callable[Inputs, Output]], Callable[Inputs, Output]]:
        """Return what adds a function as a faster path; see ``Path``."""

        def add(run: Callable[Inputs, Output]) -> Callable[Inputs, Output]:
            path = Path(name, why_not, run, in_graphs, when_asked)
            paths = (*self.paths, path)
            self.paths = tuple(sorted(paths, key=lambda one: PATHS.index(one.name)))
            return run

        return add

    def __call__(self, *args: Inputs.args, **kwargs: Inputs.kwargs) -> Output:
        """Return what the reference would, by the fastest path that can run."""
        if STATE.choices is not None:
            return self._explained(*args, **kwargs)
        if not self.paths or why_reference(*args) is not None:
            return self.reference(*args, **kwargs)
        for path in self.paths:
            if why_not_now(path) is None:
                why = path.why_not(*args, **kwargs)
                if why is None:
                    answer: Output = path.run(*args, **kwargs)
                    return answer
                refuse_if_asked(self.__name__, path, why)
        return self.reference(*args, **kwargs)

    def _explained(self, *args: Inputs.args, **kwargs: Inputs.kwargs) -> Output:
        refusals: dict[str, str] = {}
        run, name = self.reference, REFERENCE
        always = why_reference(*args)
        for path in self.paths:
            why = always or why_not_now(path) or path.why_not(*args, **kwargs)
            if why is None:
                run, name = path.run, path.name
                break
            refusals[path.name] = why
        if STATE.choices is not None:
            STATE.choices.append(Choice(self.__name__, name, refusals))
        return run(*args, **kwargs)

    def __repr__(self) -> str:
        """Show the operation and its paths."""
        names = ", ".join([path.name for path in self.paths] + [REFERENCE])
        return f"<Op {self.__name__}: {names}>"


def why_reference(*args: Any) -> str | None:
    """Return why no faster path of any operation may run now, or None."""
    if STATE.asked == REFERENCE:
        return "foveate.ops.using('reference') asks for the reference"
    if torch.compiler.is_exporting() or torch._C._get_tracing_state():  # noqa: SLF001
        return "an exported graph holds operations of torch alone"
    for value in args:
        if isinstance(value, Tensor):
            if type(value) not in PLAIN or _is_transformed(value):
                return f"a {type(value).__name__} within a transform sees torch alone"
        elif isinstance(value, torch.fx.Proxy):
            return "torch.fx traces operations of torch alone"
    return None


def why_not_now(path: Path) -> str | None:
    """Return why a path may not run whatever its inputs are, or None."""
    if STATE.asked not in {FASTEST, path.name}:
        return f"foveate.ops.using({STATE.asked!r}) asks for another"
    if path.when_asked and STATE.asked != path.name:
        return f"runs only if asked for: with foveate.ops.using({path.name!r})"
    if not path.in_graphs and torch.compiler.is_compiling():
        return "torch.compile fuses the reference itself"
    return None


def refuse_if_asked(op: str, path: Path, why: str) -> None:
    """Raise OptionError if ``path`` was asked for by name, but cannot run."""
    if STATE.asked == path.name:
        raise OptionError(
            f"ops.{op}: the path {path.name!r} was asked for, but cannot run: {why}. "
            f"Use foveate.ops.using({FASTEST!r}) to run what can."
        )


@contextmanager
def using(path: str) -> Iterator[None]:
    """Choose how operations run within a ``with`` block, in the whole process.

    An operation that has no path of that name runs its reference.

    Args:
        path: ``reference``, the short functions that say what is right; ``fastest``,
            the default; or one path by name: ``native`` (compiled C, on a CPU),
            ``triton`` (on CUDA) or ``eager`` (calls of torch in a better order).

    Raises:
        OptionError: There is no such path; or, within the block, an operation has it
            and cannot run it, which the message explains.

    Example:
        >>> import torch
        >>> from foveate import ops
        >>> with ops.using("reference"):
        ...     ops.mean_over_places(torch.ones(1, 1, 2, 3)).item()
        1.0
    """
    _checks.one_of("ops.using", (FASTEST, REFERENCE, *PATHS), path=path)
    before = STATE.asked
    STATE.asked = path
    try:
        yield
    finally:
        STATE.asked = before


def explain(function: Callable[..., Any], *inputs: Any) -> list[Choice]:
    """Run a block, a model or an operation once, and say which path each call took.

    Args:
        function: What is called, as it is: in training a BatchNorm notes the batch.
            Some paths are taken only where a gradient is asked for, so it runs under
            ``torch.no_grad`` if the caller does.
        *inputs: Of the function.

    Returns:
        The choices, in the order of the calls. Each prints as its path, and the reason
        for each faster path that could not run.

    Example:
        >>> import foveate as fv, torch
        >>> x = torch.ones(1, 8, 2, 3, dtype=torch.float64)
        >>> print(fv.ops.explain(fv.create("simam", 8), x)[0])
        simam: reference
            not native: takes float32, got torch.float64
            not triton: runs only if asked for: with foveate.ops.using('triton')
    """
    before, STATE.choices = STATE.choices, []
    try:
        function(*inputs)
        return STATE.choices
    finally:
        STATE.choices = before


def _is_transformed(x: Tensor) -> bool:
    """Tell whether ``x`` is within ``torch.func`` or carries a tangent."""
    if torch.compiler.is_compiling():
        return False
    wrapped: bool = torch._C._functorch.is_functorch_wrapped_tensor(x)  # noqa: SLF001
    return wrapped or forward_ad._current_level >= 0  # noqa: SLF001
