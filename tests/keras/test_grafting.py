"""Blocks in models of Keras: nothing changes at the start, and nothing is lost."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import foveate.keras as fk
from foveate import catalog
from foveate.errors import (
    OptionError,
    SiteError,
    UnknownNameError,
    UnknownOptionError,
    WeightsError,
)

SIDES = (9, 7)


def images(count=2, seed=0, channels=3):
    random = np.random.default_rng(seed)
    return random.standard_normal((count, *SIDES, channels)).astype("float32")


def answers(model, x, **options):
    outputs = model(x, **options)
    return [ops.convert_to_numpy(y) for y in keras.tree.flatten(outputs)]


def largest_change(model, other, x):
    pairs = zip(answers(model, x), answers(other, x), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def small_model(head="softmax", dtype=None):
    keras.utils.set_random_seed(0)
    x = keras.Input((*SIDES, 3), name="image")
    y = layers.Conv2D(8, 3, padding="same", name="conv", dtype=dtype)(x)
    y = layers.BatchNormalization(name="norm", dtype=dtype)(y)
    y = layers.ReLU(name="act", dtype=dtype)(y)
    y = layers.GlobalAveragePooling2D(name="pool", dtype=dtype)(y)
    y = layers.Dropout(0.5, name="drop", dtype=dtype)(y)
    return keras.Model(x, layers.Dense(3, head, name="head")(y), name="small")


def shuffle_weights(model, seed=1):
    """Set all weights, so that none is what a new layer begins with."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        # a running variance is not negative
        variable.assign(random.uniform(0.1, 0.5, variable.shape))
    return model


def fit_once(model, x, **compile_options):
    model.compile("sgd", "sparse_categorical_crossentropy", **compile_options)
    history = model.fit(x, np.arange(len(x)) % 3, verbose=0)
    return history.history["loss"][0]


def quiet_starts():
    """Return every block with each start that is to change nothing."""
    fusions = catalog.names(kind="fusion")
    blocks = [name for name in catalog.names() if name not in fusions]
    starts = ("identity", "gate")
    return [(n, s) for n in blocks for s in starts if s in catalog.starts_of(n)]


@pytest.mark.parametrize(("name", "start"), quiet_starts())
def test_every_block_changes_nothing_at_the_start(name, start):
    keras.utils.set_random_seed(0)
    x = keras.Input((*SIDES, 32))
    model = keras.Model(x, layers.ReLU(name="act")(x))

    grafted = fk.graft(model, name, at="act", start=start)

    assert largest_change(grafted, model, images(channels=32)) == 0.0


def test_a_paper_start_is_the_block_as_it_is():
    model = shuffle_weights(small_model())

    grafted = fk.graft(model, "se", at="act", start="paper", options={"reduction": 4})

    assert largest_change(grafted, model, images()) > 0
    assert grafted.get_layer("act_se").amount is None


def test_the_given_model_stays_as_it_is_and_shares_nothing():
    model = shuffle_weights(small_model())
    before = [np.array(w) for w in model.get_weights()]

    grafted = fk.graft(model, "se", at="act")
    fit_once(grafted, images())

    after = model.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert [layer.name for layer in model.layers] == [
        "image", "conv", "norm", "act", "pool", "drop", "head",
    ]  # fmt: skip


def test_names_stay_and_the_graft_is_named_after_its_site():
    grafted = fk.graft(small_model(), "cbam.keras", at="act")

    assert [layer.name for layer in grafted.layers] == [
        "image", "conv", "norm", "act", "act_cbam_keras", "pool", "drop", "head",
    ]  # fmt: skip
    assert grafted.name == "small"


def test_the_amounts_learn_in_the_first_step_and_the_block_in_the_second():
    model = shuffle_weights(small_model())
    grafted = fk.graft(model, "se", at="act", options={"reduction": 1})
    graft = grafted.get_layer("act_se")
    first = np.array(graft.block.fc2.get_weights()[0])

    fit_once(grafted, images())

    assert np.abs(ops.convert_to_numpy(graft.amount)).max() > 0
    assert np.array_equal(graft.block.fc2.get_weights()[0], first)

    fit_once(grafted, images())

    assert not np.array_equal(graft.block.fc2.get_weights()[0], first)


def test_a_blend_of_one_is_the_block():
    x = keras.Input((*SIDES, 8))
    grafted = fk.graft(keras.Model(x, layers.ReLU(name="act")(x)), "se", at="act")
    graft = grafted.get_layer("act_se")
    graft.amount.assign(np.ones(8))
    maps = np.abs(images(channels=8))

    want = ops.convert_to_numpy(graft.block(maps))

    np.testing.assert_allclose(answers(grafted, maps)[0], want, rtol=1e-6, atol=1e-6)


def test_a_block_that_starts_as_the_identity_goes_in_without_a_blend():
    grafted = fk.graft(small_model(), "criss_cross", at="act")
    graft = grafted.get_layer("act_criss_cross")

    fit_once(grafted, images())

    # within a blend of zero its own scale of zero would never learn
    assert graft.amount is None
    assert float(ops.convert_to_numpy(graft.block.gamma)[0]) != 0


@pytest.mark.parametrize("start", ["identity", "gate", "paper"])
def test_a_saved_model_is_loaded_with_its_blocks(tmp_path, start):
    grafted = fk.graft(small_model(), "cbam", at="act", start=start)
    shuffle_weights(grafted)

    grafted.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    assert largest_change(loaded, grafted, images()) == 0.0
    assert fk.grafts(loaded) == fk.grafts(grafted)


def test_a_graft_may_be_built_twice_and_made_again_frozen():
    graft = fk.graft(small_model(), "se", at="act").get_layer("act_se")
    before = len(graft.weights)
    graft.trainable = False

    graft.build((None, *SIDES, 8))
    again = fk.Graft.from_config(graft.get_config())

    assert len(graft.weights) == before
    assert not again.trainable


def test_what_is_trainable_stays_so():
    model = small_model()
    model.get_layer("conv").trainable = False

    grafted = fk.graft(model, "se", at="act")

    assert not grafted.get_layer("conv").trainable
    assert [v.path for v in grafted.trainable_variables][:2] == [
        "norm/gamma",
        "norm/beta",
    ]


def test_parts_and_single_variables_that_are_frozen_stay_so():
    model = fk.graft(small_model(), "se", at="act")
    model.get_layer("act_se").block.trainable = False
    model.get_layer("head").bias.trainable = False

    grafted = fk.graft(model, "eca", at="conv")

    assert not grafted.get_layer("act_se").block.trainable
    assert grafted.get_layer("act_se").trainable
    head = grafted.get_layer("head")
    assert [v.trainable for v in (head.kernel, head.bias)] == [True, False]


def test_a_normalisation_within_a_layer_stays_frozen():
    x = keras.Input((*SIDES, 3))
    residual = fk.ResidualBlock(4, name="residual")
    model = keras.Model(x, residual(x))
    # frozen, it uses what it has learned in training too
    residual.bn1.trainable = False

    copy = fk.graft(model, "eca", at="residual").get_layer("residual")

    assert [copy.bn1.trainable, copy.bn2.trainable] == [False, True]


def test_states_of_random_numbers_are_copied():
    model = small_model()
    state = np.array(ops.convert_to_numpy(model.get_layer("drop").variables[0]))

    grafted = fk.graft(model, "se", at="act")

    copied = ops.convert_to_numpy(grafted.get_layer("drop").variables[0])
    assert np.array_equal(copied, state)


def test_statistics_of_an_adapted_normalisation_are_copied():
    scale = layers.Normalization(name="scale")
    scale.adapt(images() * 5 + 3)
    x = keras.Input((*SIDES, 3))
    model = keras.Model(x, layers.ReLU(name="act")(scale(x)))

    grafted = fk.graft(model, "eca", at="act")

    assert largest_change(grafted, model, images()) == 0.0


def test_a_compiled_model_is_compiled_with_the_same_settings():
    model = small_model()
    model.compile(keras.optimizers.Adam(0.125), "mse", metrics=["mae"])

    grafted = fk.graft(model, "se", at="act")

    assert float(ops.convert_to_numpy(grafted.optimizer.learning_rate)) == 0.125
    assert grafted.loss == "mse"
    # it knows the variables of the block
    assert len(grafted.optimizer.variables) > len(model.optimizer.variables)


def test_a_loss_that_keras_cannot_find_again_is_refused():
    model = small_model()
    model.compile("sgd", loss=lambda y, z: ops.mean(y - z))

    with pytest.raises(SiteError, match="graft first, then compile"):
        fk.graft(model, "se", at="act")


def test_a_layer_called_twice_has_one_block_called_twice():
    x, y = keras.Input((*SIDES, 3)), keras.Input((*SIDES, 3))
    shared = layers.Conv2D(4, 3, name="shared")
    model = keras.Model([x, y], layers.Subtract()([shared(x), shared(y)]))

    grafted = fk.graft(model, "se", at="shared", start="paper")
    same = images()

    assert sum(isinstance(layer, fk.Graft) for layer in grafted.layers) == 1
    assert np.abs(answers(grafted, [same, same])[0]).max() == 0.0
    assert largest_change(grafted, model, [same, images(seed=1)]) > 0


def test_a_layer_called_on_maps_of_other_channels_is_refused():
    relu = layers.ReLU(name="relu")
    x = keras.Input((*SIDES, 3))
    y = layers.Conv2D(4, 3)(relu(x))
    model = keras.Model(x, relu(y))

    with pytest.raises(
        SiteError, match="relu: is called 2 times, on maps of different"
    ):
        fk.graft(model, "se", at="relu")


def test_several_inputs_and_outputs_keep_their_order_and_names():
    x, y = keras.Input((*SIDES, 3), name="left"), keras.Input((*SIDES, 3), name="right")
    z = layers.Add(name="add")([x, y])
    model = keras.Model(
        {"left": x, "right": y}, {"sum": z, "half": layers.Rescaling(0.5)(z)}
    )

    grafted = fk.graft(model, "se", at="add")
    both = {"left": images(), "right": images(seed=1)}

    assert largest_change(grafted, model, both) == 0.0
    assert set(grafted(both)) == {"sum", "half"}


@keras.saving.register_keras_serializable("tests")
class Halves(layers.Layer):
    """A layer with two outputs."""

    def call(self, inputs):
        """Return the first and the last channels."""
        return inputs[..., :2], inputs[..., 2:]


def test_each_output_of_a_layer_has_a_block():
    x = keras.Input((*SIDES, 6))
    model = keras.Model(x, Halves(name="halves")(x))

    grafted = fk.graft(model, "se", at="halves")

    found = [(b.path, b.map) for b in fk.grafts(grafted)]
    assert found == [("halves", 0), ("halves", 1)]
    assert grafted.get_layer("halves_se_1").amount.shape == (4,)
    assert grafted.get_layer("halves_se_1").get_config()["map"] == 1
    assert largest_change(grafted, model, images(channels=6)) == 0.0


def nested_model(trainable=True):
    inner = small_model()
    trunk = keras.Model(inner.input, inner.get_layer("act").output, name="trunk")
    trunk.trainable = trainable
    x = keras.Input((*SIDES, 3), name="image")
    y = layers.GlobalAveragePooling2D()(trunk(x))
    return shuffle_weights(keras.Model(x, layers.Dense(3, "softmax")(y)))


def test_a_block_goes_into_a_model_within_a_model():
    model = nested_model()

    grafted = fk.graft(model, "se", at="trunk/act")

    assert grafted.get_layer("trunk").layers[-1].name == "act_se"
    assert largest_change(grafted, model, images()) == 0.0
    assert fk.grafts(grafted)[0].path == "trunk/act"


def test_blocks_in_a_frozen_backbone_learn_and_the_backbone_does_not():
    grafted = fk.graft(nested_model(trainable=False), "se", at="trunk/act")
    trunk = grafted.get_layer("trunk")
    conv = np.array(trunk.get_layer("conv").get_weights()[0])

    fit_once(grafted, images())

    assert fk.grafts(grafted)[0].largest_amount > 0
    assert np.array_equal(trunk.get_layer("conv").get_weights()[0], conv)


def test_pruning_leaves_frozen_what_is_frozen():
    grafted = fk.graft(nested_model(), "se", at="trunk/act")
    grafted.get_layer("trunk").trainable = False

    assert not fk.prune(grafted).get_layer("trunk").trainable


def test_a_frozen_model_without_blocks_stays_frozen_as_a_whole():
    model = nested_model(trainable=False)
    x = keras.Input((*SIDES, 3))
    y = layers.ReLU(name="first")(x)
    outer = keras.Model(x, model.get_layer("trunk")(y))

    grafted = fk.graft(outer, "se", at="first")

    assert not grafted.get_layer("trunk").trainable


def test_a_sequential_model_comes_back_functional_with_its_names():
    model = keras.Sequential(
        [keras.Input((*SIDES, 3)), layers.Conv2D(4, 3, name="a"), layers.ReLU(name="b")]
    )

    grafted = fk.graft(model, "eca", at="a")

    assert [layer.name for layer in grafted.layers][1:] == ["a", "a_eca", "b"]
    assert largest_change(grafted, model, images()) == 0.0


def test_a_sequential_model_within_a_model_takes_a_block_or_stays():
    inner = [keras.Input((*SIDES, 3)), layers.Conv2D(4, 3, name="a"), layers.ReLU()]
    x = keras.Input((*SIDES, 3))
    model = keras.Model(x, keras.Sequential(inner, name="inner")(x))

    within = fk.graft(model, "eca", at="inner/a")
    behind = fk.graft(model, "eca", at="inner")

    assert largest_change(within, model, images()) == 0.0
    assert largest_change(behind, model, images()) == 0.0
    assert isinstance(behind.get_layer("inner"), keras.Sequential)


def test_lambda_layers_and_operations_are_copied():
    x = keras.Input((*SIDES, 3))
    y = layers.Lambda(lambda t: t * 2, name="twice")(x)
    y = ops.concatenate([y, x + 1.0], axis=-1)
    model = keras.Model(x, layers.Conv2D(2, 1, name="conv")(y[:, 1:]))

    grafted = fk.graft(model, "se", at="conv")

    assert largest_change(grafted, model, images()) == 0.0


def scaled(x, mask=None, by=1):
    return x * by


def test_the_settings_of_a_lambda_layer_are_copied():
    own = {"arguments": {"by": 3}, "mask": scaled, "dtype": "float16"}
    twice = layers.Lambda(scaled, output_shape=(*SIDES, 2), name="twice", **own)
    x = keras.Input((*SIDES, 3))
    model = keras.Model(x, twice(layers.Conv2D(2, 1, name="conv")(x)))

    copy = fk.graft(model, "se", at="conv").get_layer("twice")

    assert copy is not twice
    assert copy.get_config() == twice.get_config()
    assert copy.mask is scaled


def test_inputs_keep_their_type_and_whether_they_may_be_left_out():
    x = keras.Input((*SIDES, 3), dtype="uint8", name="image")
    more = keras.Input((*SIDES, 3), optional=True, name="more")
    y = layers.Rescaling(0.5, name="half")(x)
    model = keras.Model([x, more], [y, layers.Identity()(more)])

    grafted = fk.graft(model, "eca", at="half")

    assert [x.dtype for x in grafted.inputs] == ["uint8", "float32"]
    assert grafted.get_layer("more").optional


def test_a_layer_that_stands_in_two_models_stays_one():
    conv = layers.Conv2D(3, 1, name="conv")
    x, y = keras.Input((*SIDES, 3)), keras.Input((*SIDES, 3))
    inner = keras.Model(y, layers.ReLU(name="act")(conv(y)), name="inner")
    model = keras.Model(x, inner(conv(x)))

    grafted = fk.graft(model, "eca", at="inner/act")

    assert grafted.get_layer("inner").get_layer("conv") is grafted.get_layer("conv")


@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_the_block_stands_in_the_order_of_the_layers_before_it(order):
    axis = 3 if order == "channels_last" else 1
    shape = (*SIDES, 5) if axis == 3 else (5, *SIDES)
    x = keras.Input(shape)
    # no convolution: TensorFlow has none on a CPU for channels first
    y = layers.MaxPooling2D(2, data_format=order)(x)
    y = layers.BatchNormalization(axis=axis)(y)
    model = keras.Model(x, layers.ReLU(name="act")(y))

    grafted = fk.graft(model, "se", at="act")
    graft = grafted.get_layer("act_se")
    graft.amount.assign([1, 0, 0, 0, 1])

    assert graft.block.data_format == graft.get_config()["data_format"] == order
    maps = np.random.default_rng(0).random((2, *graft.input.shape[1:]), "float32")
    mixed, of_block, kept = (
        np.moveaxis(ops.convert_to_numpy(y), axis, -1)
        for y in (graft(maps), graft.block(maps), maps)
    )
    np.testing.assert_allclose(mixed[..., [0, 4]], of_block[..., [0, 4]], rtol=1e-6)
    np.testing.assert_array_equal(mixed[..., 1:4], kept[..., 1:4])


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("mixed_float16", "float32"),
        ("mixed_bfloat16", "float32"),
        ("bfloat16", "bfloat16"),
        ("float64", "float64"),
    ],
)
def test_the_block_has_the_dtype_policy_of_its_site(policy, kept):
    model = small_model(dtype=policy)

    grafted = fk.graft(model, "cbam", at="act")

    graft = grafted.get_layer("act_cbam")
    assert graft.dtype_policy.name == graft.block.dtype_policy.name == policy
    assert graft.amount.dtype == kept
    assert largest_change(grafted, model, images()) == 0.0


def test_a_model_of_any_size_takes_blocks_of_any_size():
    x = keras.Input((None, None, 3))
    model = keras.Model(x, layers.Conv2D(4, 3, name="conv")(x))

    grafted = fk.graft(model, "cbam", at="conv")

    assert largest_change(grafted, model, images()) == 0.0
    assert grafted.output_shape == model.output_shape


def test_a_block_of_one_size_takes_that_of_its_site():
    grafted = fk.graft(small_model(), "joint_cbam", at="act")

    assert grafted.get_layer("act_joint_cbam").block.options.spatial_size == SIDES


def test_a_block_of_one_size_needs_an_example_where_sides_are_unknown():
    x = keras.Input((None, None, 3))
    model = keras.Model(x, layers.ReLU(name="act")(x), name="open")

    with pytest.raises(OptionError, match="joint_cbam is made for one size of map"):
        fk.graft(model, "joint_cbam", at="act")

    size = {"spatial_size": SIDES}
    for given in ({"example": (1, *SIDES, 3)}, {"options": size}):
        grafted = fk.graft(model, "joint_cbam", at="act", **given)
        assert largest_change(grafted, model, images()) == 0.0


def test_a_name_that_is_taken_gets_a_number():
    x = keras.Input((*SIDES, 3))
    y = layers.ReLU(name="act_se")(layers.ReLU(name="act")(x))

    grafted = fk.graft(keras.Model(x, y), "se", at="act")

    assert [one.name for one in grafted.layers[1:]] == ["act", "act_se_2", "act_se"]


def test_predictions_of_a_compiled_graph_are_the_same():
    model = shuffle_weights(small_model())

    grafted = fk.graft(model, "cbam", at="act")
    want = model.predict(images(), verbose=0)

    # a compiler may sum in another order
    np.testing.assert_allclose(grafted.predict(images(), verbose=0), want, rtol=1e-6)


class Scale(layers.Layer):
    """A block of the user's."""

    def build(self, input_shape):
        """Create one scale."""
        self.scale = self.add_weight(shape=(), initializer="ones")
        self.built = True

    def call(self, inputs):
        """Return a multiple of a map."""
        return inputs * (self.scale + 1)


def test_a_class_of_the_users_is_a_block():
    model = small_model()

    grafted = fk.graft(model, Scale, at="act")

    assert largest_change(grafted, model, images()) == 0.0
    assert fk.grafts(grafted)[0].block == "Scale"


class Trained(keras.Model):
    """A functional model with a step of its own."""

    def train_step(self, *args, **options):
        """Train."""
        return super().train_step(*args, **options)


class Passing(Trained):
    """One that hands on whatever its constructor gets."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)


class Odd(Trained):
    """One with a constructor of its own as well."""

    def __init__(self, width, name=None):
        x = keras.Input((*SIDES, width))
        super().__init__(inputs=x, outputs=layers.ReLU(name="act")(x), name=name)


@pytest.mark.parametrize("kind", [Trained, Passing])
def test_the_class_of_a_functional_model_is_kept(kind):
    x = keras.Input((*SIDES, 3))
    model = kind(x, layers.ReLU(name="act")(x))

    assert isinstance(fk.graft(model, "se", at="act"), kind)


def test_a_class_that_would_lose_its_training_is_refused():
    with pytest.raises(SiteError, match="odd: Odd has its own train_step"):
        fk.graft(Odd(3, name="odd"), "se", at="act")


def test_pruning_gives_the_model_back_with_the_weights_that_it_has_now():
    model = shuffle_weights(small_model())
    grafted = fk.graft(model, "se", at="act")

    pruned = fk.prune(grafted)

    assert [one.name for one in pruned.layers] == [one.name for one in model.layers]
    assert largest_change(pruned, model, images()) == 0.0

    fit_once(grafted, images())
    want = grafted.get_layer("conv").get_weights()[0]
    assert np.array_equal(fk.prune(grafted).get_layer("conv").get_weights()[0], want)


def test_some_blocks_are_pruned_by_their_sites_or_their_own_names():
    grafted = fk.graft(small_model(), "se", at=["conv", "act"])

    by_site, by_name = fk.prune(grafted, at="conv"), fk.prune(grafted, at="*_se")

    assert [b.path for b in fk.grafts(by_site)] == ["act"]
    assert len(fk.grafts(by_name)) == 0


def test_blocks_within_a_model_are_pruned():
    model = nested_model()

    pruned = fk.prune(fk.graft(model, "se", at="trunk/act"))

    assert largest_change(pruned, model, images()) == 0.0
    assert [v.path for v in pruned.weights] == [v.path for v in model.weights]


def test_blocks_within_a_model_of_a_class_of_its_own_are_pruned():
    x, y = keras.Input((*SIDES, 3)), keras.Input((*SIDES, 3))
    inner = Trained(y, layers.ReLU(name="act")(y), name="inner")
    model = keras.Model(x, inner(x))

    pruned = fk.prune(fk.graft(model, "se", at="inner/act"))

    assert isinstance(pruned.get_layer("inner"), Trained)
    assert len(fk.grafts(pruned)) == 0


def test_a_second_block_at_a_site_is_refused_and_goes_behind_the_first():
    model = small_model()
    grafted = fk.graft(model, "se", at="act")

    with pytest.raises(SiteError, match=r"act: has se already.*at='act_se'"):
        fk.graft(grafted, "cbam", at="act")

    both = fk.graft(grafted, "cbam", at="act_se")
    assert both.get_layer("act_se_cbam").site == "act_se"
    assert largest_change(both, model, images()) == 0.0


def test_the_blocks_of_a_model_are_listed():
    graft = fk.graft(small_model(), "se", at="act", options={"reduction": 4})
    graft.get_layer("act_se").amount.assign(np.linspace(-0.5, 0.2, 8))

    row = fk.grafts(graft)[0]

    # 8 amounts, and two projections between 8 and 2 channels
    assert (row.path, row.block, row.start, row.parameters) == (
        "act", "se", "identity", 8 + 8 * 2 + 2 * 8,
    )  # fmt: skip
    assert row.largest_amount == pytest.approx(0.5)


def test_amounts_that_are_not_finite_are_told_of():
    grafted = fk.graft(small_model(), "se", at="act")
    grafted.get_layer("act_se").amount.assign([np.nan, 0, 0, 0, 0, 0, 0, 0])

    row = fk.grafts(grafted)[0]

    assert (row.amount, row.note) == (None, "its amounts are not finite")


@pytest.mark.parametrize(
    ("block", "options", "error", "message"),
    [
        ("sse", {}, UnknownNameError, "no block named 'sse'. Did you mean"),
        ("gated", {}, OptionError, "'gated' is a fusion of several maps"),
        ("se", {"options": {"ratio": 2}}, UnknownOptionError, "no option 'ratio'"),
        (
            "se",
            {"options": {"reduction": 0}},
            SiteError,
            "act: SqueezeExcite: reduction",
        ),
        (
            "shuffle",
            {"options": {"groups": 3}},
            SiteError,
            "act: ShuffleAttention: chan",
        ),
        ("simam", {"start": "gate"}, OptionError, "simam cannot start as 'gate'"),
        ("cbam.keras", {"start": "gate"}, OptionError, "cannot start as 'gate'"),
        ("se", {"start": "none"}, OptionError, "start cannot be 'none'. Known"),
        ("se", {"at": "pool"}, SiteError, "pool: returns (None, 8), no feature maps"),
        ("se", {"at": "conv/x"}, SiteError, "conv is a Conv2D and no model of layers"),
        (Scale(), {}, OptionError, "Each site gets a block of its own"),
        (lambda: 3, {}, SiteError, "must return a new Keras layer, got 3"),
        (Scale, {"options": {"wide": 1}}, SiteError, "makes no layer with options"),
        (lambda: layers.Conv2D(2, 1), {}, SiteError, "must return the shape that it"),
    ],
)
def test_what_cannot_be_grafted_is_refused(block, options, error, message):
    with pytest.raises(error) as caught:
        fk.graft(small_model(), block, **{"at": "act", **options})

    assert message in str(caught.value)


def test_pruning_a_model_without_blocks_is_refused():
    with pytest.raises(SiteError, match="small has no blocks"):
        fk.prune(small_model())


class Wide(layers.Layer):
    """A layer that does not say how wide it was made."""

    def __init__(self, width=2, **own):
        super().__init__(**own)
        self.width = width

    def build(self, input_shape):
        """Create one variable."""
        self.add_weight(shape=(self.width,))

    def get_config(self):
        """Return its name alone."""
        return {"name": self.name}

    def call(self, inputs):
        """Return the input."""
        return inputs


def test_a_layer_whose_copy_has_other_weights_is_named():
    x = keras.Input((*SIDES, 3))
    wide = Wide(width=3, name="wide")
    model = keras.Model(x, layers.ReLU(name="act")(wide(x)))

    with pytest.raises(WeightsError, match="wide: a new Wide of the same settings"):
        fk.graft(model, "se", at="act")


class Bare(layers.Layer):
    """A layer that does not say how it was made."""

    def __init__(self, width):
        super().__init__(name="bare")
        self.width = width

    def call(self, inputs):
        """Return the input."""
        return inputs


def test_a_layer_that_cannot_be_made_again_is_named():
    x = keras.Input((*SIDES, 3))
    model = keras.Model(x, layers.ReLU(name="act")(Bare(3)(x)))

    with pytest.raises(SiteError, match="bare: Bare cannot be copied"):
        fk.graft(model, "se", at="act")


APPLICATIONS = {
    "resnet50": ("ResNet50", "conv5_block[23]_out", "stage:3"),
    "mobilenetv2": ("MobileNetV2", "block_*_add", "stage:-1"),
    "efficientnetv2": ("EfficientNetV2B0", "stage:-1", "block6?_add"),
}
"""By name, the class, and where squeeze-and-excitation and CBAM go."""


@pytest.fixture(scope="module", params=APPLICATIONS)
def application(request):
    """A model of ``keras.applications``, and one with two kinds of blocks in it."""
    name, for_se, for_cbam = APPLICATIONS[request.param]
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(64, 64, 3), classes=3
    )
    return model, fk.graft(fk.graft(model, "se", at=for_se), "cbam", at=for_cbam)


@pytest.mark.slow
def test_models_of_keras_applications_take_blocks(application, tmp_path):
    model, grafted = application
    x = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")

    assert {b.block for b in fk.grafts(grafted)} == {"se", "cbam"}
    assert largest_change(grafted, model, x) == 0.0

    # the blocks learn, the network around them does not
    for layer in grafted.layers:
        layer.trainable = isinstance(layer, fk.Graft)
    assert np.isfinite(fit_once(grafted, x))
    assert min(block.largest_amount for block in fk.grafts(grafted)) > 0

    grafted.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert largest_change(loaded, grafted, x) == 0.0
