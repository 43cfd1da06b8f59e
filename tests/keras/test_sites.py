"""Where a block can go in a Keras model, and which places a selector means."""

import keras
import numpy as np
import pytest
from keras import layers

import foveate.keras as fk
from foveate.errors import OptionError, SiteError


def residual_model(side=(17, 13), channels_first=False):
    """A stem, a residual block and a strided one, over images of odd sides."""
    order = "channels_first" if channels_first else "channels_last"
    axis = 1 if channels_first else -1
    shape = (3, *side) if channels_first else (*side, 3)

    def conv(filters, name, **options):
        own = {"padding": "same", "data_format": order, "name": name}
        return layers.Conv2D(filters, 3, **own, **options)

    x = keras.Input(shape, name="image")
    y = layers.Rescaling(1 / 255, name="scale")(x)
    y = conv(4, "stem", strides=2)(y)
    z = layers.BatchNormalization(axis=axis, name="norm")(conv(4, "conv")(y))
    y = layers.ReLU(name="act")(layers.Add(name="add")([y, z]))
    y = conv(8, "down", strides=2)(y)
    y = layers.ReLU(name="last")(y)
    y = layers.GlobalAveragePooling2D(data_format=order, name="pool")(y)
    return keras.Model(x, layers.Dense(3, name="head")(y), name="small")


def paths(model, at, **options):
    return [site.path for site in fk.sites(model, at=at, **options)]


def test_sites_are_the_layers_with_maps_and_print_as_a_table():
    found = fk.sites(residual_model())

    assert [site.path for site in found] == [
        "scale", "stem", "conv", "norm", "add", "act", "down", "last",
    ]  # fmt: skip
    assert str(found).splitlines()[-1].split() == [
        "last", "ReLU", "8", "x", "5x4", "3.4", "stage:1",
    ]  # fmt: skip


def test_sizes_of_channels_first_maps_are_read_in_their_order():
    site = fk.sites(residual_model(channels_first=True), at="add")[0]

    assert (site.channels, site.size, site.stride) == (4, (9, 7), 1.89)


def test_images_with_channels_first_may_be_turned_before_the_first_layer():
    x = keras.Input((3, 17, 13))
    turned = layers.Permute((2, 3, 1), name="turn")(x)

    found = fk.sites(keras.Model(x, residual_model()(turned)))

    assert (found["turn"].channels, found["turn"].size) == (3, (17, 13))
    assert found["small/last"].stride == 3.4


def test_turning_images_ends_no_stage():
    x = keras.Input((3, 17, 13))
    y = layers.Conv2D(4, 3, strides=2, name="a")(layers.Permute((2, 3, 1))(x))
    y = layers.ReLU(name="act")(y)
    model = keras.Model(x, layers.Conv2D(8, 3, strides=2, name="b")(y))

    assert paths(model, "stage:0") == ["act"]
    assert fk.sites(model)["act"].channels == 4


def test_stages_end_before_a_decoder_and_before_the_head():
    model = residual_model()
    x = model.get_layer("last").output
    wide = layers.UpSampling2D(2)(x)
    one = layers.GlobalAveragePooling2D(keepdims=True)(x)

    for y in (layers.Conv2D(3, 1)(wide), layers.Conv2D(3, 1)(one)):
        assert paths(keras.Model(model.input, y), "stage:-1") == ["last"]


def test_maps_of_whole_numbers_take_no_block():
    x = keras.Input((9, 7, 3), dtype="int32")
    site = fk.sites(keras.Model(x, layers.Identity(name="same")(x)), at="same")[0]

    assert site.refusals["after"].startswith("returns maps of int32")


def test_a_stage_ends_where_all_goes_through_the_last_layer_of_a_size():
    stages = {
        s.stage: s.path for s in fk.sites(residual_model()) if s.stage is not None
    }

    # what prepares the image, and what a shortcut passes by, ends none
    assert stages == {0: "act", 1: "last"}


def test_stages_are_found_in_a_model_within_a_model():
    x = keras.Input((17, 13, 3))
    inner = residual_model()
    trunk = keras.Model(inner.input, inner.get_layer("last").output, name="trunk")
    model = keras.Model(x, layers.Flatten()(trunk(x)))

    assert paths(model, "stage:-1") == ["trunk/last"]


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("act", ["act"]),
        ("a*", ["add", "act"]),
        ("{stem,down}", ["stem", "down"]),
        ("re:.*n.*", ["conv", "norm", "down"]),
        ("type:Conv2D|Add", ["stem", "conv", "add", "down"]),
        ("stage:0", ["act"]),
        (layers.ReLU, ["act", "last"]),
        (["last", "stem"], ["stem", "last"]),
        (lambda site: site.channels == 8, ["down", "last"]),
    ],
)
def test_a_selector_means(at, found):
    assert paths(residual_model(), at) == found


def test_a_star_stays_within_one_model_and_two_span_several():
    x = keras.Input((17, 13, 3))
    inner = residual_model()
    trunk = keras.Model(inner.input, inner.get_layer("last").output, name="trunk")
    model = keras.Model(x, layers.ReLU(name="last")(trunk(x)))

    assert paths(model, "l*") == ["last"]
    assert paths(model, "trunk/l*") == ["trunk/last"]
    assert paths(model, "**/last") == ["trunk/last", "last"]


def test_layers_of_a_model_within_come_before_that_model():
    inner = keras.Sequential(
        [keras.Input((9, 7, 3)), layers.ReLU(name="a"), layers.ReLU(name="b")],
        name="inner",
    )
    x = keras.Input((9, 7, 3))

    assert [s.path for s in fk.sites(keras.Model(x, inner(x)))] == [
        "inner/a",
        "inner/b",
        "inner",
    ]


def test_operations_of_keras_ops_are_sites():
    x = keras.Input((9, 7, 3))
    y = layers.Conv2D(3, 3, padding="same", name="conv")(x)
    model = keras.Model(x, keras.ops.add(x, y))

    assert [s.type for s in fk.sites(model)] == ["Conv2D", "Add"]


def test_asking_for_a_layer_without_maps_says_why_it_takes_no_block():
    site = fk.sites(residual_model(), at="pool")[0]

    assert site.refusals["after"].startswith("returns (None, 8), no feature maps")


def test_a_model_of_any_size_asks_for_an_example():
    model = residual_model(side=(None, None))

    with pytest.raises(OptionError, match=r"example=\(1, 224, 224, 3\)"):
        fk.sites(model)

    assert fk.sites(model, (1, 33, 20, 3), at="last")[0].size == (9, 5)


def test_an_example_may_be_images():
    images = np.zeros((2, 33, 20, 3), "float32")

    assert fk.sites(residual_model((None, None)), images).example == ((2, 33, 20, 3),)


def test_several_inputs_take_a_shape_each():
    x, y = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    model = keras.Model([x, y], layers.Add(name="add")([x, y]))

    found = fk.sites(model, [(1, 9, 7, 3), (1, 9, 7, 3)])

    assert found["add"].size == (9, 7)


@pytest.mark.parametrize(
    "example", [(1, 3, 33, 20), (33, 20, 3), 5, (1, 0, 20, 3), [(1, 9, 7, 3)] * 2]
)
def test_an_example_that_does_not_fit_is_refused(example):
    with pytest.raises(OptionError, match=r"small takes \(None, None, None, 3\), got"):
        fk.sites(residual_model((None, None)), example)


@pytest.mark.parametrize(
    ("at", "error", "message"),
    [
        ("stm", SiteError, "no layer matches 'stm'. Did you mean 'stem'"),
        ("block_*", SiteError, "Layers there: scale, stem"),
        ("type:Conv3D", SiteError, "no layer of type 'Conv3D'. Known: Add, Batch"),
        ("stage:7", SiteError, "no stage 7. This host has the stages 0, 1"),
        ("stage:last", OptionError, "a stage is written stage:N"),
        ("{stem", OptionError, "cannot read '{stem'"),
        ("image", SiteError, "image is an input, which no layer returns"),
        ("stem/conv", SiteError, "stem is a Conv2D and no model of layers"),
        (layers.Conv3D, SiteError, "no layer is a Conv3D. Types there are: Add, "),
        (lambda _: False, SiteError, "is true of no layer"),
        (3, OptionError, "expected a pattern such as"),
    ],
)
def test_a_selector_that_means_nothing_is_refused(at, error, message):
    with pytest.raises(error) as caught:
        fk.sites(residual_model(), at=at)

    assert message in str(caught.value)


def test_a_layer_itself_is_answered_with_its_name():
    model = residual_model()

    with pytest.raises(OptionError, match="Its name is 'stem'"):
        fk.sites(model, at=model.get_layer("stem"))


def test_a_model_without_stages_says_so():
    model = keras.Sequential([keras.Input((9, 7, 3)), layers.ReLU(name="act")])

    with pytest.raises(SiteError, match="does not say where its stages end"):
        fk.sites(model, at="stage:-1")


class Subclassed(keras.Model):
    """A model whose call is code."""

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (
            lambda: Subclassed(name="mine"),
            SiteError,
            "mine: Subclassed is a subclassed",
        ),
        (
            lambda: keras.Sequential([layers.ReLU()], name="s"),
            SiteError,
            "s: this sequential model does not know the shape",
        ),
        (layers.ReLU, OptionError, "expected a keras.Model, got ReLU"),
    ],
)
def test_what_has_no_graph_is_refused(model, error, message):
    with pytest.raises(error) as caught:
        fk.sites(model())

    assert message in str(caught.value)
