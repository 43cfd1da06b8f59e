"""What is looked at in a Keras model, and that it stays as it was."""

import json

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops
from PIL import Image
from torch import nn

import foveate as fv
import foveate.keras as fk
from foveate.errors import ImageError, OptionError, ShapeError, SiteError
from foveate.keras._parts import parts_of

METHODS = ("layercam", "gradcam", "gradcam++", "eigencam")

# most models here have layers of these sizes: JAX compiles each operation once a size
SIZE = (9, 12, 3)


def images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def classifier(squash="softmax", classes=4):
    """Return a small model with a block, of images of any size."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
            layers.BatchNormalization(name="bn1"),
            fk.create("se", name="attention"),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="conv2"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dropout(0.5),
            layers.Dense(classes, activation=squash, name="fc"),
        ]
    )


class Twin(nn.Module):
    """The same as ``twins`` makes, in PyTorch."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.attention = fv.create("cbam", 8, reduction=2)
        self.conv2 = nn.Conv2d(8, 6, 3, padding=1)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        x = nn.functional.avg_pool2d(self.attention(self.conv1(x).relu()), 2)
        return self.fc(self.relu(self.conv2(x)).mean(dim=(2, 3)))


def twins():
    torch.manual_seed(0)
    twin = Twin().eval()
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1")(image)
    x = fk.create("cbam", reduction=2, name="attention")(x)
    x = layers.AveragePooling2D(2, name="half")(x)
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(4, activation="softmax", name="fc")(x)
    return fk.from_torch(keras.Model(image, x), twin), twin


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_those_of_the_same_network_in_torch(method):
    model, twin = twins()
    x = images(1, *SIZE)

    mine = fk.class_activation(model, x, method=method, targets=2)

    theirs = fv.explain.class_activation(
        twin, torch.tensor(x.transpose(0, 3, 1, 2)), method=method, targets=2
    )
    assert mine.layers == theirs.layers == ("attention",)
    np.testing.assert_allclose(mine.native[0], theirs.native[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mine.maps, theirs.maps, atol=1e-5)
    assert [t.category for t in mine.targets] == [t.category for t in theirs.targets]


@pytest.mark.skipif(
    keras.backend.backend() == "jax",
    reason="compiles each of its layers, and would look where the others do",
)
def test_a_resnet_is_looked_at_where_its_twin_is():
    twin = fv.backbones.create("resnet10", num_classes=5, width=8, attention="se")
    model = fk.resnet("resnet10", num_classes=5, width=8, attention="se")
    fk.from_torch(model, twin.eval())
    x = images(1, 97, 128, 3)

    mine = fk.class_activation(model, x, method="eigencam")

    theirs = fv.explain.class_activation(
        twin, torch.tensor(x.transpose(0, 3, 1, 2)), method="eigencam"
    )
    # the deepest with 7 rows: the last block of the third stage
    assert (mine.layers, theirs.layers) == (("layer3_0",), ("layer3",))
    np.testing.assert_allclose(mine.maps, theirs.maps, atol=1e-5)


def test_a_layer_that_is_named_twice_is_looked_at_once():
    seen = fk.class_activation(
        classifier(), images(1, 9, 12, 3), layer=["conv2", "conv2"]
    )

    assert seen.layers == ("conv2",)
    assert seen.reason == "conv2, as asked"


def test_several_layers_are_brought_together_as_in_torch():
    model, twin = twins()
    x = images(1, *SIZE)

    mine = fk.class_activation(model, x, layer=["attention", "conv2"], targets=2)

    theirs = fv.explain.class_activation(
        twin,
        torch.tensor(x.transpose(0, 3, 1, 2)),
        target_layers=["attention", "relu"],
        targets=2,
    )
    assert [each.shape for each in mine.native] == [(1, 9, 12), (1, 4, 6)]
    np.testing.assert_allclose(mine.maps, theirs.maps, atol=1e-5)


def linear_model(squash=None):
    """Return a model whose logits are means of channels times known weights."""
    image = keras.Input((1, 2, 2))
    x = layers.Identity(name="map")(image)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(2, activation=squash, use_bias=False, name="fc")(x)
    model = keras.Model(image, x)
    model.get_layer("fc").set_weights([np.array([[4.0, -1.0], [-2.0, 1.0]])])
    return model


def test_a_map_is_as_worked_out_by_hand():
    x = np.array([[[[1.0, 3.0], [2.0, 0.5]]]], np.float32)

    seen = fk.class_activation(linear_model("softmax"), x, layer="map", targets=0)

    # the logit is the mean of both places of 4 a - 2 b: gradients are 2 and -1
    np.testing.assert_allclose(seen.native[0], [[[2.0, 4.0]]], rtol=1e-6)
    # 4 * 1.5 - 2 * 1.75 = 2.5 against -1.5 + 1.75 = 0.25: sigmoid(2.25)
    assert seen.targets[0].score == pytest.approx(0.904651, rel=1e-5)
    assert seen.targets[0].label == "class 0 (0.90)"


def softmax_twice_named(x):
    return layers.Activation("linear", dtype="float32")(layers.Softmax()(x))


def softmax_passed_on(x):
    return layers.Dropout(0.5)(layers.Identity()(layers.Softmax()(x)))


@pytest.mark.parametrize(
    "end",
    [
        layers.Softmax(),
        layers.Activation("softmax"),
        ops.softmax,
        softmax_twice_named,
        softmax_passed_on,
    ],
    ids=["layer", "activation", "operation", "within", "passed on"],
)
def test_gradients_are_of_logits_however_a_model_ends_in_softmax(end):
    plain = linear_model()
    ended = keras.Model(plain.input, end(plain.output))
    x = images(2, 1, 2, 2)

    seen = fk.class_activation(ended, 40 * x, layer="map", targets=[0, 1])

    expected = fk.class_activation(plain, 40 * x, layer="map", targets=[0, 1])
    np.testing.assert_array_equal(seen.native[0], expected.native[0])
    assert expected.native[0].any()
    assert [t.label for t in seen.targets] == [t.label for t in expected.targets]


@pytest.mark.parametrize("squash", ["sigmoid", None])
def test_one_logit_speaks_for_its_class_with_or_without_a_sigmoid(squash):
    model = classifier(squash, classes=1)
    x = images(1, *SIZE)

    seen = fk.class_activation(model, x, layer="conv2")

    answers = ops.convert_to_numpy(model(x, training=False))[:, 0]
    probabilities = answers if squash else 1 / (1 + np.exp(-answers))
    scores = [target.score for target in seen.targets]
    np.testing.assert_allclose(scores, probabilities, rtol=1e-5)


def test_large_logits_do_not_overflow():
    x = np.full((1, 1, 2, 2), 1000, np.float32)

    (target,) = fk.class_activation(linear_model(), x, layer="map").targets

    # the logits are 2000 and 0
    assert target.label == "class 0 (1.00)"


@pytest.mark.parametrize("without", [torch.inference_mode, torch.no_grad])
def test_the_callers_wish_for_no_gradients_does_not_matter(without):
    model, x = classifier(), images(1, *SIZE)
    expected = fk.class_activation(model, x, layer="conv2")

    with without():
        seen = fk.class_activation(model, x, layer="conv2")

    np.testing.assert_array_equal(seen.native[0], expected.native[0])


def test_batches_do_not_change_the_maps():
    model, x = classifier(), images(3, *SIZE)

    in_twos = fk.class_activation(model, x, targets=[0, 1, 2], batch_size=2)

    alone = fk.class_activation(model, x, targets=[0, 1, 2], batch_size=1)
    np.testing.assert_allclose(in_twos.native[0], alone.native[0], atol=1e-6)
    assert [t.category for t in in_twos.targets] == [0, 1, 2]


def test_the_last_layer_with_a_large_map_is_found():
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="first")(image)
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="second")(x)
    x = layers.ZeroPadding2D(1, name="pad")(x)
    x = layers.Conv2D(4, 3, strides=4, name="third")(x)
    model = keras.Model(image, layers.GlobalMaxPooling2D()(x))

    seen = [
        fk.class_activation(model, images(1, side, side + 8, 3), method="eigencam")
        for side in (28, 8)
    ]

    least = "the last layer whose map has at least 7 rows and columns"
    assert [each.reason for each in seen] == [
        f"second, {least} (7x9)",
        "first, the last layer with the largest map (4x8)",
    ]


def test_of_a_model_that_answers_with_maps_the_deepest_layer_is_found():
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="down")(image)
    x = layers.UpSampling2D(2, name="up")(x)
    model = keras.Model(image, layers.Conv2D(2, 1, name="classes")(x))

    seen = fk.class_activation(model, images(1, 16, 18, 3))

    assert seen.reason.startswith("down, the deepest layer whose map has at least 7")


def nested():
    body = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="conv"),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="last"),
        ],
        name="body",
    )
    image = keras.Input(SIZE)
    x = layers.Conv2D(3, 1, name="stem")(image)
    x = layers.GlobalAveragePooling2D()(body(x))
    return keras.Model(image, layers.Dense(3)(x), name="nested"), body


def test_layers_of_a_model_within_a_model_have_both_names():
    model, body = nested()
    x = images(1, *SIZE)

    seen = [
        fk.class_activation(model, x, layer=layer)
        for layer in ("body/last", "last", body.get_layer("last"), None)
    ]

    assert [each.layers for each in seen] == [("body/last",)] * 4
    for each in seen[1:]:
        np.testing.assert_array_equal(each.native[0], seen[0].native[0])


def test_a_name_that_several_layers_have_is_refused():
    image = keras.Input((10, 13, 3))
    x = image
    for name in ("a", "b"):
        conv = layers.Conv2D(3, 1, name="conv")
        x = keras.Sequential([keras.Input((10, 13, 3)), conv], name=name)(x)
    model = keras.Model(image, layers.GlobalAveragePooling2D()(x))

    with pytest.raises(
        SiteError, match=r"2 layers of .* are named 'conv'.*: a/conv, b"
    ):
        fk.class_activation(model, images(1, 10, 13, 3), layer="conv")


def test_a_residual_branch_is_looked_at_by_itself():
    image = keras.Input(SIZE)
    branch = layers.Conv2D(3, 1, name="branch")(image)
    x = layers.GlobalAveragePooling2D()(layers.Add()([image, branch]))
    model = keras.Model(image, x)
    x = images(1, *SIZE)

    seen = fk.class_activation(model, x, method="gradcam", layer="branch", targets=1)

    # the logit is a mean of 108 places, so each has a gradient of 1/108
    activations = ops.convert_to_numpy(model.get_layer("branch")(x))
    expected = np.maximum(activations[..., 1] / 108, 0)
    np.testing.assert_allclose(seen.native[0], expected, rtol=1e-4, atol=1e-7)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.conv = layers.Conv2D(8, 3, padding="same", name="conv")
        self.head = layers.Dense(4, activation="softmax", name="head")
        self.unused = layers.ReLU(name="unused")

    def call(self, x):
        return self.head(ops.mean(self.conv(x), axis=(1, 2)))


def test_a_subclassed_model_is_looked_at_once_it_is_built():
    model, x = Subclassed(), images(1, *SIZE)
    with pytest.raises(OptionError, match=r"own has no weights yet\. Call it on an"):
        fk.class_activation(model, x)
    model(x)

    seen = fk.class_activation(model, x, method="gradcam", targets=1)

    kernel = ops.convert_to_numpy(model.head.kernel)[:, 1]
    weighted = ops.convert_to_numpy(model.conv(x)) @ kernel / 108
    np.testing.assert_allclose(
        seen.native[0], np.maximum(weighted, 0), rtol=1e-3, atol=1e-7
    )
    assert seen.layers == ("conv",)
    with pytest.raises(OptionError, match="unused does not run in evaluation"):
        fk.class_activation(model, x, layer="unused")


class Own(keras.Model):
    """A model whose call is ``answer``, with layers of one name and one held twice."""

    def __init__(self, answer):
        super().__init__(name="own")
        self.answer = answer
        self.body = keras.Sequential([layers.Conv2D(4, 3, name="conv")], name="body")
        self.first = self.body.layers[0]
        self.second = layers.Conv2D(4, 3, name="conv")
        self.third = layers.ReLU(name="conv")
        self.head = layers.Dense(3, activation="softmax", name="head")

    def call(self, x):
        return self.answer(
            self, ops.mean(self.third(self.second(self.body(x))), (1, 2))
        )


def own(answer, x):
    keras.utils.set_random_seed(2)
    model = Own(answer)
    model(x)
    return model


def test_layers_of_one_name_are_numbered_and_one_held_twice_is_one():
    x = images(1, 9, 11, 3)
    model = own(lambda model, x: model.head(x), x)

    names = list(parts_of(model))

    assert names == ["body", "body/conv", "conv", "conv (2)", "head"]
    for name in ("body/conv", "conv"):
        assert fk.class_activation(model, x, layer=name).layers == (name,)


def test_an_end_that_is_worked_on_is_left_as_it_is():
    x = images(1, 9, 11, 3)
    model = own(lambda model, x: 3 * model.head(x), x)

    (target,) = fk.class_activation(model, x, layer="body/conv").targets

    # what it answers counts as logits
    powers = np.exp(ops.convert_to_numpy(model(x))[0])
    assert target.score == pytest.approx(powers.max() / powers.sum())


def test_a_callable_gets_the_share_of_one_image_in_all_that_is_answered():
    x = images(2, 9, 11, 3)
    model = own(lambda model, x: [x, (model.head(x), ops.ones(()))], x)
    shapes = []

    def value(answer):
        features, (shares, scale) = answer
        shapes.append([tuple(each.shape) for each in (features, shares, scale)])
        return scale * features[0]

    fk.class_activation(model, x, layer="body/conv", targets=value)

    assert shapes == [[(4,), (3,), ()]] * 2


def test_probabilities_that_cannot_be_undone_are_told_of():
    model = linear_model()
    ended = keras.Sequential([model, layers.Lambda(ops.softmax)])
    ended.build((None, 1, 2, 2))

    seen = fk.class_activation(ended, images(1, 1, 2, 2), layer="map")

    assert "the model answers with probabilities, whose gradients vanish" in seen.reason


def state_of(model):
    values = [ops.convert_to_numpy(v) for v in model.variables]
    flags = [layer.trainable for layer in model.layers]
    own = [set(vars(layer)) for layer in model.layers]
    return values, flags, own, [v.trainable for v in model.weights]


def test_the_model_is_left_as_it_was():
    model, x = classifier(), images(1, *SIZE)
    model.get_layer("conv1").trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, np.array([1]), verbose=0)
    before, answer = state_of(model), model.predict(x, verbose=0)

    fk.class_activation(model, x)
    fk.block_maps(model, x)
    with pytest.raises(OptionError):
        fk.class_activation(model, x, targets=lambda _: ops.ones(()))

    after = state_of(model)
    for one, other in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert before[1:] == after[1:]
    assert model.compiled
    np.testing.assert_array_equal(model.predict(x, verbose=0), answer)


class Counting(layers.Layer):
    """Counts its calls, also in evaluation."""

    def build(self, _):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.count.assign(self.count + 1)
        return x


def test_what_a_layer_writes_in_evaluation_is_forgotten():
    counting = Counting(name="counting")
    tail = [layers.GlobalAveragePooling2D(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((8, 9, 3)), counting, *tail])
    before = float(ops.convert_to_numpy(counting.count))

    fk.class_activation(model, images(1, 8, 9, 3), layer="counting", targets=0)

    assert float(ops.convert_to_numpy(counting.count)) == before


def test_layers_that_were_quantized_are_seen():
    model = keras.Sequential([keras.Input((8, 9, 3)), layers.Dense(4, name="mix")])
    model.get_layer("mix").quantize("int8")

    seen = fk.class_activation(
        model, images(1, 8, 9, 3), method="eigencam", layer="mix"
    )

    assert seen.native[0].shape == (1, 8, 9)


def test_gradients_that_vanish_in_half_precision_are_the_same():
    native = []
    for dtype in ("float32", "float16"):
        image = keras.Input((64, 64, 2), dtype=dtype)
        x = layers.Identity(name="map", dtype=dtype)(image)
        x = layers.GlobalAveragePooling2D(dtype=dtype)(x)
        model = keras.Model(image, layers.Dense(2, use_bias=False, dtype=dtype)(x))
        model.layers[-1].set_weights([np.full((2, 2), 1e-4)])
        x = np.ones((1, 64, 64, 2), dtype)
        seen = fk.class_activation(model, x, method="gradcam", layer="map", targets=0)
        native.append(seen.native[0])

    # 1e-4 / 4096 is less than the smallest number of float16
    np.testing.assert_allclose(native[0], 2e-4 / 4096, rtol=1e-4)
    np.testing.assert_allclose(native[1], native[0], rtol=0.01)


def test_half_precision_gives_the_maps_of_float32_nearly():
    (model, _), x = nested(), images(1, *SIZE)
    expected = fk.class_activation(model, x, targets=2)
    keras.config.set_dtype_policy("mixed_float16")
    half, body = nested()
    half.set_weights(model.get_weights())

    seen = fk.class_activation(half, x, targets=2)

    assert body.get_layer("last").compute_dtype == "float16"
    assert seen.maps.dtype == np.float32
    np.testing.assert_allclose(seen.maps, expected.maps, atol=0.02)


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="has no such convolution on a CPU"
)
def test_channels_may_come_first():
    last = classifier()
    keras.config.set_image_data_format("channels_first")
    try:
        first = keras.Sequential(
            [
                keras.Input((3, None, None)),
                layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
                layers.BatchNormalization(axis=1, name="bn1"),
                fk.create("se", name="attention"),
                layers.Conv2D(6, 3, padding="same", activation="relu", name="conv2"),
                layers.GlobalAveragePooling2D(name="pool"),
                layers.Dense(4, activation="softmax", name="fc"),
            ]
        )
    finally:
        keras.config.set_image_data_format("channels_last")
    first.set_weights(last.get_weights()[: len(first.weights)])
    x = images(1, *SIZE)

    seen = fk.class_activation(first, x.transpose(0, 3, 1, 2), targets=1)

    expected = fk.class_activation(last, x, targets=1)
    np.testing.assert_allclose(seen.maps, expected.maps, atol=1e-5)
    gates = fk.block_maps(first, x.transpose(0, 3, 1, 2)).gates[0]
    np.testing.assert_allclose(
        gates.values, fk.block_maps(last, x).gates[0].values, atol=1e-6
    )


def test_classes_of_pixels_are_looked_at_where_they_are_predicted():
    image = keras.Input((None, None, 2))
    model = keras.Model(image, layers.Conv2D(2, 1, activation="softmax")(image))
    model.layers[-1].set_weights([np.eye(2)[None, None], np.zeros(2)])
    x = np.zeros((1, 8, 9, 2), np.float32)
    x[..., 0] = 1
    x[0, :2, :9] = (0.0, 3.0)

    seen = fk.class_activation(model, x)

    # 18 of 72 pixels are of class 1, whose logit is the second channel
    assert seen.targets[0].name == "class 1 on 25% of the pixels, class 0 aside"
    np.testing.assert_allclose(seen.native[0][0, :2], 3.0)
    assert not seen.native[0][0, 2:].any()


def test_a_callable_says_what_the_map_is_for():
    image = keras.Input((8, 9, 2))
    named = {"twice": layers.Rescaling(2.0, name="twice")(image), "same": image}
    model = keras.Model(image, named)

    seen = fk.class_activation(
        model,
        np.ones((2, 8, 9, 2)),
        layer="twice",
        targets=lambda answer: ops.sum(answer["twice"][..., 0]),
    )

    np.testing.assert_allclose(seen.native[0], 2.0)
    with pytest.raises(OptionError, match="not known what in it speaks for a class"):
        fk.class_activation(model, np.ones((2, 8, 9, 2)), layer="twice")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"layer": "conv3"}, SiteError, "has no layer 'conv3'. Did you mean 'conv"),
        ({"layer": "fc"}, OptionError, r"fc \(Dense\) returns \(1, 4\), which is no m"),
        ({"layer": []}, OptionError, "got an empty list"),
        ({"layer": layers.ReLU()}, OptionError, "ReLU that was given is no layer wit"),
        ({"targets": 4}, OptionError, "no class 4: this model has 4 classes, 0 to 3"),
        ({"targets": -1}, OptionError, "no class -1"),
        ({"targets": "cat"}, OptionError, "do not name their classes"),
        ({"targets": 1.5}, OptionError, r"got 1.5 \(float\)"),
        ({"targets": True}, OptionError, r"got True \(bool\)"),
        ({"targets": [0]}, OptionError, "one for each of 2 images, got 1"),
        ({"method": "gradcamm"}, OptionError, "Did you mean 'gradcam'"),
        ({"batch_size": 0}, OptionError, "batch_size must be greater than 0"),
        ({"targets": lambda _: ops.ones(())}, OptionError, "does not depend on layer"),
    ],
)
def test_what_cannot_be_is_refused_in_words(options, error, words):
    model = classifier()

    with pytest.raises(error, match=words):
        fk.class_activation(model, images(2, *SIZE), **options)


def test_what_is_no_image_is_refused():
    model = classifier()

    with pytest.raises(ShapeError, match=r"got \(9, 12, 3\). Of one image give image"):
        fk.class_activation(model, images(9, 12, 3))
    with pytest.raises(OptionError, match=r"not run with an input of \(1, 9, 12, 2"):
        fk.class_activation(model, images(1, 9, 12, 2))
    with pytest.raises(OptionError, match=r"expects a keras\.Model, got Conv2D"):
        fk.class_activation(layers.Conv2D(3, 1), images(1, *SIZE))


def test_a_batch_without_images_is_refused():
    with pytest.raises(ShapeError, match=r"got \(0, 9, 12, 3\)"):
        fk.class_activation(classifier(), images(0, 9, 12, 3))


def test_a_model_of_two_inputs_is_refused():
    both = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    model = keras.Model(both, layers.Add()(both), name="pair")

    with pytest.raises(OptionError, match="pair takes 2 inputs"):
        fk.class_activation(model, images(1, 8, 8, 3))


def test_a_layer_that_is_called_twice_has_no_map_of_its_own():
    image = keras.Input((8, 9, 3))
    shared = layers.Conv2D(3, 1, name="shared")
    x = layers.GlobalAveragePooling2D()(shared(shared(image)))
    model = keras.Model(image, x)

    with pytest.raises(OptionError, match="shared runs 2 times for one input"):
        fk.class_activation(model, images(1, 8, 9, 3), layer="shared")
    with pytest.raises(OptionError, match=r"no layer of .* returns a map of the image"):
        fk.class_activation(model, images(1, 8, 9, 3))


def test_numbers_that_are_not_finite_are_refused():
    model, x = classifier(), images(1, *SIZE)
    x[0, 0, 0, 0] = np.nan

    with pytest.raises(OptionError, match="layer 'conv2' is not finite"):
        fk.class_activation(model, x)


def test_blocks_tell_what_they_look_at_in_the_input_that_they_get():
    model, x = twins()[0], images(3, *SIZE)

    seen = fk.block_maps(model, x, batch_size=1)

    before = keras.Model(model.input, model.get_layer("conv1").output)
    maps = model.get_layer("attention").maps(before(x[2:]))
    spatial = ops.convert_to_numpy(maps["spatial"])[0, :, :, 0]
    (heat,) = seen.looked[2]
    assert (heat.where, heat.source, heat.kind) == ("attention", "spatial", "gate")
    np.testing.assert_allclose(heat.values, spatial, atol=1e-6)
    channel = ops.convert_to_numpy(maps["channel"])[:, 0, 0]
    assert seen.gates[0].values.shape == (3, 8)
    np.testing.assert_allclose(seen.gates[0].values[2:], channel, atol=1e-6)
    assert seen.gates[0].block == "CBAM"


@pytest.mark.parametrize("name", ["coordinate", "sk", "shuffle", "criss_cross"])
def test_blocks_show_what_their_twins_in_torch_show(name):
    block = fv.create(name, 32).eval()
    layer = fk.create(name, 32, name="block")
    fk.from_torch(layer, block)
    model = keras.Sequential([keras.Input((5, 7, 32)), layer])
    x = images(1, 5, 7, 32)

    seen = fk.block_maps(model, x, query=(0.1, 0.9))

    host = nn.Sequential(block)
    there = fv.explain.block_maps(
        host, torch.tensor(x.transpose(0, 3, 1, 2)), query=(0.1, 0.9)
    )
    for mine, theirs in zip(seen.looked, there.looked, strict=True):
        assert [h.source for h in mine] == [h.source for h in theirs]
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(one.values, other.values, atol=1e-5)
            assert (one.kind, one.query) == (other.kind, other.query)
    for one, other in zip(seen.gates, there.gates, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)
    for one, other in zip(seen.branches, there.branches, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_a_fusion_tells_how_it_shares_out_its_inputs():
    image = keras.Input((6, 8, 16))
    other = layers.Conv2D(16, 1)(image)
    model = keras.Model(image, fk.create("gated", name="join")([image, other]))

    seen = fk.block_maps(model, images(2, 6, 8, 16))

    assert seen.branches[0].where == "join"
    np.testing.assert_allclose(seen.branches[0].values.sum(axis=1), 1, rtol=1e-5)


def test_blocks_that_run_twice_or_on_other_maps_are_told_of():
    se = fk.create("se", name="se")
    image = keras.Input((8, 9, 16))
    x = ops.reshape(se(se(image)), (-1, 4, 9, 16))
    model = keras.Model(image, fk.create("simam", name="simam")(x))

    seen = fk.block_maps(model, images(2, 8, 9, 16), batch_size=1)

    assert [gate.where for gate in seen.gates] == ["se", "se (call 2)"]
    assert len(seen.said) == 1
    assert seen.said[0].startswith("simam: left out, as there are more or fewer maps")


class Idle(keras.Model):
    """A model with a block that has parts, and one that never runs."""

    def __init__(self):
        super().__init__(name="idle")
        self.cbam = fk.create("cbam", name="cbam")
        self.eca = fk.create("eca", name="eca")
        self.eca.build((None, 8, 9, 16))

    def call(self, x):
        return self.cbam(x)


def test_a_block_that_does_not_run_is_told_of_but_no_part_of_a_block():
    model, x = Idle(), images(1, 8, 9, 16)
    model(x)

    seen = fk.block_maps(model, x)

    assert seen.said == ("eca: did not run on these images.",)


def test_a_grafted_block_stands_under_the_name_of_its_graft():
    image = keras.Input((6, 8, 3))
    x = layers.Conv2D(16, 1, name="conv")(image)
    model = keras.Model(image, layers.ReLU(name="relu")(x))
    grafted = fk.graft(fk.graft(model, "se", at="conv"), "eca", at="relu", start="gate")

    seen = fk.block_maps(grafted, images(1, 6, 8, 3))

    assert {(gate.where, gate.block) for gate in seen.gates} == {
        ("conv_se", "SqueezeExcite"),
        ("relu_eca", "ECA"),
    }
    assert seen.said[0].startswith("conv_se: not let in yet: the amount of the blend")
    assert seen.said[1].startswith("relu_eca: multiplied by 2 for each gate")


def test_a_model_without_blocks_says_how_to_graft_one():
    model = linear_model()

    seen = fk.block_maps(model, images(1, 1, 2, 2))

    assert seen.looked == ((),)
    assert "has no blocks of ours. Graft one" in seen.said[0]


def scaling_model():
    return keras.Sequential(
        [
            keras.Input((24, 40, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, padding="same", name="conv"),
            fk.create("se", name="se"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ],
        name="tiny",
    )


def test_files_and_arrays_become_pictures_with_maps(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (30, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "dog.png")

    seen = fk.look(scaling_model(), [tmp_path / "dog.png", pixels, "missing.png"])
    files = seen.save(tmp_path / "looks")

    assert len(seen) == 2
    assert seen.unread[0].name == "missing.png"
    assert seen.cams().shape == (2, 30, 50)
    np.testing.assert_array_equal(seen.cams()[0], seen.cams()[1])
    assert seen.overlay(0).width / seen.overlay(0).height == 50 / 30
    assert {"grid.png", "channels.svg", "maps.json"} <= {file.name for file in files}
    assert "which the model scales itself" in seen.said[0]
    assert json.dumps(seen.plain())


def test_an_image_goes_in_as_preprocess_makes_it():
    model = linear_model()
    resized = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 1)])
    photo = np.full((20, 30, 3), 255, np.uint8)
    got = []

    def preprocess(x):
        got.append((x.shape, float(x.max())))
        return x / 255

    fk.look(resized, photo, cam=None, size=16, preprocess=preprocess)

    # the shorter side is 16, the other the multiple of 16 that is nearest to 24
    assert got == [((1, 16, 32, 3), 255.0)]
    late = keras.Sequential([*resized.layers, layers.Rescaling(2.0)])
    late.build((None, None, None, 3))
    for silent in (resized, late):
        with pytest.raises(OptionError, match="does not say how it takes the values"):
            fk.look(silent, photo)
    with pytest.raises(OptionError, match="takes 2 channels, and images have 1 or 3"):
        fk.look(model, photo, preprocess=preprocess)


def test_tensors_go_to_the_model_as_they_are():
    model, x = classifier(), ops.convert_to_tensor(images(2, *SIZE))

    seen = fk.look(model, x, cam="gradcam", targets=[1, 2], blocks=False)

    expected = fk.class_activation(
        model, x, method="gradcam", targets=[1, 2], batch_size=1
    )
    np.testing.assert_allclose(seen.cams(), expected.maps, atol=1e-6)
    assert seen[0].picture.notes == ("stretched from its lowest value to its highest",)


def test_images_of_several_sizes_are_seen_at_one_layer():
    model = classifier()
    sizes = [np.zeros((32, 40, 3), np.uint8), np.zeros((64, 40, 3), np.uint8)]

    seen = fk.look(model, sizes, cam="eigencam", size=32, preprocess=lambda x: x / 255)

    assert {one.heat[0].where for one in seen} == {"conv2"}
    assert [one.heat[0].values.shape for one in seen] == [(32, 32), (64, 32)]


def test_images_of_other_sizes_are_seen_at_the_layer_of_the_first():
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="first")(image)
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="second")(x)
    model = keras.Model(image, layers.GlobalMaxPooling2D()(x))
    # by itself the second would be seen at the first layer
    large, small = (ops.convert_to_tensor(images(side, side, 3)) for side in (28, 8))

    seen = fk.look(model, [large, small])

    assert [one.heat[0].where for one in seen] == ["second", "second"]


def test_a_long_image_becomes_at_most_four_times_as_long_as_its_shorter_side():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 1)])
    got = []

    def preprocess(x):
        got.append(x.shape[1:3])
        return x

    fk.look(model, np.zeros((10, 100, 3), np.uint8), size=16, preprocess=preprocess)

    assert got == [(16, 64)]


def test_a_tensor_with_channels_first_is_shown_as_people_see_it():
    model = keras.Sequential([keras.Input((3, 8, 9)), layers.Identity()])
    x = np.zeros((3, 8, 9), np.float32)
    x[1, 2, 5] = 1

    seen = fk.look(model, ops.convert_to_tensor(x), cam=None)

    pixels = np.asarray(seen[0].picture.pixels)
    assert pixels.shape == (8, 9, 3)
    assert np.argwhere(pixels).tolist() == [[2, 5, 1]]


def test_pairwise_blocks_look_from_the_pixel_that_is_asked_for():
    model = keras.Sequential(
        [keras.Input((5, 7, 3)), layers.Conv2D(32, 1), fk.create("criss_cross")]
    )

    seen = fk.look(
        model,
        np.zeros((16, 20, 3), np.uint8),
        cam=None,
        query=(15, 0),
        preprocess=lambda x: x / 255,
    )

    # the last of 5 rows, the first of 7 columns
    assert seen[0].heat[0].query == (4.5 / 5, 0.5 / 7)


def test_block_maps_refuse_a_place_outside_of_the_image():
    with pytest.raises(OptionError, match=r"query must be \(row, column\) as shares"):
        fk.block_maps(classifier(), images(1, *SIZE), query=(9, 0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": (8, 8)}, "takes images of 24x40 only"),
        ({"size": 0}, "size must be greater than 0"),
        ({"preprocess": 3}, "preprocess must be a function"),
        ({"cam": "scorecam"}, "cam cannot be 'scorecam'"),
        ({"query": (20, 0)}, "query must be .* image 0 is 20 x 30"),
    ],
)
def test_look_refuses_in_words(options, words):
    photo = np.zeros((20, 30, 3), np.uint8)

    with pytest.raises(OptionError, match=words):
        fk.look(scaling_model(), photo, **options)


def test_look_needs_an_image():
    with pytest.raises(OptionError, match="expected one image or more, got none"):
        fk.look(scaling_model(), [])
    with pytest.raises(ImageError, match=r"missing\.png"):
        fk.look(scaling_model(), "missing.png")
