"""What only fusions promise in Keras; that all twins agree is in test_twins.py."""

import re

import keras
import numpy as np
import pytest
import torch

import foveate as fv
import foveate.keras as fk
from foveate.errors import OptionError, ShapeError

FORMATS = ("channels_last", "channels_first")


def arrays(*shapes):
    """Return maps with channels first, as torch has them."""
    random = np.random.default_rng(0)
    return [random.standard_normal(shape).astype("float32") for shape in shapes]


def last(x):
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def ordered(x, data_format):
    return last(x) if data_format == "channels_last" else x


def pair_of(name, *, data_format="channels_last", **options):
    """Return a fusion for PyTorch with weights of no special values, and its twin."""
    torch.manual_seed(1)
    block = fv.create(name, 4, **options).eval()
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    layer = fk.create(name, 4, data_format=data_format, **options)
    return block, fk.from_torch(layer, block)


def torch_answer(block, maps):
    with torch.no_grad():
        return block(*map(torch.from_numpy, maps)).numpy()


def close(found, want, data_format="channels_last"):
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, ordered(want, data_format), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("align", ["first", "largest", "smallest"])
@pytest.mark.parametrize("name", ["add", "concat", "gated", "csf"])
def test_projects_and_resizes_as_torch_does(name, align, data_format):
    block, layer = pair_of(
        name, align=align, in_channels=(4, 6), data_format=data_format
    )
    maps = arrays((2, 4, 5, 9), (2, 6, 8, 3))

    y = layer([ordered(x, data_format) for x in maps])

    close(y, torch_answer(block, maps), data_format)


@pytest.mark.parametrize("align", ["first", "largest", "smallest"])
def test_three_maps_meet_at_one_size(align):
    block, layer = pair_of("msf", align=align, num_inputs=3, in_channels=(4, 4, 2))
    maps = arrays((1, 4, 3, 7), (1, 4, 1, 9), (1, 2, 6, 1))

    y = layer([last(x) for x in maps])

    close(y, torch_answer(block, maps))


@pytest.mark.parametrize("align", ["first", "largest", "smallest"])
def test_maps_of_one_size_are_left_as_they_are(align):
    first, second = (last(x) for x in arrays((2, 4, 5, 9), (2, 4, 5, 9)))

    y = fk.create("add", 4, align=align)([first, second])

    np.testing.assert_array_equal(keras.ops.convert_to_numpy(y), first + second)


@pytest.mark.parametrize("align", ["error", "first"])
def test_the_second_map_may_be_enlarged_first(align):
    block, layer = pair_of("csf", upsample=2, align=align)
    maps = arrays((2, 4, 6, 10), (2, 4, 3, 5))

    y = layer([last(x) for x in maps])

    close(y, torch_answer(block, maps))


def test_what_is_enlarged_is_projected_and_resized_after():
    block, layer = pair_of("csf", upsample=2, align="largest", in_channels=(4, 6))
    maps = arrays((2, 4, 5, 9), (2, 6, 3, 2))

    y = layer([last(x) for x in maps])

    assert tuple(y.shape) == layer.compute_output_shape([(2, 5, 9, 4), (2, 3, 2, 6)])
    close(y, torch_answer(block, maps))


def test_takes_its_channels_from_the_first_map():
    layer = fk.create("concat", align="first", in_channels=(4, 6))

    y = layer([last(x) for x in arrays((1, 4, 3, 5), (1, 6, 2, 3))])

    assert tuple(y.shape) == (1, 3, 5, 4)
    assert sorted(fk.state_dict(layer)) == [
        "align.project.1.bias",
        "align.project.1.weight",
        "project.bias",
        "project.weight",
    ]


def test_a_tuple_is_as_good_as_a_list():
    _, layer = pair_of("gated")
    maps = [last(x) for x in arrays((2, 4, 5, 9), (2, 4, 5, 9))]

    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(layer(tuple(maps))),
        keras.ops.convert_to_numpy(layer(maps)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("add", {"align": "largest", "in_channels": (4, 6)}),
        ("concat", {"align": "smallest", "in_channels": (4, 6)}),
        ("gated", {"align": "first", "in_channels": (4, 6)}),
        ("csf", {"align": "largest", "in_channels": (4, 6), "upsample": 2}),
    ],
)
def test_sizes_may_be_unknown_until_maps_come(name, options, data_format):
    block, layer = pair_of(name, data_format=data_format, **options)
    sides = (None, None)
    inputs = [
        keras.Input((*sides, c) if data_format == "channels_last" else (c, *sides))
        for c in (4, 6)
    ]
    model = keras.Model(inputs, layer(inputs))

    for first, second in [((2, 4, 5, 9), (2, 6, 8, 3)), ((1, 4, 2, 3), (1, 6, 1, 7))]:
        maps = arrays(first, second)
        y = model.predict([ordered(x, data_format) for x in maps], verbose=0)
        close(y, torch_answer(block, maps), data_format)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("add", {"align": "first", "in_channels": (4, 6)}),
        ("concat", {"num_inputs": 3, "bias": False}),
        ("gated", {"align": "smallest"}),
        ("msf.official", {"align": "largest", "num_inputs": 2, "in_channels": (4, 6)}),
        ("csf", {"align": "first", "in_channels": (4, 6), "upsample": 2}),
    ],
)
def test_a_saved_model_answers_as_before(name, options, tmp_path):
    _, layer = pair_of(name, **options)
    widths = options.get("in_channels", (4,) * layer.num_inputs)
    inputs = [keras.Input((None, None, width)) for width in widths]
    model = keras.Model(inputs, layer(inputs))
    maps = [last(x) for x in arrays(*((2, width, 4, 6) for width in widths))]

    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded(maps)),
        keras.ops.convert_to_numpy(model(maps)),
    )
    assert loaded.layers[-1].get_config() == {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in layer.get_config().items()
    }


@pytest.mark.parametrize(
    ("options", "shapes", "size"),
    [
        ({}, [(None, None, 9, 4), (3, 5, None, 4)], (None, 5, 9, 4)),
        ({}, [(2, None, None, 4), (2, None, None, 4)], (2, None, None, 4)),
        ({"align": "first"}, [(2, None, 9, 4), (2, 5, 3, 4)], (2, None, 9, 4)),
        ({"align": "largest"}, [(2, None, 9, 4), (2, 5, 3, 4)], (2, None, 9, 4)),
        ({"align": "smallest"}, [(2, 7, 9, 4), (2, 5, 3, 4)], (2, 5, 3, 4)),
        (
            {"align": "largest", "data_format": "channels_first"},
            [(2, 4, 7, 9), (2, 4, 8, None)],
            (2, 4, 8, None),
        ),
    ],
)
def test_says_of_its_output_what_is_known_of_its_inputs(options, shapes, size):
    assert fk.create("add", 4, **options).compute_output_shape(shapes) == size


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("name", ["add", "concat", "gated", "msf", "csf"])
def test_shows_how_it_shares_out_its_inputs(name, data_format):
    block, layer = pair_of(name, data_format=data_format)
    maps = arrays(*[(2, 4, 5, 9)] * layer.num_inputs)

    found = layer.maps([ordered(x, data_format) for x in maps])

    with torch.no_grad():
        want = block.maps(*map(torch.from_numpy, maps))
    assert list(found) == list(want)
    for key, value in want.items():
        # (B, K, C, H, W): channels stand third
        right = value.movedim(2, -1) if data_format == "channels_last" else value
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(found[key]), right, rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize(
    ("name", "options", "shapes"),
    [
        ("add", {}, [(2, 4, 5, 9)] * 3),
        ("add", {}, [(2, 4, 5, 9), (2, 4, 5, 8)]),
        ("concat", {"num_inputs": 3}, [(2, 4, 5, 9)] * 2 + [(2, 4, 6, 9)]),
        ("gated", {}, [(2, 4, 5, 9), (2, 6, 5, 9)]),
        ("gated", {"align": "first"}, [(2, 6, 5, 9), (2, 4, 5, 9)]),
        ("msf", {}, [(2, 4, 5, 9)]),
        ("csf", {}, [(2, 4, 6, 10), (2, 4, 3, 5)]),
        ("csf", {"upsample": 2}, [(2, 4, 6, 10), (2, 4, 6, 10)]),
        ("csf", {"upsample": 2}, [(2, 4, 6, 10), (2, 4, 3, 4)]),
        ("csf", {"upsample": 2}, [(2, 4, 6, 10), (2, 6, 3, 5)]),
    ],
)
def test_refuses_maps_in_the_words_of_torch(name, options, shapes):
    maps = arrays(*shapes)
    block, layer = pair_of(name, data_format="channels_first", **options)

    with pytest.raises(ShapeError) as theirs:
        block(*map(torch.from_numpy, maps))
    with pytest.raises(ShapeError, match=re.escape(str(theirs.value))):
        layer(maps)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("add", {"align": "frist"}),
        ("add", {"num_inputs": 1}),
        ("add", {"num_inputs": 2.0}),
        ("concat", {"in_channels": (4, 6)}),
        ("concat", {"in_channels": (4,)}),
        ("concat", {"bias": "yes"}),
        ("gated", {"in_channels": 4}),
        ("gated", {"in_channels": (4, 0), "align": "first"}),
        ("msf", {"fc_norm": 1}),
        ("csf", {"upsample": 3}),
        ("csf", {"upsample": True}),
        ("csf", {"reduction": 0}),
    ],
)
def test_refuses_options_in_the_words_of_torch(name, options):
    with pytest.raises(OptionError) as theirs:
        fv.create(name, 4, **options)
    with pytest.raises(OptionError, match=f"^{re.escape(str(theirs.value))}$"):
        fk.create(name, 4, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"align": "frist"}, "align cannot be 'frist'. Did you mean 'first'?"),
        ({"num_inputs": 1}, "num_inputs must be at least 2, got 1."),
        ({"in_channels": (4, 6)}, "in_channels (4, 6) differ from channels 4, which"),
        ({"in_channels": (4,)}, "the channels of 2 inputs, got 1: (4,)."),
        ({"in_channels": 4}, "must be the channels of each input, such as"),
    ],
)
def test_refuses_options_also_before_it_knows_its_channels(options, words):
    with pytest.raises(OptionError, match=re.escape(words)):
        fk.create("add", **options)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (np.zeros((2, 5, 9, 4)), "a list of 2 maps, got a map of (2, 5, 9, 4): write"),
        (keras.Input((5, 9, 4)), "got a map of (None, 5, 9, 4): write fusion([x, y])."),
        ({"a": np.zeros((2, 5, 9, 4))}, "Add: takes a list of 2 maps, got a dict: wri"),
    ],
    ids=["a map", "an unknown map", "a dict"],
)
@pytest.mark.parametrize("built", [False, True])
def test_says_how_to_give_several_maps(inputs, words, built):
    layer = fk.create("add", 4)
    if built:
        layer.build([(None, None, None, 4)] * 2)

    with pytest.raises(ShapeError, match=re.escape(words)):
        layer(inputs)


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (
            [(2, 5, 9, 4), (1, 5, 9, 4)],
            "Add: input 2 is (1, 5, 9, 4), input 1 is (2, 5, 9, 4). Batch must be the",
        ),
        (
            [(2, 5, 9, 4), (5, 9, 4)],
            "Add: input 2: expects (B, H, W, C), got (5, 9, 4). A single image needs",
        ),
        (
            [(2, 5, 9, 4), (2, 4, 5, 9)],
            "Add: input 2 must have 4 channels, got (2, 4, 5, 9). For maps in that "
            "order, build it with data_format='channels_first'.",
        ),
    ],
)
def test_says_which_input_differs_and_how(shapes, words, built):
    layer = fk.create("add", 4)
    if built:
        layer.build([(None, None, None, 4)] * 2)

    with pytest.raises(ShapeError, match=re.escape(words)):
        layer([np.zeros(shape, "float32") for shape in shapes])


def test_refuses_whole_numbers():
    maps = [np.zeros((2, 5, 9, 4), "float32"), np.zeros((2, 5, 9, 4), "int32")]

    with pytest.raises(ShapeError, match=r"Add: input 2: expects floating point"):
        fk.create("add", 4)(maps)


def test_a_functional_model_is_refused_where_it_is_made():
    layer = fk.create("add", 4)
    fine, coarse = keras.Input((6, 10, 4)), keras.Input((3, 5, 4))

    with pytest.raises(ShapeError, match=r"input 2 is \(None, 3, 5, 4\), input 1 is"):
        layer([fine, coarse])


def test_channels_must_be_known():
    unknown = keras.Input((None, None, None))

    with pytest.raises(ShapeError, match=r"the channels of input 1 must be known"):
        fk.create("add")([unknown, unknown])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["add", "concat", "gated", "msf", "csf"])
def test_mixed_precision_is_near_float32(name, policy):
    block, _ = pair_of(name, align="largest")
    layer = fk.from_torch(fk.create(name, 4, align="largest", dtype=policy), block)
    maps = arrays((2, 4, 5, 9), *[(2, 4, 8, 6)] * (layer.num_inputs - 1))

    y = layer([last(x) for x in maps])

    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    found = keras.ops.convert_to_numpy(keras.ops.cast(y, "float32"))
    want = last(torch_answer(block, maps))
    assert np.abs(found - want).max() < 0.05 * np.abs(want).max()


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends know all sizes"
)
@pytest.mark.slow
@pytest.mark.parametrize("align", ["first", "largest", "smallest"])
@pytest.mark.parametrize("name", ["add", "concat", "gated", "csf"])
def test_a_graph_may_not_know_the_sizes(name, align):
    tensorflow = pytest.importorskip("tensorflow")
    block, layer = pair_of(name, align=align, in_channels=(4, 6))
    unknown = (None, None, None)
    graph = tensorflow.function(
        lambda first, second: layer([first, second]),
        input_signature=[tensorflow.TensorSpec((*unknown, c)) for c in (4, 6)],
    )

    for first, second in [((2, 4, 5, 9), (2, 6, 8, 3)), ((1, 4, 2, 3), (1, 6, 1, 7))]:
        maps = arrays(first, second)
        close(graph(*map(last, maps)), torch_answer(block, maps))
