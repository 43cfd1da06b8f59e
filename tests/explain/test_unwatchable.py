"""What cannot be watched is refused by name, with a way out."""

import pytest
import torch
from torch import nn

from foveate.errors import OptionError
from foveate.explain._watching import INPUT, watching


class Host(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.head = nn.Linear(6, 5)
        self.unused = nn.Conv2d(1, 1, 1)

    def forward(self, x):
        return self.head(self.last(x).mean(dim=(2, 3)))


def images():
    return torch.randn(2, 3, 9, 6, generator=torch.Generator().manual_seed(2))


def layers_of(model, *paths):
    return {path: model.get_submodule(path) for path in paths}


def test_what_is_no_map_is_refused_by_name():
    model = Host()

    with watching(model, layers_of(model, "head")) as seen:
        seen.run(images())
        with pytest.raises(OptionError, match=r"'head' is a float32 tensor \(2, 5\)"):
            _ = seen.activations


def test_a_layer_that_returns_several_is_refused_by_name():
    class Both(nn.Module):
        def forward(self, x):
            return x, x

    model = nn.ModuleDict({"both": Both()})
    model.forward = lambda x: model["both"](x)[0]

    with (
        watching(model, layers_of(model, "both")) as seen,
        pytest.raises(OptionError, match=r"layer 'both' returns a tuple of 2, not a"),
    ):
        seen.run(images())


def test_a_layer_that_runs_twice_is_refused_by_name():
    layer = nn.Conv2d(3, 3, 1)
    model = nn.Sequential(layer, nn.ReLU(), layer)

    with (
        watching(model, {"0": layer}) as seen,
        pytest.raises(OptionError, match=r"layer '0' runs more than once"),
    ):
        seen.run(images())


def test_a_layer_that_does_not_run_is_refused_by_name():
    model = Host()

    with (
        watching(model, layers_of(model, "unused")) as seen,
        pytest.raises(OptionError, match=r"layer 'unused' of Host does not run"),
    ):
        seen.run(images())


def test_a_target_that_depends_on_no_layer_is_refused_by_name():
    model = Host()

    with (
        watching(model, layers_of(model, "last")) as seen,
        pytest.raises(OptionError, match=r"does not depend on layer 'last', so there"),
    ):
        seen.gradients(seen.run(images()).argmax().float())


def test_numbers_that_are_not_finite_are_refused_by_name():
    model = Host()
    model.last.bias.data[2] = float("nan")

    with watching(model, layers_of(model, "last")) as seen:
        seen.run(images())
        with pytest.raises(OptionError, match=r"layer 'last' is not finite, so no map"):
            _ = seen.activations


def test_gradients_that_are_not_finite_are_refused_by_name():
    model = Host()

    with (
        watching(model, layers_of(model, "last")) as seen,
        pytest.raises(OptionError, match=r"the gradient at layer 'last' is not finite"),
    ):
        seen.gradients(seen.run(images()).sum() * float("inf"))


def test_a_network_that_forbids_gradients_is_refused_with_a_way_out():
    class Sealed(Host):
        def forward(self, x):
            with torch.inference_mode():
                return super().forward(x)

    model = Sealed()

    with (
        watching(model, layers_of(model, "last")) as seen,
        pytest.raises(OptionError, match=r"under torch.inference_mode within Sealed"),
    ):
        seen.run(images())


def test_the_meta_device_is_refused():
    with torch.device("meta"):
        model = Host()

    with (
        pytest.raises(OptionError, match="Host is on the meta device, where there are"),
        watching(model, layers_of(model, "last")),
    ):
        pass


def test_the_input_has_a_name_in_messages():
    with watching(nn.Sequential(nn.Conv2d(3, 2, 1)), {}) as seen:
        seen.run(images())
        with pytest.raises(OptionError, match=f"does not depend on {INPUT}, so there"):
            seen.gradients(torch.ones(()))
