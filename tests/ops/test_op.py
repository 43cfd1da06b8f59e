"""An operation runs the first of its paths that can, and says which."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import grad, vmap

from foveate import ops
from foveate.errors import OptionError
from foveate.ops import Op

DOUBLED = 2.0
FAST = 3.0


def doubling(**settings):
    """Return an operation whose native path gives three times x, so that it shows."""

    @Op
    def double(x):
        """Double a map."""
        return DOUBLED * x

    def why_not(x):
        return "is too small" if x.numel() == 1 else None

    @double.faster("native", why_not=why_not, **settings)
    def _(x):
        return FAST * x

    return double


def test_a_faster_path_runs_where_it_can():
    assert doubling()(torch.ones(2)).tolist() == [FAST, FAST]


def test_the_reference_runs_where_no_path_can():
    assert doubling()(torch.ones(1)).tolist() == [DOUBLED]


def test_the_first_of_several_paths_that_can_runs():
    op = doubling()

    @op.faster("eager", why_not=lambda _: None)
    def _(x):
        return 4 * x

    assert op(torch.ones(2))[0] == FAST
    assert op(torch.ones(1))[0] == 4


def test_using_the_reference_asks_for_it_and_gives_the_choice_back():
    op = doubling()

    with ops.using("reference"):
        inside = op(torch.ones(2))[0]

    assert inside == DOUBLED
    assert op(torch.ones(2))[0] == FAST


def test_the_choice_is_given_back_after_an_error():
    op = doubling()

    with pytest.raises(KeyError), ops.using("reference"):
        raise KeyError

    assert op(torch.ones(2))[0] == FAST


def test_a_path_of_an_unknown_name_is_refused():
    with (
        pytest.raises(OptionError, match=r"'natvie'\. Did you mean 'native'"),
        ops.using("natvie"),
    ):
        pass


def test_a_path_that_was_asked_for_and_cannot_run_is_an_error():
    message = (
        r"ops\.double: the path 'native' was asked for, but cannot run: is too small\. "
        r"Use foveate\.ops\.using\('fastest'\) to run what can\."
    )

    with ops.using("native"), pytest.raises(OptionError, match=message):
        doubling()(torch.ones(1))


def test_an_operation_without_the_path_that_was_asked_for_runs_its_reference():
    with ops.using("triton"):
        assert doubling()(torch.ones(2))[0] == DOUBLED


def test_a_path_that_runs_only_when_asked_waits_for_it():
    op = doubling(when_asked=True)

    assert op(torch.ones(2))[0] == DOUBLED
    with ops.using("native"):
        assert op(torch.ones(2))[0] == FAST


def test_explain_says_which_path_ran_and_why_others_could_not():
    op = doubling()

    fast, slow = ops.explain(lambda: (op(torch.ones(2)), op(torch.ones(1))))

    assert (fast.op, fast.path, fast.refusals) == ("double", "native", {})
    assert str(slow) == "double: reference\n    not native: is too small"


def test_explain_runs_what_runs_without_it():
    op, found = doubling(), []

    ops.explain(lambda: found.append(op(torch.ones(2))[0]))

    assert found == [FAST]


def test_explain_names_what_the_caller_asked_for():
    op = doubling()

    with ops.using("reference"):
        (choice,) = ops.explain(op, torch.ones(2))

    assert choice.refusals == {
        "native": "foveate.ops.using('reference') asks for the reference"
    }


def test_an_operation_shows_its_paths():
    assert repr(doubling()) == "<Op double: native, reference>"


class Doubling(nn.Module):
    """A module of that operation."""

    def __init__(self, **settings):
        super().__init__()
        self.op = doubling(**settings)

    def forward(self, x):
        return self.op(x)


@pytest.mark.parametrize("strict", [True, False])
def test_an_exported_graph_holds_the_reference(strict):
    x = torch.ones(2)

    program = torch.export.export(Doubling(in_graphs=True), (x,), strict=strict)

    assert program.module()(x)[0] == DOUBLED


@pytest.mark.parametrize(("in_graphs", "want"), [(False, DOUBLED), (True, FAST)])
def test_a_compiled_graph_holds_a_path_only_if_it_is_worth_it(in_graphs, want):
    module = Doubling(in_graphs=in_graphs)
    compiled = torch.compile(module, backend="eager", fullgraph=True)

    assert compiled(torch.ones(2))[0] == want


def test_a_compiled_graph_follows_what_is_asked_for():
    module = Doubling(in_graphs=True)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    before = compiled(torch.ones(2))[0]

    with ops.using("reference"):
        inside = compiled(torch.ones(2))[0]

    assert (before, inside) == (FAST, DOUBLED)


def test_transforms_of_functions_see_the_reference():
    op, x = doubling(), torch.ones(2)

    assert grad(lambda t: op(t).sum())(x)[0] == DOUBLED
    assert vmap(op)(torch.ones(3, 2))[0, 0] == DOUBLED


def test_symbolic_tracing_sees_the_reference():
    traced = torch.fx.symbolic_trace(Doubling())

    assert traced(torch.ones(2))[0] == DOUBLED


class Wrapping(torch.Tensor):
    """A tensor that sees every call on it, as those of DTensor or quantisation do."""


def test_a_tensor_of_another_class_sees_the_reference():
    x = torch.ones(2).as_subclass(Wrapping)

    (choice,) = ops.explain(doubling(), x)

    assert choice.path == "reference"
    assert choice.refusals["native"] == (
        "a Wrapping within a transform sees torch alone"
    )


# torch compiles the derivatives of its own operations
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_a_map_that_carries_a_tangent_sees_the_reference():
    op, x = doubling(), torch.ones(2)

    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, x)
        tangent = forward_ad.unpack_dual(op(dual)).tangent

    assert tangent[0] == DOUBLED
