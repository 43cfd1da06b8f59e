"""Layers live in models as Keras' own do: they are trained, saved and copied."""

import keras
import numpy as np
import pytest
from benchmarks.twinning import Case, width

import foveate.keras as fk
from foveate.keras._registry import LAYERS

SIDES = (5, 7)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def sequential(name="cbam", **options):
    return keras.Sequential(
        [
            keras.Input((*SIDES, 3)),
            keras.layers.Conv2D(32, 3, padding="same"),
            fk.create(name, **options),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """A block, then a fusion of what came before it and after."""

    def __init__(self, **named):
        super().__init__(**named)
        self.block = fk.create("coordinate")
        self.join = fk.create("gated")
        self.head = keras.layers.Dense(2)

    def build(self, input_shape):
        self.block.build(input_shape)
        self.join.build([input_shape, input_shape])
        self.head.build((input_shape[0], input_shape[-1]))

    def call(self, x):
        joined = self.join([x, self.block(x)])
        return self.head(keras.ops.mean(joined, axis=(1, 2)))


def functional():
    x = keras.Input((None, None, 8))
    y = fk.create("shuffle", groups=2)(x)
    y = fk.create("concat")([x, y])
    y = keras.layers.GlobalAveragePooling2D()(y)
    return keras.Model(x, keras.layers.Dense(2)(y))


MODELS = ((sequential, 3), (Subclassed, 8), (functional, 8))


def one_or_all(maps):
    return maps if len(maps) > 1 else maps[0]


def fitted(model, channels, *, jit="auto"):
    x, y = numbers(4, *SIDES, channels), numbers(4, 2, seed=1)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit)
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    return history.history["loss"]


@pytest.mark.parametrize(("create", "channels"), MODELS)
def test_a_model_learns(create, channels):
    losses = fitted(create(), channels)

    assert losses[1] < losses[0]


@pytest.mark.parametrize(("create", "channels"), MODELS)
def test_a_trained_model_is_saved_and_loaded(create, channels, tmp_path):
    model = create()
    fitted(model, channels)
    x = numbers(2, *SIDES, channels, seed=2)
    before = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(loaded.predict(x, verbose=0), before)


@pytest.mark.parametrize(("create", "channels"), MODELS)
def test_weights_alone_are_saved_and_loaded(create, channels, tmp_path):
    model, other = create(), create()
    x = numbers(2, *SIDES, channels)
    before = model.predict(x, verbose=0)
    model.save_weights(tmp_path / "model.weights.h5")
    other.predict(x, verbose=0)

    other.load_weights(tmp_path / "model.weights.h5")

    np.testing.assert_array_equal(other.predict(x, verbose=0), before)


def test_every_block_learns_in_one_step(form):
    case = Case(form, SIDES)
    layer = fk.create(form, width(form), **case.all_options)
    shape = (*SIDES, width(form))
    number = layer.num_inputs if isinstance(layer, fk.Fusion) else 1
    inputs = [keras.Input(shape) for _ in range(number)]
    y = keras.layers.Dense(2)(layer(one_or_all(inputs)))
    model = keras.Model(one_or_all(inputs), y)
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    maps = [numbers(3, *shape, seed=n) for n in range(number)]

    loss = model.train_on_batch(one_or_all(maps), numbers(3, *SIDES, 2))

    assert np.isfinite(loss)
    assert all(np.isfinite(v).all() for v in model.get_weights())


@pytest.mark.parametrize("jit", [True, False])
def test_a_compiled_model_learns_as_one_that_is_not(jit):
    if keras.backend.backend() == "torch" and jit:
        pytest.skip("torch.compile of a model takes a minute")
    keras.utils.set_random_seed(3)
    model = sequential("coordinate")

    losses = fitted(model, 3, jit=jit)

    assert losses[1] < losses[0]


def test_the_same_seed_gives_the_same_model():
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        model = sequential()
        fitted(model, 3)
        found.append(model.get_weights())

    assert all(np.array_equal(*pair) for pair in zip(*found, strict=True))


@pytest.mark.parametrize("create", [sequential, functional])
def test_a_clone_has_layers_and_options_of_its_own(create):
    model = create()

    clone = keras.models.clone_model(model)

    ours = [n for n in model.layers if isinstance(n, tuple(LAYERS.values()))]
    theirs = [n for n in clone.layers if isinstance(n, tuple(LAYERS.values()))]
    assert ours
    for one, other in zip(ours, theirs, strict=True):
        assert one is not other
        assert one.get_config() == other.get_config()


def test_a_clone_with_the_same_weights_answers_the_same():
    model = functional()
    x = numbers(2, 6, 4, 8)

    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())

    np.testing.assert_array_equal(
        clone.predict(x, verbose=0), model.predict(x, verbose=0)
    )


def test_no_layer_holds_a_lambda(form):
    layer = fk.create(form, width(form), **Case(form).all_options)
    layer.build(layer.shapes_for(width(form)))

    kinds = {type(part) for part in layer._flatten_layers()}

    assert keras.layers.Lambda not in kinds


def test_a_frozen_layer_is_not_trained():
    model = sequential()
    model.layers[1].trainable = False
    before = [np.array(v) for v in model.layers[1].get_weights()]

    fitted(model, 3)

    after = model.layers[1].get_weights()
    assert all(map(np.array_equal, before, after))


def frozen_when_made(shape):
    layer = fk.create("coordinate", trainable=False)
    layer.build(shape)
    return layer


def frozen_before_it_is_built(shape):
    layer = fk.create("coordinate")
    layer.trainable = False
    layer.build(shape)
    return layer


def frozen_then_copied(shape):
    layer = fk.create("coordinate")
    layer.build(shape)
    layer.trainable = False
    copy = type(layer).from_config(layer.get_config())
    copy.build(shape)
    return copy


@pytest.mark.parametrize(
    "frozen", [frozen_when_made, frozen_before_it_is_built, frozen_then_copied]
)
def test_the_norms_of_a_frozen_layer_do_not_follow_its_batches(frozen):
    x = 2 + 3 * numbers(4, 5, 7, 16)
    layer = frozen(x.shape)
    before = keras.ops.convert_to_numpy(layer(x, training=False))

    in_training = keras.ops.convert_to_numpy(layer(x, training=True))

    after = keras.ops.convert_to_numpy(layer(x, training=False))
    np.testing.assert_array_equal(in_training, before)
    np.testing.assert_array_equal(after, before)


def test_the_norms_of_a_frozen_fusion_do_not_follow_its_batches():
    x, y = numbers(4, 5, 7, 16), 2 + 3 * numbers(4, 5, 7, 16, seed=1)
    fusion = fk.create("msf", num_inputs=2, trainable=False)
    before = keras.ops.convert_to_numpy(fusion([x, y], training=False))

    in_training = keras.ops.convert_to_numpy(fusion([x, y], training=True))

    np.testing.assert_array_equal(in_training, before)


def test_a_summary_counts_what_a_block_learns():
    lines = []

    sequential("eca").summary(print_fn=lambda text, **_: lines.append(text))

    row = next(line for line in "\n".join(lines).splitlines() if "ECA" in line)
    assert " 3 " in row
