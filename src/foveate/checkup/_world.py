"""A quiet room: what a check does to torch and to the screen ends with it."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["quiet_room"]


@contextmanager
def quiet_room() -> Iterator[io.StringIO]:
    """Examine in torch's usual state; yield what is printed meanwhile.

    Random numbers, threads, default type, deterministic algorithms and gradient mode
    are as before afterwards. No warning leaves the room.
    """
    said = io.StringIO()
    with contextlib.ExitStack() as stack:
        for restore in _keepers():
            stack.callback(restore)
        stack.enter_context(torch.random.fork_rng(devices=_gpus()))
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast("cpu", enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(contextlib.redirect_stdout(said))
        stack.enter_context(contextlib.redirect_stderr(said))
        warnings.simplefilter("ignore")
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(mode=False)
        _fill_unset_memory(fills=True)
        yield said


def _fill_unset_memory(*, fills: bool) -> None:
    """Set whether new memory is NaN while deterministic algorithms are asked for."""
    unset = torch.utils.deterministic
    unset.fill_uninitialized_memory = fills  # type: ignore[attr-defined]


def _gpus() -> list[int]:
    return [torch.cuda.current_device()] if torch.cuda.is_available() else []


def _keepers() -> Iterator[Callable[[], None]]:
    """Yield functions that set back what torch, numpy and Python hold by themselves."""
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    unset = torch.utils.deterministic
    fills = unset.fill_uninitialized_memory  # type: ignore[attr-defined]
    yield lambda: torch.set_num_threads(threads)
    yield lambda: _fill_unset_memory(fills=fills)
    yield lambda: torch.set_default_dtype(dtype)
    yield lambda: torch.use_deterministic_algorithms(strict, warn_only=warn_only)
    yield lambda: random.setstate(python)
    yield lambda: np.random.set_state(legacy)  # noqa: NPY002
