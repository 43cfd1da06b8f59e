"""Residual blocks: equal to those for PyTorch, and what they take for attention."""

import keras
import numpy as np
import pytest
import torch

import foveate as fv
import foveate.keras as fk
from foveate.backbones import _blocks
from foveate.errors import OptionError, ShapeError, UnknownNameError, UnknownOptionError

# the only backend that computes all of a network in float64
DTYPE = "float64" if keras.backend.backend() == "tensorflow" else "float32"
TOLERANCE = 1e-12 if DTYPE == "float64" else 1e-5

KINDS = {
    "basic": (_blocks.Basic, {}),
    "bottleneck": (_blocks.Bottleneck, {"bottleneck": True}),
    "basic v2": (_blocks.PreActivationBasic, {"pre_activation": True}),
    "bottleneck v2": (
        _blocks.PreActivationBottleneck,
        {"bottleneck": True, "pre_activation": True},
    ),
}

kinds = pytest.mark.parametrize("kind", KINDS)


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(DTYPE)


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE * np.abs(want).max())


def pair(kind, *, attention="se", place="branch_end", stride=1, channels=8, **options):
    """Return a block for PyTorch and its twin, of the same weights."""
    cls, own = KINDS[kind]
    theirs = cls(channels, 8, stride=stride).to(getattr(torch, DTYPE))
    if attention:
        block = fv.create(attention, theirs.channels_at(place))
        relu = options.get("relu_before_attention", False)
        theirs.attend(block.to(getattr(torch, DTYPE)), place, relu_before=relu)
    for value in theirs.parameters():
        torch.nn.init.normal_(value, std=0.3)
    options = {"stride": stride, "attention": attention, **own, **options}
    layer = fk.ResidualBlock(8, dtype=DTYPE, **options)
    first = layer.data_format == "channels_first"
    layer.build((None, channels, None, None) if first else (None, None, None, channels))
    return theirs, fk.from_torch(layer, theirs)


@kinds
@pytest.mark.parametrize(
    ("stride", "channels", "data_format"),
    [(1, 8, "channels_last"), (3, 5, "channels_first")],
)
def test_numbers_are_those_of_the_block_for_pytorch(
    kind, stride, channels, data_format
):
    theirs, ours = pair(kind, stride=stride, channels=channels, data_format=data_format)
    turn = (0, 2, 3, 1) if data_format == "channels_last" else (0, 1, 2, 3)

    for training, size in ((True, (13, 9)), (False, (13, 9)), (False, (1, 5))):
        x = images(2, channels, *size)
        want = theirs.train(training)(torch.tensor(x)).detach().numpy()
        got = numbers(ours(x.transpose(turn), training=training))
        close(got, want.transpose(turn))
    for key, value in fk.state_dict(ours).items():
        close(value, theirs.state_dict()[key].numpy())


@kinds
def test_simam_stands_after_the_second_convolution(kind):
    theirs, ours = pair(kind, attention="simam", place="after_conv2")
    x = images(2, 8, 7, 5)

    want = theirs.eval()(torch.tensor(x)).detach().numpy()

    close(numbers(ours(x.transpose(0, 2, 3, 1))), want.transpose(0, 2, 3, 1))


@kinds
def test_a_block_can_be_put_after_the_second_convolution(kind):
    place = "after_conv2"
    theirs, ours = pair(kind, place=place, attention_place=place)
    x = images(2, 8, 7, 5)

    want = theirs.eval()(torch.tensor(x)).detach().numpy()

    close(numbers(ours(x.transpose(0, 2, 3, 1))), want.transpose(0, 2, 3, 1))


def test_the_copied_order_equals_that_of_pytorch_and_only_increases_activations():
    theirs, ours = pair("basic v2", relu_before_attention=True)
    x = images(2, 8, 7, 5)

    want = theirs.eval()(torch.tensor(x)).detach().numpy().transpose(0, 2, 3, 1)
    got = numbers(ours(x.transpose(0, 2, 3, 1)))

    close(got, want)
    assert (got >= x.transpose(0, 2, 3, 1)).all()


@pytest.mark.parametrize("stride_at", ["3x3", "1x1"])
def test_the_stride_of_a_bottleneck_stands_where_it_is_told(stride_at):
    theirs = _blocks.Bottleneck(8, 4, stride=2, stride_at=stride_at).eval()
    ours = fk.ResidualBlock(4, stride=2, bottleneck=True, stride_at=stride_at)
    ours.build((None, None, None, 8))
    x = images(2, 8, 9, 7).astype("float32")

    fk.from_torch(ours, theirs)

    want = theirs(torch.tensor(x)).detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(numbers(ours(x.transpose(0, 2, 3, 1))), want, atol=1e-5)


@kinds
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_the_shape_is_known_before_it_is_called(kind, data_format):
    sizes = [2, 7, 10]
    sizes.insert(3 if data_format == "channels_last" else 1, 5)
    own = {"data_format": data_format, **KINDS[kind][1]}
    block = fk.ResidualBlock(4, stride=3, **own)

    shape = block.compute_output_shape(tuple(sizes))

    assert tuple(block(images(*sizes)).shape) == shape


def test_what_is_not_known_of_a_shape_stays_unknown():
    block = fk.ResidualBlock(4, stride=2)

    assert block.compute_output_shape((None, 5, None, 3)) == (None, 3, None, 4)


class Doubled(keras.layers.Layer):
    """Somebody's layer, with a part that is built when it is called."""

    def __init__(self, channels=None, **own):
        super().__init__(**own)
        self.dense = keras.layers.Dense(channels, kernel_initializer="identity")

    def call(self, inputs):
        return 2 * self.dense(inputs)


@pytest.mark.parametrize(
    "attention",
    [
        "cbam",
        "cbam.keras",
        fk.CBAM,
        fk.SimAM,
        lambda channels: fk.ECA(channels, kernel_size=5, data_format="channels_first"),
    ],
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_what_attention_may_be_is_saved_and_loaded(attention, data_format, tmp_path):
    sides = (None, None, 8) if data_format == "channels_last" else (8, None, None)
    inputs = keras.Input(sides)
    block = fk.ResidualBlock(
        8, bottleneck=True, attention=attention, data_format=data_format
    )
    model = keras.Model(inputs, block(inputs))
    x = images(2, *(side or 8 for side in sides)).astype("float32")

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(numbers(again(x)), numbers(model(x)))
    assert type(again.layers[1].attention) is type(block.attention)
    assert again.layers[1].attention.data_format == block.attention.data_format


def test_attention_may_be_a_layer_of_ours():
    attention = fk.SqueezeExcite(reduction=2)

    block = fk.ResidualBlock(8, attention=attention)
    block(images(1, 5, 4, 8))

    assert block.attention is attention
    assert attention.built_channels == 8


def test_attention_may_be_a_layer_of_somebody_else():
    block = fk.ResidualBlock(8, attention=Doubled)
    plain = fk.ResidualBlock(8)
    x = images(1, 5, 4, 8).astype("float32")
    block.build(x.shape)
    plain.build(x.shape)
    state = fk.state_dict(block)
    fk.from_torch(plain, {k: v for k, v in state.items() if "attention" not in k})

    # the branch is what the last BatchNorm gives; twice as much with its scale doubled
    plain.bn2.gamma.assign(2 * plain.bn2.gamma)

    np.testing.assert_allclose(numbers(block(x)), numbers(plain(x)), rtol=1e-5)


def test_attention_has_the_dtype_policy_of_its_block():
    block = fk.ResidualBlock(8, attention="cbam", dtype="mixed_bfloat16")

    y = block(images(2, 5, 4, 8))

    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert block.attention.channel.fc1.compute_dtype == "bfloat16"
    assert block.attention.channel.fc1.kernel.dtype == "float32"


def test_attention_of_another_policy_keeps_the_dtype_of_its_block():
    block = fk.ResidualBlock(8, attention=Doubled, dtype="mixed_bfloat16")

    y = block(images(2, 5, 4, 8))

    assert block.attention.compute_dtype == "float32"
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"


def test_no_block_changes_the_first_weights_of_the_rest():
    states = []
    for attention in (None, "cbam"):
        block = fk.ResidualBlock(8, stride=2, attention=attention, seed=3)
        block.build((None, None, None, 8))
        states.append(fk.state_dict(block))
    plain, attended = states

    assert all((attended[key] == plain[key]).all() for key in plain)
    assert not np.array_equal(plain["conv2.weight"], plain["conv1.weight"])


def test_sides_may_be_unknown():
    inputs = keras.Input((None, None, 4))
    block = fk.ResidualBlock(8, stride=2, attention="cbam")
    model = keras.Model(inputs, block(inputs))

    for size in ((8, 6), (13, 9)):
        x = images(2, *size, 4).astype("float32")
        got = model.predict(x, verbose=0)
        np.testing.assert_allclose(got, numbers(block(x)), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"filters": 0}, OptionError, "filters must be greater than 0, got 0"),
        ({"stride": 1.5}, OptionError, "stride must be a whole number"),
        ({"bottleneck": 1}, OptionError, "bottleneck must be True or False"),
        ({"stride_at": "1x1"}, OptionError, "stride_at='1x1' needs bottlenecks"),
        ({"data_format": "NCHW"}, OptionError, "data_format cannot be 'NCHW'"),
        ({"attention": "cbm"}, UnknownNameError, "Did you mean 'cbam'"),
        ({"attention": "gated"}, OptionError, "'gated' is a fusion of several"),
        ({"attention": 3}, OptionError, r"got 3 \(int\)"),
        (
            {"attention": "se", "attention_options": {"ratio": 8}},
            UnknownOptionError,
            "no option 'ratio'",
        ),
        (
            {"attention": fk.ECA, "attention_options": {"b": 1}},
            OptionError,
            "attention_options go with the name of a block",
        ),
        (
            {"relu_before_attention": True},
            OptionError,
            "relu_before_attention needs attention, got attention=None",
        ),
        (
            {"relu_before_attention": True, "attention": "simam"},
            OptionError,
            "but here it goes after_conv2",
        ),
        (
            {"attention": "se", "attention_place": "end"},
            OptionError,
            "attention_place cannot be 'end'",
        ),
    ],
)
def test_an_option_that_cannot_work_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        fk.ResidualBlock(**{"filters": 8, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "shuffle"}, "here: ShuffleAttention: channels must be a mult"),
        ({"attention": fk.ShuffleAttention}, "here: ShuffleAttention: channels must"),
        ({"attention": str}, "here: attention must make a Keras layer from 5 channels"),
        (
            {"attention": fk.SimAM, "relu_before_attention": True},
            "but here it goes after_conv2",
        ),
    ],
)
def test_a_block_that_does_not_fit_is_refused_by_the_name_of_its_layer(
    options, message
):
    block = fk.ResidualBlock(5, name="here", **options)

    with pytest.raises(OptionError, match=message):
        block.build((None, None, None, 5))


@pytest.mark.parametrize(
    ("data_format", "shape", "message"),
    [
        ("channels_last", (None, 8, 8), r"expects \(B, H, W, C\), got \(None, 8, 8\)"),
        ("channels_last", (None, 8, 8, None), "must be known"),
        ("channels_first", (None, None, 8, 8), "must be known"),
    ],
)
def test_an_input_that_is_no_map_of_known_channels_is_refused(
    data_format, shape, message
):
    block = fk.ResidualBlock(8, data_format=data_format)

    with pytest.raises(ShapeError, match=message):
        block.build(shape)
