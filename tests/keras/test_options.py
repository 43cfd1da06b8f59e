"""A layer takes the options of its card, and refuses what the block refuses."""

import inspect
import math

import keras
import pytest
from benchmarks.twinning import Case, width

import foveate as fv
import foveate.keras as fk
from foveate import catalog
from foveate.errors import FoveateError, UnknownNameError, UnknownOptionError

VALUES = (
    None,
    True,
    False,
    0,
    1,
    2,
    3,
    4,
    7,
    -1,
    1000,
    0.0,
    0.5,
    1.5,
    -2.5,
    math.nan,
    math.inf,
    "",
    "8",
    "nonsense",
    (),
    (0,),
    (3,),
    (2, 3),
    (3, 5),
    (3, -5),
    (5, 7, 9),
    ("avg",),
    ("avg", "nonsense"),
    (3, "5"),
    (True, 3),
    [3, 5],
    {},
)
"""What somebody may hand over for an option, by mistake or not."""

NAMES = catalog.names()

LAYERS_OF_TORCH = ("act_layer", "gate_layer", "norm_layer")
"""Options that take a function here, and there what makes a module."""


def refusal(create, name, channels, options):
    """Return class and words of what ``create`` raises, or None."""
    try:
        create(name, channels, **options)
    except FoveateError as problem:
        return type(problem), str(problem)
    return None


def both_refusals(name, channels, options):
    given = {**Case(name).all_options, **options}
    return [refusal(create, name, channels, given) for create in (fv.create, fk.create)]


def without_example(found, option):
    """Return a refusal without what follows on names: functions, or modules."""
    if found is None or option not in LAYERS_OF_TORCH:
        return found
    kind, words = found
    return kind, words.partition(" must be a name or")[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_refuses_what_the_block_refuses_in_the_same_words(name):
    channels = width(name)
    for option in catalog.card(name).defaults:
        for value in VALUES:
            theirs, ours = both_refusals(name, channels, {option: value})

            said = without_example(ours, option)
            assert said == without_example(theirs, option), (option, value)


@pytest.mark.parametrize("name", NAMES)
def test_it_refuses_the_same_channels(name):
    for channels in (0, -1, 1, 6, 100, True, 1.5, "8", [8], math.nan):
        theirs, ours = both_refusals(name, channels, {})

        assert ours == theirs, channels


@pytest.mark.parametrize("name", NAMES)
def test_its_signature_is_the_card(name):
    parameters = inspect.signature(fk.layer_class(name)).parameters

    keywords = dict(list(parameters.items())[1:])
    last = {"data_format": None, "name": None, "dtype": None, "trainable": True}
    assert next(iter(parameters)) == "channels"
    assert {n: p.default for n, p in keywords.items()} == {
        **catalog.card(name).defaults,
        **last,
    }
    assert {p.kind for p in keywords.values()} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("name", NAMES)
def test_its_help_lists_every_option_and_the_source(name):
    text = inspect.getdoc(fk.layer_class(name))

    for option in catalog.card(name).options:
        assert f"    {option.name}: {option.meaning}" in text
    assert catalog.card(name).paper.link in text


@pytest.mark.parametrize("name", NAMES)
def test_its_class_bears_the_name_of_the_block_and_is_public(name):
    cls = fk.layer_class(name)

    assert cls.__name__ == fv.blocks.block_class(name).__name__
    assert getattr(fk, cls.__name__) is cls


@pytest.mark.parametrize("name", NAMES)
def test_an_option_that_is_misspelt_is_refused_with_what_was_meant(name):
    sized = Case(name).all_options
    for option in catalog.card(name).defaults:
        for create in (fk.create, lambda _, **given: fk.layer_class(name)(**given)):
            with pytest.raises(UnknownOptionError, match=f"'{option}'"):
                create(name, **{**sized, f"{option}x": 1})


def test_a_form_holds_the_options_of_its_variant(form):
    card, variant = catalog.resolve(form)

    layer = fk.create(form, **Case(form).all_options)

    wanted = {**card.defaults, **(variant.options if variant else {})}
    wanted.update(Case(form).all_options)
    assert {n: plain(v) for n, v in vars(layer.options).items()} == wanted


def plain(value):
    return tuple(value) if isinstance(value, list) else value


def test_an_unknown_name_is_refused_with_near_names():
    with pytest.raises(UnknownNameError, match="Did you mean 'cbam'"):
        fk.create("cbm")


def test_an_alias_names_its_block():
    assert isinstance(fk.create("coord"), fk.layer_class("coordinate"))


def test_an_order_of_axes_that_is_none_is_refused():
    with pytest.raises(fv.errors.OptionError, match="Did you mean 'channels_last'"):
        fk.create("se", data_format="channel_last")


@keras.saving.register_keras_serializable("tests")
def halved(x):
    return x / 2


@pytest.mark.parametrize("name", ["se", "channel", "cbam", "osra"])
def test_an_activation_may_be_a_function_and_is_saved(name, tmp_path):
    layer = fk.create(name, 32, act_layer=halved)
    model = keras.Sequential([keras.Input((5, 7, 32)), layer])
    x = keras.random.normal((2, 5, 7, 32), seed=1)
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    assert loaded.layers[0].options.act_layer is halved
    apart = keras.ops.convert_to_numpy(loaded(x) - model(x))
    assert not apart.any()


def test_an_activation_may_be_one_of_keras():
    layer = fk.create("se", 32, act_layer=keras.activations.elu)

    again = type(layer).from_config(layer.get_config())

    assert again.options.act_layer is keras.activations.elu


@pytest.mark.parametrize("value", [keras.layers.ReLU, 3, None])
def test_what_is_no_function_is_refused_as_an_activation(value):
    words = "SqueezeExcite: act_layer must be a name or a function such as"

    with pytest.raises(fv.errors.OptionError, match=words):
        fk.create("se", act_layer=value)
