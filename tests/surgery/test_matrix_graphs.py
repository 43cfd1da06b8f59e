"""A grafted host becomes one graph with its blocks in it: compiled, exported, traced.

Every block has left its start, so a graph without it would compute something else.
"""

import copy
import importlib

import onnxruntime
import pytest
import torch
from torch import fx

AGREES = 1e-4
"""How far two ways to compute may be apart, as a part of the largest number."""


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def assert_agrees(found, want):
    torch.testing.assert_close(
        found, want, rtol=0, atol=AGREES * float(want.abs().max())
    )


def exported(cell, images):
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    return torch.export.export(cell.grafted(), (images,), dynamic_shapes=shapes)


@pytest.fixture
def stage(timm, new_cell):
    """Return a part of a host, with a block: one layer more after two of its own."""
    return new_cell("timm:resnet18", "cbam").grafted().get_submodule("layer1")


@pytest.fixture
def maps():
    """Return what a stage gets."""
    return torch.randn(2, 64, 9, 7)


def more(images):
    """Return three other images."""
    return torch.cat([images.flip(0), images[:1].roll(5, dims=-1)])


@pytest.mark.slow  # 2 to 5 s each
def test_compiles_to_one_graph(slow_cell, images):
    host = slow_cell.grafted()

    compiled = torch.compile(host, backend="aot_eager", fullgraph=True)

    found = slow_cell.answer(compiled, images)
    assert_agrees(found, slow_cell.answer(host, images))


@pytest.mark.slow  # 10 s
@pytest.mark.filterwarnings(
    # torch's own, from its first use of inductor
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"
)
def test_inductor_gives_the_numbers_of_eager(stage, maps):
    compiled = torch.compile(stage, fullgraph=True)

    with torch.no_grad():
        assert_agrees(compiled(maps), stage(maps))


@pytest.mark.slow  # 3 s
def test_compiled_training_reaches_the_blocks(stage, maps):
    twin = copy.deepcopy(stage).train()

    compiled = torch.compile(stage.train(), backend="aot_eager", fullgraph=True)
    compiled(maps).square().sum().backward()

    twin(maps).square().sum().backward()
    want = {key: parameter.grad for key, parameter in twin.named_parameters()}
    for key, parameter in stage.named_parameters():
        assert_agrees(parameter.grad, want[key])


@pytest.mark.slow  # 1 to 3 s each
def test_exports_with_the_batch_left_free(slow_cell, images):
    program = exported(slow_cell, images)

    x = more(images)
    want = slow_cell.answer(slow_cell.grafted(), x)
    assert_agrees(slow_cell.answer(program.module(), x), want)


@pytest.mark.slow  # 1 to 3 s each
def test_exports_strictly(host_cell, images):
    host = host_cell.grafted()

    program = torch.export.export(host, (images,), strict=True)

    x = images.flip(0)
    assert_agrees(host_cell.answer(program.module(), x), host_cell.answer(host, x))


@pytest.mark.slow  # 1 to 4 s each
@pytest.mark.filterwarnings(
    # torch's own, when it copies its own trees
    "ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning"
)
def test_exports_to_onnx_with_the_batch_left_free(slow_cell, images, tmp_path):
    path = tmp_path / "host.onnx"

    torch.onnx.export(exported(slow_cell, images), (), path, dynamo=True, verbose=False)

    session = onnxruntime.InferenceSession(path)
    (entry,), x = session.get_inputs(), more(images)
    (found,) = session.run(None, {entry.name: x.numpy()})
    want = slow_cell.answer(slow_cell.grafted(), x)
    assert_agrees(torch.from_numpy(found), want)


def test_is_traced_with_each_block_as_a_node(cell, images):
    host = cell.grafted()

    traced = fx.symbolic_trace(host)

    assert cell.answer(traced, images).equal(cell.answer(host, images))


def test_features_of_a_stage_are_those_after_its_block(new_cell, images):
    host = new_cell("torchvision:resnet18", "cbam").grafted()
    want = []
    host.layer2.register_forward_hook(lambda _, x, y: want.append(y))
    extraction = importlib.import_module("torchvision.models.feature_extraction")

    extractor = extraction.create_feature_extractor(host, {"layer2": "stage"})

    with torch.no_grad():
        host(images)
        assert extractor(images)["stage"].equal(want[-1])
