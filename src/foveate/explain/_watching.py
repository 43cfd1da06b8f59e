"""Run a network, and keep what its layers return and the gradients there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from foveate import _checks, _traces
from foveate.errors import FoveateError, OptionError
from foveate.explain._layer_maps import Transform, in_words, map_of
from foveate.explain._network import alone, as_written, moved
from foveate.surgery.running import device_and_dtype, undisturbed

__all__ = ["INPUT", "Watching", "watching"]

INPUT = "the input"
"""What stands for a layer where none is watched."""

EXPONENTS = range(15, -25, -4)
"""Powers of two to multiply a score in float16 by, of which gradients do not vanish."""


@contextmanager
def watching(
    network: nn.Module,
    layers: Mapping[str, nn.Module],
    transform: Transform | None = None,
    *,
    with_gradients: bool = True,
) -> Iterator[Watching]:
    """Watch layers of a network that is evaluated, and leave no trace of it.

    Its modes, buffers, gradients, hooks and the random numbers are what they were, also
    after an error. A caller's ``torch.no_grad`` and ``torch.inference_mode`` do not
    matter within. What is compiled runs as it is written.

    Args:
        network: See ``network_of``.
        layers: By their paths; if there are none, the input itself is watched.
        transform: Makes ``(N, C, h, w)`` of what the layers return.
        with_gradients: Whether ``gradients`` will be asked for.

    Raises:
        OptionError: The network has no values: it is on the meta device.
    """
    if any(tensor.is_meta for tensor in chain(network.parameters(), network.buffers())):
        raise OptionError(
            f"{type(network).__name__} is on the meta device, where there are no "
            "values to look at. Load it to a device first."
        )
    seen = Watching(network, layers, transform, with_gradients=with_gradients)
    with (
        torch.inference_mode(mode=False),
        alone(network),
        undisturbed(network),
        torch.set_grad_enabled(with_gradients),
        as_written(),
    ):
        try:
            seen.hook()
            yield seen
        finally:
            seen.release()


class Watching:
    """What the layers of a network returned in its last run.

    A layer's map is what it returned, with the blocks that are grafted to it and before
    a later layer changes it in place.
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Mapping[str, nn.Module],
        transform: Transform | None,
        *,
        with_gradients: bool,
    ) -> None:
        self._network = network
        self._layers = dict(layers)
        self._transform = transform
        self._with_gradients = with_gradients
        self._device, self._dtype = device_and_dtype(network)
        self._kept: dict[str, Tensor] = {}
        self._handles: list[torch.utils.hooks.RemovableHandle] = []
        self._keeps = False
        self._images = 0

    def hook(self) -> None:
        """Begin to watch."""
        for path, layer in self._layers.items():
            # last, so that it sees what the layer returns with all that is hooked to it
            self._handles.append(layer.register_forward_hook(self._keeper(path)))

    def release(self) -> None:
        """Take the hooks off, and forget what was seen."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._kept.clear()

    def run(self, x: Tensor, *, keep: bool = True) -> Any:
        """Return what the network answers to ``x``.

        Args:
            x: The images, which are copied to the device and precision of the network.
            keep: Whether to keep what the layers return.

        Raises:
            OptionError: The network does not run with it, or a layer does not run, runs
                twice, or returns no map.
        """
        x = moved(x, self._network, copy=True)
        if keep:
            self._kept.clear()
            self._images = len(x)
        if keep and not self._layers:
            self._kept[INPUT] = x.requires_grad_(self._with_gradients)
            # a network may change its input in place, which a leaf does not bear
            x = x.clone()
        self._keeps = keep
        try:
            output = self._network(x)
        except FoveateError:
            raise
        except Exception as problem:
            raise OptionError(
                f"{type(self._network).__name__} does not run with an input of "
                f"{tuple(x.shape)}: {_traces.seen(problem)}."
            ) from problem
        finally:
            self._keeps = False
        missing = [path for path in self._layers if keep and path not in self._kept]
        if missing:
            raise OptionError(
                f"layer '{missing[0]}' of {type(self._network).__name__} does not run "
                "in evaluation. Name a layer that does."
            )
        return output

    @property
    def activations(self) -> list[Tensor]:
        """What each layer returned, ``(N, C, h, w)``, without gradients.

        Raises:
            OptionError: It is no such map, or not finite.
        """
        return [self._map_of(path, self._kept[path], "") for path in self._paths()]

    def gradients(self, score: Tensor) -> list[Tensor]:
        """Return the gradients of ``score`` by what each layer returned.

        They are zeros at a layer on which it does not depend. May be asked for several
        scores of one run.

        Args:
            score: One number; of several images, the sum of a number of each.

        Raises:
            OptionError: It depends on no layer, or a gradient is not finite.
        """
        # in evaluation images do not depend on each other, so one sum does for all
        score = score.to(torch.promote_types(score.dtype, torch.float32)).sum()
        kept = [self._kept[path] for path in self._paths()]
        slopes, exponent = self._slopes(score, kept)
        if all(slope is None for slope in slopes):
            raise OptionError(
                f"what the map is for does not depend on {self._named()}, so there is "
                "no gradient. Name a layer that the network's answer comes from, and "
                "compute the target from that answer with operations of torch."
            )
        return [
            self._map_of(path, torch.zeros_like(value), "")
            if slope is None
            else self._map_of(path, slope, "the gradient at ") / 2.0**exponent
            for path, value, slope in zip(self._paths(), kept, slopes, strict=True)
        ]

    def _slopes(
        self, score: Tensor, kept: Sequence[Tensor]
    ) -> tuple[Sequence[Tensor | None], int]:
        """Return gradients times a power of two, and which."""
        if not score.requires_grad:
            return [None] * len(kept), 0
        halves = any(value.dtype == torch.float16 for value in kept)
        halves = halves or torch.float16 in (self._dtype, _autocast(self._device))
        for exponent in EXPONENTS if halves else (0,):
            slopes = torch.autograd.grad(
                score * 2.0**exponent, kept, retain_graph=True, allow_unused=True
            )
            if all(slope is None or slope.isfinite().all() for slope in slopes):
                break
        return slopes, exponent

    def _keeper(self, path: str) -> Callable[[nn.Module, Any, Any], Tensor | None]:
        def keep(_layer: nn.Module, _args: Any, output: Any) -> Tensor | None:
            if not self._keeps:
                return None
            if path in self._kept:
                raise OptionError(
                    f"layer '{path}' runs more than once for one input, so it has no "
                    "map of its own. Name a layer that runs once."
                )
            if not isinstance(output, Tensor) or not output.is_floating_point():
                raise OptionError(
                    f"layer '{path}' returns {in_words(output)}, not a map "
                    "(N, C, h, w). Name a layer within or after it that does."
                )
            if not self._with_gradients:
                self._kept[path] = output.detach().clone()
                return None
            if torch.is_inference_mode_enabled():
                raise OptionError(
                    f"layer '{path}' runs under torch.inference_mode within "
                    f"{type(self._network).__name__}, so there are no gradients. "
                    "Use eigencam or scorecam, which need none."
                )
            # a network may run its frozen part without gradients
            with torch.enable_grad():
                own = output if output.requires_grad else output.detach()
                self._kept[path] = own.clone().requires_grad_()
                # a later layer may change in place what it gets
                return self._kept[path].clone()

        return keep

    def _paths(self) -> tuple[str, ...]:
        return tuple(self._layers) or (INPUT,)

    def _named(self) -> str:
        return _checks.cut([f"layer '{path}'" for path in self._layers] or [INPUT])

    def _map_of(self, path: str, value: Tensor, what: str) -> Tensor:
        name = f"layer '{path}'" if self._layers else path
        return map_of(f"{what}{name}", value, self._transform, self._images)


def _autocast(device: torch.device) -> torch.dtype | None:
    """Return the precision that a caller's ``torch.autocast`` has set, if any."""
    on = torch.is_autocast_enabled(device.type)
    return torch.get_autocast_dtype(device.type) if on else None
