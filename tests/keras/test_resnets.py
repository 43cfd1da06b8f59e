"""Whole networks: equal to those for PyTorch, in numbers, training, first weights."""

import functools

import keras
import numpy as np
import pytest
import torch

import foveate.keras as fk
from foveate import backbones
from foveate.errors import OptionError, UnknownNameError

BACKEND = keras.backend.backend()

# the only backend that computes all of a network in float64
DTYPE = "float64" if BACKEND == "tensorflow" else "float32"
TOLERANCE = 1e-10 if DTYPE == "float64" else 1e-4

NAMES = [name for name in backbones.names() if not name.endswith("_fpn")]
TINY = {"width": 4, "num_classes": 5}

FIRST = ("resnet10", {"attention": "se"})
SECOND = ("resnet10v2", {"attention": "eca", "stem": "half"})
OTHERS = [
    ("resnet18", {"attention": "simam", "stem": "small"}),
    ("resnet18v2", {"attention": "cbam", "attention_stages": (2, 4)}),
    ("resnet50", {"stride_at": "1x1", "attention": "coordinate"}),
    ("resnet50v2", {"in_channels": 1, "attention": "simam"}),
]

both = pytest.mark.parametrize(("name", "options"), [FIRST, SECOND])
# JAX compiles every operation for each of the many shapes of a deep network
not_jax = pytest.mark.skipif(BACKEND == "jax", reason="takes minutes to compile")


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(DTYPE)


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE * np.abs(want).max())


@functools.cache
def created(name, **options):
    """Return one network for all tests, each of which sets its weights."""
    return fk.resnet(name, dtype=DTYPE, data_format="channels_last", **TINY, **options)


def pair(name, options):
    """Return a network for PyTorch, all of whose numbers are random, and its twin."""
    torch.manual_seed(0)
    theirs = backbones.create(name, **TINY, **options).to(getattr(torch, DTYPE))
    for key, value in theirs.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif key.endswith("running_mean"):
            value.normal_(std=0.1)
    if name in {FIRST[0], SECOND[0]}:
        return theirs, fk.from_torch(created(name, **options), theirs)
    return theirs, fk.from_torch(
        fk.resnet(name, dtype=DTYPE, **TINY, **options), theirs
    )


def named_as_theirs(model):
    return {key.replace(".", "_"): v for key, v in fk.state_dict(model).items()}


def check_stages_and_logits(theirs, ours, x):
    depths = [len(getattr(theirs, f"layer{stage}")) for stage in (1, 2, 3, 4)]
    names = [f"layer{stage}_{depth - 1}" for stage, depth in enumerate(depths, 1)]
    outputs = [ours.get_layer(name).output for name in names]
    tapped = keras.Model(ours.input, [*outputs, ours.output])

    *found, logits = tapped.predict_on_batch(x.transpose(0, 2, 3, 1))

    wanted = theirs.eval()(torch.tensor(x)).detach().numpy()
    assert np.ptp(wanted, axis=0).max() > 1e-3  # the images are told apart
    close(logits, wanted)
    for got, want in zip(found, theirs.features(torch.tensor(x)), strict=True):
        close(got.transpose(0, 3, 1, 2), want.detach().numpy())


@pytest.mark.slow
@both
def test_stages_and_logits_are_those_of_the_network_for_pytorch(name, options):
    theirs, ours = pair(name, options)

    check_stages_and_logits(theirs, ours, images(2, 3, 33, 47))


@not_jax
@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), OTHERS)
def test_those_of_deep_networks_are_too(name, options):
    theirs, ours = pair(name, options)

    check_stages_and_logits(
        theirs, ours, images(2, options.get("in_channels", 3), 33, 47)
    )


@pytest.mark.slow
@both
def test_a_step_of_training_gives_the_weights_that_pytorch_gets(name, options):
    theirs, ours = pair(name, options)
    x, labels = images(4, 3, 65, 49), np.array([0, 3, 4, 1])
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.125)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype=DTYPE)
    ours.compile(keras.optimizers.SGD(0.125), loss)

    answers = theirs.train()(torch.tensor(x))
    torch.nn.functional.cross_entropy(answers, torch.tensor(labels)).backward()
    optimizer.step()
    ours.train_on_batch(x.transpose(0, 2, 3, 1), labels)

    found = named_as_theirs(ours)
    for key, value in theirs.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            np.testing.assert_allclose(
                found[key.replace(".", "_")], value.numpy(), rtol=0, atol=TOLERANCE
            )


@pytest.mark.slow
@both
def test_weights_there_and_back_are_the_same_bit_for_bit(name, options):
    theirs, ours = pair(name, options)
    other = backbones.create(name, **TINY, **options)

    fk.to_torch(ours, other.to(getattr(torch, DTYPE)))

    for key, value in theirs.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


@not_jax
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_network_has_the_weights_of_that_for_pytorch(name):
    with torch.device("meta"):
        theirs = backbones.create(name, width=1, num_classes=2).state_dict()
    shapes = {
        key.replace(".", "_"): tuple(value.shape)
        for key, value in theirs.items()
        if not key.endswith("num_batches_tracked")
    }

    ours = named_as_theirs(fk.resnet(name, width=1, num_classes=2))

    assert {key: value.shape for key, value in ours.items()} == shapes


@not_jax
@pytest.mark.slow
def test_a_network_has_as_many_parameters_as_that_of_torchvision():
    model = fk.resnet("resnet18")

    # and two statistics for each of 4800 channels
    assert model.count_params() == 11_689_512 + 2 * 4800


@pytest.mark.slow
def test_images_may_come_with_channels_first():
    theirs, ours = pair(*FIRST)
    other = fk.resnet(
        FIRST[0], data_format="channels_first", dtype=DTYPE, **TINY, **FIRST[1]
    )
    x = images(2, 3, 18, 27)

    fk.from_torch(other, theirs)

    got = other.predict_on_batch(x)
    close(got, ours.predict_on_batch(x.transpose(0, 2, 3, 1)))


@pytest.mark.slow
@both
def test_a_network_is_saved_and_loaded(name, options, tmp_path):
    _, model = pair(name, options)
    x = images(2, 18, 27, 3)

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(again.predict_on_batch(x), model.predict_on_batch(x))
    assert again.name == name


@pytest.mark.slow
def test_images_of_any_size_are_predicted():
    theirs, ours = pair(*SECOND)

    for size in ((32, 48), (33, 25), (1, 5)):
        x = images(2, 3, *size)
        want = theirs.eval()(torch.tensor(x)).detach().numpy()
        got = ours.predict(x.transpose(0, 2, 3, 1), verbose=0)
        # it makes its images float32
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def partly():
    """A network of a given size with attention in two of its stages."""
    make = functools.partial(fk.CBAM, reduction=2)
    own = {"attention": make, "attention_stages": (3, 4), "spatial_size": (32, 48)}
    return fk.resnet("resnet10", dtype="mixed_bfloat16", **TINY, **own)


@pytest.mark.slow
def test_the_size_of_images_can_be_given(partly):
    assert partly.input_shape == (None, 32, 48, 3)
    assert partly.get_layer("layer4_0").output.shape == (None, 1, 2, 32)


@pytest.mark.slow
def test_each_residual_block_gets_its_own(partly):
    blocks = [partly.get_layer(f"layer{stage}_0").attention for stage in (1, 2, 3, 4)]

    assert blocks[:2] == [None, None]
    assert blocks[2] is not blocks[3]
    assert blocks[3].channel.fc1.filters == 16


@pytest.mark.slow
def test_half_precision_gives_finite_logits(partly):
    y = partly.predict_on_batch(images(2, 32, 48, 3).astype("float32"))

    assert "bfloat16" in str(y.dtype)
    assert np.isfinite(y.astype("float32")).all()


@pytest.fixture(scope="module")
def first_weights():
    """The first weights of a network without attention and with it, of one seed."""
    states = []
    for attention in (None, "eca"):
        keras.utils.set_random_seed(3)
        model = fk.resnet("resnet10", attention=attention, **TINY)
        states.append(named_as_theirs(model))
    return states


@pytest.mark.slow
def test_no_block_changes_the_first_weights_of_the_rest(first_weights):
    plain, attended = first_weights

    assert all((attended[key] == plain[key]).all() for key in plain)
    assert len(attended) == len(plain) + 4


@pytest.mark.slow
def test_first_weights_are_as_wide_as_those_of_pytorch(first_weights):
    plain, _ = first_weights

    # normal, of variance 2 / fan-out; uniform up to 1 / sqrt(fan-in)
    fans = {"layer3_0_conv2_weight": 9 * 16, "layer4_0_conv2_weight": 9 * 32}
    for key, fan_out in fans.items():
        np.testing.assert_allclose(plain[key].std(), (2 / fan_out) ** 0.5, rtol=0.1)
    np.testing.assert_allclose(np.abs(plain["fc_weight"]).max(), 32**-0.5, rtol=0.05)
    # a normal that is cut off at two has none there
    weights = plain["layer4_0_conv2_weight"]
    assert np.abs(weights).max() > 3 * weights.std()


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": 0},
        {"in_channels": 1.5},
        {"width": True},
        {"stem": "tiny"},
        {"stride_at": "1x1"},
        {"stride_at": "2x2"},
        {"attention_stages": ()},
        {"attention_stages": (5,)},
        {"attention_stages": (1, 1)},
        {"attention_place": "end", "attention": "se"},
        {"relu_before_attention": True},
        {"attention": "cbm"},
        {"attention": "se", "attention_options": {"ratio": 2}},
        {"attention": "se", "attention_options": {"reduction": 0}},
    ],
)
def test_what_pytorch_refuses_is_refused_by_the_same_error(options):
    with pytest.raises((OptionError, LookupError, TypeError)) as wanted:
        backbones.create("resnet10", **options)

    with pytest.raises(type(wanted.value)) as found:
        fk.resnet("resnet10", **options)

    # there the site of the first block stands before a message of the block itself
    assert str(wanted.value).removeprefix("layer1.0: ") == str(found.value)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("resnet19", {}, UnknownNameError, "Did you mean 'resnet1"),
        ("resnet18_fpn", {}, UnknownNameError, "pyramids exist for PyTorch alone"),
        ("resnet10", {"attention": "add"}, OptionError, "ResNet: attention takes one"),
        ("resnet10", {"attention": 3}, OptionError, r"got 3 \(int\)"),
        ("resnet10", {"spatial_size": 32}, OptionError, r"must be \(H, W\)"),
        (
            "resnet10",
            {"attention": "shuffle", "width": 5},
            OptionError,
            "layer1_0: ShuffleAttention: channels must be a multiple of 16",
        ),
    ],
)
def test_what_cannot_work_is_refused(name, options, error, message):
    with pytest.raises(error, match=message):
        fk.resnet(name, **options)


def test_one_layer_cannot_be_the_attention_of_many():
    with pytest.raises(OptionError, match="give the class, not an object of it"):
        fk.resnet("resnet10", attention=fk.SimAM())
