"""What every faster path promises, as checks against the reference of its operation.

Tests take it by ``load_file(Path(__file__).with_name("agreement.py"))``. The paths are
called past their conditions, so that maps of any size go through the kernel; gradients
are asked of every tensor of floating point among the inputs.
"""

from contextlib import contextmanager

import torch
from torch import Tensor

SHAPES = [
    (2, 3, 5, 7),
    (1, 1, 1, 1),
    (1, 8, 1, 1),
    (3, 1, 9, 4),
    (2, 16, 1, 13),
    (1, 5, 33, 17),
    (3, 20, 19, 1),
]
"""Maps of odd sides, of one place, one channel, one image, one row or column."""


def path_of(op, name="native"):
    """Return the function of a path, which runs whatever its conditions say."""
    return next(path.run for path in op.paths if path.name == name)


def listed(outputs):
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def leaves(inputs, dtype=None):
    """Return copies that learn, of the same strides where the dtype stays."""
    return [
        value.detach().to(dtype or value.dtype).requires_grad_()
        if isinstance(value, Tensor)
        else value
        for value in inputs
    ]


def normals_like(outputs):
    """Return the same gradients for the same shapes: not those of a sum."""
    random = torch.Generator().manual_seed(5)
    return [torch.randn(y.shape, generator=random).to(y.dtype) for y in outputs]


def outputs_and_gradients(function, inputs, *, upward=normals_like, dtype=None):
    """Return what ``function`` gives, then the gradient of each tensor it takes."""
    given = leaves(inputs, dtype)
    outputs = listed(function(*given))
    tensors = [value for value in given if isinstance(value, Tensor)]
    found = torch.autograd.grad(outputs, tensors, upward(outputs))
    return [value.detach() for value in (*outputs, *found)]


def expanded(outputs):
    """Return gradients of a sum: one value, expanded."""
    return [y.new_ones(()).expand(y.shape) for y in outputs]


def transposed(outputs):
    """Return gradients that are not contiguous: columns lie before rows."""
    return [dy.mT.contiguous().mT for dy in normals_like(outputs)]


def assert_all_close(found, wanted, *, rtol=2e-5, atol=2e-6):
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(
            one.double(), other.double(), rtol=rtol, atol=atol, equal_nan=True
        )


def assert_agrees(op, *inputs, path="native", dtype=torch.float64, **tolerance):
    """Check outputs and gradients, also of a sum and of a gradient not contiguous.

    The reference runs in ``dtype``: None for that of the inputs.
    """
    function = path_of(op, path)
    for upward in (normals_like, expanded, transposed):
        found = outputs_and_gradients(function, inputs, upward=upward)
        wanted = outputs_and_gradients(op.reference, inputs, upward=upward, dtype=dtype)
        assert_all_close(found, wanted, **tolerance)


def assert_agrees_where_not_finite(op, *inputs, at=0, path="native", **tolerance):
    """Check the outputs with a NaN, an inf and a -inf in the input number ``at``."""
    for value in (float("nan"), float("inf"), -float("inf")):
        given = [v.clone() if isinstance(v, Tensor) else v for v in inputs]
        given[at].view(-1)[given[at].numel() // 2] = value
        found, wanted = path_of(op, path)(*given), op.reference(*given)
        assert_all_close(listed(found), listed(wanted), **tolerance)


def assert_agrees_twice(op, *inputs, path="native", **tolerance):
    """Check the gradient of the gradients."""

    def second(function):
        given = leaves(inputs)
        outputs = listed(function(*given))
        tensors = [value for value in given if isinstance(value, Tensor)]
        first = torch.autograd.grad(
            outputs, tensors, normals_like(outputs), create_graph=True
        )
        energy = sum(value.square().sum() for value in first)
        return torch.autograd.grad(
            energy, tensors, allow_unused=True, materialize_grads=True
        )

    assert_all_close(second(path_of(op, path)), second(op.reference), **tolerance)


def assert_same_bits_with_any_threads(op, *inputs, path="native"):
    """Check that one thread and several give the same bits."""
    before = torch.get_num_threads()
    seen = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            seen.append(outputs_and_gradients(path_of(op, path), inputs))
    finally:
        torch.set_num_threads(before)
    for other in seen[1:]:
        assert all(a.equal(b) for a, b in zip(seen[0], other, strict=True))


def assert_same_bits_for_an_image_alone(op, *inputs, path="native"):
    """Check outputs and gradients that have an image for each of the first input's."""
    images = len(inputs[0])

    def alone(value, number):
        batched = isinstance(value, Tensor) and len(value) == images > 1
        return value[number : number + 1] if batched else value

    function = path_of(op, path)
    together = outputs_and_gradients(function, inputs, upward=expanded)
    for number in range(images):
        one = [alone(value, number) for value in inputs]
        found = outputs_and_gradients(function, one, upward=expanded)
        for a, b in zip(together, found, strict=True):
            if len(a) == images:
                assert a[number : number + 1].equal(b)


def assert_registered(operation, *inputs):
    """Check schema, fake, gradient and dynamic shapes of an operation."""
    torch.library.opcheck(operation.default, inputs)


def assert_compiles(op, *inputs, backend="aot_eager", **tolerance):
    """Check that a graph without a break gives the outputs and gradients."""
    torch.compiler.reset()

    @torch.compile(fullgraph=True, backend=backend)
    def function(*given):
        return op(*given)

    found = outputs_and_gradients(function, inputs)
    wanted = outputs_and_gradients(op.reference, inputs)
    assert_all_close(found, wanted, **tolerance)


@contextmanager
def filled_with_nan():
    """Fill new memory with NaN, so that a value that no kernel writes is seen."""
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(3).isnan().all()
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def saved_bytes(function, *inputs):
    """Return the bytes kept for the gradient, each storage once, without parameters."""
    storages = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = function(*leaves(inputs))
    # freed memory could be given out twice: all of it lives until here
    assert listed(outputs)
    return sum(storages.values())


def map_of(*shape, sliced=False):
    """Return normal numbers; ``sliced``, as channels of a larger map."""
    random = torch.Generator().manual_seed(sum(shape))
    if not sliced:
        return torch.randn(shape, generator=random)
    batch, channels, height, width = shape
    larger = torch.randn(batch, channels + 5, height, width, generator=random)
    return larger[:, 3 : 3 + channels]
