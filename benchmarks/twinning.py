"""A block for PyTorch and its Keras twin: the same weights, maps and questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

import keras
import numpy as np
import torch
from numpy.typing import NDArray

import foveate.keras as fk
from benchmarks.gradients import answer_and_gradients
from foveate import blocks, catalog
from foveate.errors import OptionError

__all__ = ["FORMATS", "SIZES", "Answer", "Case", "Pair", "covering", "forms", "pair"]

Arrays = dict[str, NDArray[Any]]

SIZES = ((8, 6), (13, 9), (1, 5))
"""An even map, an odd one, and a single row."""

FORMATS = ("channels_last", "channels_first")

IMAGES = 3
"""A BatchNorm over two values is a step: its gradients are what rounding leaves."""

WIDTHS = (32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Case:
    """A form of a block, and how it is asked.

    Attributes:
        form: A block, a fusion or a variant, by its name.
        size: Rows and columns of its maps.
        data_format: That of the Keras layer.
        dtype: ``float32`` or ``float64``.
        options: Beside those of the form.
    """

    form: str
    size: tuple[int, int] = SIZES[1]
    data_format: str = "channels_last"
    dtype: str = "float64"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_options(self) -> dict[str, Any]:
        """All options, with the size if the block is bound to one."""
        sized = catalog.card(self.form).sized
        return {**({"spatial_size": self.size} if sized else {}), **self.options}


@dataclass(frozen=True)
class Answer:
    """What a block answered, in the order of axes of PyTorch.

    Attributes:
        output: What it returned.
        gradients: Of the sum of the output times fixed numbers, by ``input 1`` and so
            on, and by the keys of the weights.
        statistics: Its running statistics after that.
    """

    output: NDArray[Any]
    gradients: Arrays
    statistics: Arrays


@dataclass(frozen=True)
class Pair:
    """A block and its twin, with the same weights."""

    case: Case
    block: Any
    layer: Any
    maps: list[NDArray[Any]]

    def of_torch(self, *, training: bool) -> Answer:
        """Return what the block for PyTorch answers."""
        block = self.block.train(training)
        inputs = [torch.tensor(x, requires_grad=True) for x in self.maps]
        output = block(*inputs)
        weights = dict(block.named_parameters())
        numbers = _numbers(output.shape, self.case.dtype)
        found = torch.autograd.grad(
            (output * torch.tensor(numbers)).sum(),
            [*inputs, *weights.values()],
            allow_unused=True,
            materialize_grads=True,
        )
        gradients = [gradient.numpy() for gradient in found]
        return Answer(
            output.detach().numpy(),
            _named(gradients[: len(inputs)])
            | _zipped(weights, gradients[len(inputs) :]),
            {
                key: values.numpy().copy()
                for key, values in _running(block.state_dict())
            },
        )

    def of_keras(self, *, training: bool) -> Answer:
        """Return what the Keras layer answers; its weights are lost."""
        output, of_maps, of_weights = answer_and_gradients(
            self.layer, self.inputs(), self._weighed, training=training
        )
        statistics = dict(_running(fk.state_dict(self.layer)))
        # in the places of the weights, gradients get their names and axes in PyTorch
        for variable, values in zip(
            self.layer.trainable_variables, of_weights, strict=True
        ):
            variable.assign(np.array(keras.ops.convert_to_numpy(values)))
        state = fk.state_dict(self.layer)
        gradients = {key: state[key] for key, _ in self.block.named_parameters()}
        return Answer(
            self.in_order_of_torch(output),
            _named([self.in_order_of_torch(x) for x in of_maps]) | gradients,
            statistics,
        )

    def inputs(self) -> list[NDArray[Any]]:
        """Return the maps as the Keras layer takes them."""
        return [x.transpose(self._order) for x in self.maps]

    def in_order_of_torch(self, y: Any) -> NDArray[Any]:
        """Return a map of the Keras layer with channels before rows."""
        values = np.array(keras.ops.convert_to_numpy(y))
        return values.transpose(np.argsort(self._order))

    @property
    def _order(self) -> tuple[int, ...]:
        last = self.case.data_format == "channels_last"
        return (0, 2, 3, 1) if last else (0, 1, 2, 3)

    def _weighed(self, output: Any) -> Any:
        """Return the sum of an output times the numbers that PyTorch's gets too."""
        shape = [output.shape[axis] for axis in np.argsort(self._order)]
        numbers = _numbers(shape, self.case.dtype).transpose(self._order)
        return keras.ops.sum(output * keras.ops.convert_to_tensor(numbers))


def covering(
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> list[tuple[tuple[int, int], str, bool]]:
    """Return half of all sizes, formats and modes (whether it trains).

    Each size stands in it in both formats and in both modes.
    """
    return [
        (size, data_format, bool(training))
        for (n, size), (m, data_format), training in product(
            enumerate(sizes), enumerate(FORMATS), (0, 1)
        )
        if (n + m + training) % 2 == 0
    ]


def forms(pattern: str = "*") -> list[str]:
    """Return the names of all blocks and fusions, each followed by its variants."""
    return [
        name
        for card in catalog.find(pattern)
        for name in (card.name, *card.variant_names)
    ]


@cache
def width(form: str) -> int:
    """Return the fewest channels that a form takes, from 32."""
    for channels in WIDTHS:
        try:
            blocks.create(form, channels, device="meta", **Case(form).all_options)
        except OptionError:
            continue
        return channels
    raise ValueError(f"{form} takes none of {WIDTHS} channels.")


def pair(case: Case, images: int = IMAGES) -> Pair:
    """Return a block and its twin with random weights, and maps for them."""
    dtype = getattr(torch, case.dtype)
    channels = width(case.form)
    torch.manual_seed(0)
    block = blocks.create(case.form, channels, dtype=dtype, **case.all_options)
    random = np.random.default_rng(0)
    _perturb(block, random)
    layer = fk.create(
        case.form,
        channels,
        data_format=case.data_format,
        dtype=case.dtype,
        **case.all_options,
    )
    fk.from_torch(layer, block)
    shape = (images, channels, *case.size)
    number = getattr(block, "num_inputs", 1)
    maps = [random.standard_normal(shape).astype(case.dtype) for _ in range(number)]
    return Pair(case, block, layer, maps)


def _perturb(block: torch.nn.Module, random: np.random.Generator) -> None:
    """Move every weight and statistic, so that none hides a fault at its start."""
    for key, values in block.state_dict().items():
        if key.endswith("running_var"):
            values.copy_(torch.tensor(random.uniform(0.5, 1.5, values.shape)))
        elif values.is_floating_point():
            values.add_(torch.tensor(random.normal(0, 0.2, values.shape)))


def _running(state: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, values) for key, values in state.items() if ".running_" in key]


def _zipped(keys: Mapping[str, Any], gradients: Sequence[NDArray[Any]]) -> Arrays:
    return dict(zip(keys, gradients, strict=True))


def _named(gradients: Sequence[NDArray[Any]]) -> Arrays:
    return {f"input {place}": values for place, values in enumerate(gradients, 1)}


def _numbers(shape: Sequence[int], dtype: str) -> NDArray[Any]:
    """Return fixed numbers by which an output is multiplied, ``(B, C, H, W)``."""
    return np.random.default_rng(1).standard_normal(tuple(shape)).astype(dtype)
