"""Weights move between layers and modules of PyTorch, both ways, or not at all."""

import keras
import numpy as np
import pytest
import torch
from benchmarks.twinning import Case, pair
from keras import layers
from safetensors import numpy as safetensors
from torch import nn

import foveate as fv
import foveate.keras as fk
from foveate.errors import OptionError, WeightsError


def state_of(module):
    return {
        key: values.clone()
        for key, values in module.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }


def eca_and_twin():
    return fv.create("eca", 64), fk.create("eca", 64)


def test_there_and_back_again_changes_no_bit(form):
    for dtype in ("float32", "float64"):
        twins = pair(Case(form, dtype=dtype))
        before = state_of(twins.block)
        for values in twins.block.state_dict().values():
            values.zero_()

        returned = fk.to_torch(twins.layer, twins.block)

        after = state_of(twins.block)
        assert returned is twins.block
        assert before.keys() == after.keys() == fk.state_dict(twins.layer).keys()
        assert all(after[key].equal(before[key]) for key in before)


def test_back_and_there_again_changes_no_bit(form):
    twins = pair(Case(form, dtype="float32"))
    before = fk.state_dict(twins.layer)
    module = fk.to_torch(twins.layer, twins.block)
    for variable in twins.layer.variables:
        variable.assign(np.zeros(variable.shape))

    returned = fk.from_torch(twins.layer, module)

    after = fk.state_dict(twins.layer)
    assert returned is twins.layer
    assert all(np.array_equal(after[key], before[key]) for key in before)


def test_every_variable_is_used_once(form):
    layer = pair(Case(form, dtype="float32")).layer

    numbers = sum(values.size for values in fk.state_dict(layer).values())

    assert numbers == sum(int(np.prod(v.shape)) for v in layer.weights)


def test_a_key_that_is_missing_is_named():
    layer = fk.create("se", 32)
    state = state_of(fv.create("se", 32))
    del state["fc2.weight"]

    with pytest.raises(WeightsError, match=r"do not fit\. Missing: fc2\.weight\.$"):
        fk.from_torch(layer, state)


def test_a_key_that_is_too_much_is_named():
    state = {**state_of(fv.create("eca", 64)), "conv.bias": torch.zeros(1)}

    with pytest.raises(WeightsError, match=r"Unexpected: conv\.bias\."):
        fk.from_torch(fk.create("eca", 64), state)


def test_a_shape_that_differs_is_named_with_both_shapes():
    words = r"fc1\.weight is \(4, 64, 1, 1\), needed \(2, 32, 1, 1\)"

    with pytest.raises(WeightsError, match=words):
        fk.from_torch(fk.create("se", 32), fv.create("se", 64))


def test_nothing_is_written_unless_all_fits():
    layer = fk.from_torch(fk.create("se", 32), fv.create("se", 32))
    before = fk.state_dict(layer)
    state = {"fc1.weight": np.zeros((2, 32, 1, 1)), "fc2.weight": np.zeros((32, 3))}

    with pytest.raises(WeightsError, match="do not fit"):
        fk.from_torch(layer, state)

    after = fk.state_dict(layer)
    assert all(np.array_equal(after[key], before[key]) for key in before)


def test_a_module_of_other_options_is_left_as_it_was():
    block = fv.create("se", 32, bias=True)
    before = state_of(block)

    with pytest.raises(WeightsError, match=r"fc1\.bias"):
        fk.to_torch(fk.create("se", 32), block)

    assert all(values.equal(before[key]) for key, values in state_of(block).items())


def test_a_layer_that_knows_no_channels_yet_says_so():
    for call in (lambda n: fk.from_torch(n, {}), fk.state_dict):
        with pytest.raises(WeightsError, match=r"has no weights yet\. Call it"):
            call(fk.create("se"))


def test_a_layer_with_its_channels_is_built_for_its_weights():
    layer = fk.create("cbam", 32)
    assert not layer.built

    fk.from_torch(layer, fv.create("cbam", 32))

    assert layer.built


def test_the_wrong_order_of_arguments_is_refused():
    block, layer = eca_and_twin()
    for call in (fk.from_torch, fk.to_torch):
        with pytest.raises(
            OptionError, match=r"expects a (Keras layer|PyTorch module)"
        ):
            call(block, layer)


def test_what_is_neither_module_nor_state_is_refused():
    with pytest.raises(OptionError, match="its state dict, got str"):
        fk.from_torch(fk.create("eca", 64), "weights.pt")


def test_no_memory_is_shared_with_the_module_that_gave_weights():
    block, layer = eca_and_twin()
    fk.from_torch(layer, block)
    before = fk.state_dict(layer)["conv.weight"]

    with torch.no_grad():
        block.conv.weight.fill_(7)

    assert np.array_equal(fk.state_dict(layer)["conv.weight"], before)


def test_no_memory_is_shared_with_the_arrays_that_gave_weights():
    given = {"conv.weight": np.ones((1, 1, 3), "float32")}
    layer = fk.from_torch(fk.create("eca", 64), given)

    given["conv.weight"][:] = 7

    assert np.array_equal(fk.state_dict(layer)["conv.weight"], np.ones((1, 1, 3)))


def test_no_memory_is_shared_with_the_module_that_takes_weights():
    block, layer = eca_and_twin()
    fk.from_torch(layer, block)
    before = block.conv.weight.detach().clone()
    fk.to_torch(layer, block)

    layer.conv.kernel.assign(np.full((3, 1, 1), 7.0))

    assert block.conv.weight.equal(before)


def test_no_memory_is_shared_with_a_state_dict():
    _, layer = eca_and_twin()
    fk.from_torch(layer, {"conv.weight": np.ones((1, 1, 3))})

    fk.state_dict(layer)["conv.weight"][:] = 7

    assert np.array_equal(fk.state_dict(layer)["conv.weight"], np.ones((1, 1, 3)))


def test_a_module_in_bfloat16_gives_and_takes_weights():
    block = fv.create("eca", 64, dtype=torch.bfloat16)
    before = block.conv.weight.detach().clone()
    layer = fk.from_torch(fk.create("eca", 64), block)
    found = fk.state_dict(layer)["conv.weight"]

    fk.to_torch(layer, block)

    assert found.dtype == np.float32
    assert np.array_equal(found, before.float().numpy())
    assert block.conv.weight.equal(before)


def test_a_file_of_safetensors_needs_no_module(tmp_path):
    block, layer = eca_and_twin()
    state = {key: values.numpy() for key, values in state_of(block).items()}
    safetensors.save_file(state, tmp_path / "eca.safetensors")

    fk.from_torch(layer, safetensors.load_file(tmp_path / "eca.safetensors"))

    found = fk.state_dict(layer)["conv.weight"]
    assert np.array_equal(found, block.conv.weight.detach().numpy())


class Network(nn.Module):
    """Two convolutions around a block, with names that have an underscore."""

    def __init__(self):
        super().__init__()
        self.stem = nn.ModuleDict({"conv_1": nn.Conv2d(3, 8, 3, padding=1)})
        self.attention = fv.create("cbam", 8, reduction=2)
        self.bn = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        y = self.bn(self.attention(self.stem["conv_1"](x)))
        return self.head(y.mean((2, 3)))


def twin_of_network():
    x = keras.Input((None, None, 3))
    y = keras.layers.Conv2D(8, 3, padding="same", name="stem_conv_1")(x)
    y = fk.create("cbam", reduction=2, name="attention")(y)
    y = keras.layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name="bn")(y)
    y = keras.layers.GlobalAveragePooling2D()(y)
    return keras.Model(x, keras.layers.Dense(5, name="head")(y))


def test_a_network_moves_by_the_names_of_its_layers():
    network = Network().eval()
    network.bn.running_mean.uniform_()
    x = np.random.default_rng(0).standard_normal((2, 9, 7, 3)).astype("float32")

    model = fk.from_torch(twin_of_network(), network)

    with torch.no_grad():
        wanted = network(torch.tensor(x.transpose(0, 3, 1, 2))).numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, atol=1e-5)


def test_a_network_moves_back_too():
    network, other = Network(), Network()

    fk.to_torch(fk.from_torch(twin_of_network(), network), other)

    after = state_of(other)
    assert all(after[key].equal(values) for key, values in state_of(network).items())


def test_what_torch_counts_stays_as_it_is():
    network = Network()
    network.bn.num_batches_tracked.fill_(9)

    fk.to_torch(twin_of_network(), network)

    assert int(network.bn.num_batches_tracked) == 9


@pytest.mark.parametrize(
    ("layer", "module", "channels"),
    [
        (layers.Conv1D(4, 3), nn.Conv1d(6, 4, 3), 6),
        (layers.Conv2D(4, (1, 3), groups=2), nn.Conv2d(6, 4, (1, 3), groups=2), 6),
        (layers.Conv2DTranspose(4, 2), nn.ConvTranspose2d(6, 4, 2), 6),
        (layers.DepthwiseConv2D(3), nn.Conv2d(6, 6, 3, groups=6), 6),
        (layers.Dense(4), nn.Linear(6, 4), 6),
        (layers.BatchNormalization(epsilon=1e-5), nn.BatchNorm2d(6), 6),
        (layers.GroupNormalization(2, epsilon=1e-5), nn.GroupNorm(2, 6), 6),
        (layers.LayerNormalization(epsilon=1e-5), nn.LayerNorm(6), 6),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_layer_of_keras_answers_as_its_counterpart(layer, module, channels):
    sides = (7,) if isinstance(layer, layers.Conv1D) else (7, 5)
    x = np.random.default_rng(0).standard_normal((2, *sides, channels), "float32")
    layer.build(x.shape)
    for value in module.parameters():
        nn.init.normal_(value)

    fk.from_torch(layer, module)

    last = isinstance(module, nn.Linear | nn.LayerNorm)
    turned = torch.tensor(x if last else np.moveaxis(x, -1, 1))
    wanted = module.eval()(turned).detach().numpy()
    found = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(
        found, wanted if last else np.moveaxis(wanted, 1, -1), atol=1e-5
    )


def test_two_keys_that_differ_by_an_underscore_are_told_apart():
    inner = keras.Sequential([keras.Input((2,)), layers.Dense(3, name="b")], name="a")
    rest = [layers.Dense(3, name="a_b"), layers.Dense(3, name="c_d")]
    model = keras.Sequential([keras.Input((2,)), inner, *rest])
    values = {"a.b": np.full((3, 2), 1), "a_b": np.full((3, 3), 2)}
    values["c.d"] = np.full((3, 3), 3)
    state = {f"{name}.weight": kernel for name, kernel in values.items()}
    state |= {f"{name}.bias": np.zeros(3) for name in values}

    fk.from_torch(model, state)

    assert [kernel.max() for kernel in model.get_weights()[::2]] == [1, 2, 3]


class Twice(keras.layers.Layer):
    """One layer under two names."""

    def __init__(self):
        super().__init__(name="twice")
        self.first = self.second = layers.Dense(2)

    def build(self, input_shape):
        self.first.build(input_shape)
        self.built = True


def test_a_variable_that_stands_in_two_places_is_refused():
    layer = Twice()
    layer.build((None, 3))

    with pytest.raises(WeightsError, match="variables that stand in two places"):
        fk.state_dict(layer)


def test_a_layer_that_torch_has_not_is_named():
    model = keras.Sequential([keras.Input((7, 4)), keras.layers.LSTM(3, name="memory")])

    with pytest.raises(
        WeightsError, match=r"no counterpart in PyTorch is known for .*memory"
    ):
        fk.state_dict(model)
