"""Every block compiles to one graph and exports, with batch and sides left free."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from foveate import blocks

FREE = torch.export.Dim.DYNAMIC
SHAPES = [(3, 9, 4), (5, 7, 3), (4, 11, 13)]


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def free(x):
    for dim in (0, 2, 3):
        torch._dynamo.mark_dynamic(x, dim)
    return x


def test_compiles_to_one_graph_for_all_sizes(free_name, new_block, new_input):
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(new_block(free_name), backend=counter, fullgraph=True)

    for shape in SHAPES:
        compiled(free(new_input(free_name, *shape)))

    assert counter.frame_count == 1


def test_compiled_numbers_are_those_of_eager(free_name, new_block, new_input):
    block = new_block(free_name)
    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)

    for shape in SHAPES:
        x = new_input(free_name, *shape)
        torch.testing.assert_close(compiled(free(x)), block(x))


def test_compiles_at_two_widths_one_after_the_other(free_name, new_input):
    narrow = new_input(free_name)

    for x in (narrow, torch.cat([narrow, narrow], dim=1)):
        block = blocks.create(free_name, x.shape[1], dtype=x.dtype).eval()
        compiled = torch.compile(block, backend="eager", fullgraph=True, dynamic=True)
        torch.testing.assert_close(compiled(x), block(x))


def test_compiled_gradients_are_those_of_eager(name, new_block, new_input):
    block = new_block(name, training=True)
    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)
    x = new_input(name)

    (found,) = torch.autograd.grad(compiled(x.requires_grad_()).square().sum(), x)

    (want,) = torch.autograd.grad(block(x).square().sum(), x)
    torch.testing.assert_close(found, want)


def test_exports_with_batch_and_sides_left_free(free_name, new_block, new_input):
    block = new_block(free_name)
    shapes = ({0: FREE, 2: FREE, 3: FREE},)
    least = block.exported_side

    program = torch.export.export(
        block, (new_input(free_name, 2, 6, 5),), dynamic_shapes=shapes
    )

    exported = program.module()
    for shape in [*SHAPES, (1, least, least), (1, least, 9)]:
        x = new_input(free_name, *shape)
        torch.testing.assert_close(exported(x), block(x))
    if least > 1:
        with pytest.raises(AssertionError, match="Guard failed"):
            exported(new_input(free_name, 1, least - 1, 9))


@pytest.mark.slow
@pytest.mark.filterwarnings(
    # torch's own, from its first use of inductor
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"
)
@pytest.mark.parametrize("slow_name", ["cbam", "shuffle"])
def test_inductor_gives_the_numbers_of_eager(slow_name, new_block, new_input):
    block = new_block(slow_name, torch.float32)
    compiled = torch.compile(block, fullgraph=True)

    for shape in SHAPES:
        x = new_input(slow_name, *shape, dtype=torch.float32)
        # not with gradients: there inductor on CPU fixes the sides of any two
        # convolutions in a row, also in a plain nn.Sequential
        with torch.no_grad():
            torch.testing.assert_close(compiled(free(x)), block(x))
