"""Every block says what is wrong with an input or an option, and what would work."""

import inspect
import re
from contextlib import nullcontext

import pytest
import torch

import foveate as fv
from foveate import blocks
from foveate.errors import OptionError, ShapeError, UnknownOptionError


def test_says_how_to_make_a_batch_of_one_image(name, new_block, new_input):
    with pytest.raises(ShapeError, match=re.escape("A single image needs a batch")):
        new_block(name)(new_input(name)[0])


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_rejects_another_number_of_dims(name, dims, new_block):
    x = torch.zeros((2,) * dims, dtype=torch.float64)

    with pytest.raises(ShapeError, match=re.escape(f"got {tuple(x.shape)}")):
        new_block(name)(x)


def test_rejects_other_channels_and_names_both(name, new_block, new_input):
    x = new_input(name)
    channels = x.shape[1]
    words = f"expects (B, {channels}, H, W), got (2, {channels + 1}, 5, 7)"

    with pytest.raises(ShapeError, match=re.escape(words)):
        new_block(name)(torch.cat([x, x[:, :1]], dim=1))


def test_says_how_to_move_channels_that_stand_last(name, new_block, new_input):
    x = new_input(name).permute(0, 2, 3, 1)

    with pytest.raises(ShapeError, match=re.escape("x.permute(0, 3, 1, 2)")):
        new_block(name)(x)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool], ids=str)
def test_rejects_whole_numbers(name, dtype, new_block, new_input):
    x = torch.ones(new_input(name).shape, dtype=dtype)

    with pytest.raises(ShapeError, match=r"expects floating point, got torch\.\w+"):
        new_block(name)(x)


def test_names_itself_when_an_input_does_not_fit(name, new_block):
    block = new_block(name)

    with pytest.raises(ShapeError, match=rf"^{type(block).__name__}: "):
        block(torch.zeros(3))


def test_maps_say_what_is_wrong_with_an_input_too(name, new_block, new_input):
    x = new_input(name)
    words = f"expects (B, {x.shape[1]}, H, W), got (2, {2 * x.shape[1]}, 5, 7)"

    with pytest.raises(ShapeError, match=re.escape(words)):
        new_block(name).maps(torch.cat([x, x], dim=1))


def test_create_rejects_a_misspelt_option(name, fresh_block):
    with pytest.raises(UnknownOptionError, match="has no option 'reductoin'"):
        fresh_block(name, reductoin=4)


def test_create_offers_the_option_that_was_meant(card_name, fresh_block):
    for option in fv.card(card_name).options:
        with pytest.raises(UnknownOptionError, match=f"'{option.name}'"):
            fresh_block(card_name, **{option.name + "x": 1})


def test_the_class_rejects_a_misspelt_option(card_name, new_input):
    channels = new_input(card_name).shape[1]

    with pytest.raises(TypeError, match="reductoin"):
        blocks.block_class(card_name)(channels, reductoin=4)


def test_the_class_takes_options_by_keyword_only(card_name, new_input):
    channels = new_input(card_name).shape[1]

    with pytest.raises(TypeError, match="positional argument"):
        blocks.block_class(card_name)(channels, 4)


@pytest.mark.parametrize("channels", [0, -8])
def test_rejects_channels_below_one(card_name, channels, size_options):
    with pytest.raises(OptionError, match=f"must be greater than 0, got {channels}"):
        fv.create(card_name, channels, **size_options(card_name))


@pytest.mark.parametrize("channels", ["64", True, 64.0, [64]], ids=repr)
def test_rejects_channels_that_are_no_whole_number(card_name, channels, size_options):
    words = f"must be a whole number greater than 0, got {channels!r}"

    with pytest.raises(OptionError, match=re.escape(words)):
        fv.create(card_name, channels, **size_options(card_name))


def test_takes_channels_of_none_if_any_would_do(card_name, size_options):
    cls = blocks.block_class(card_name)
    takes_any = inspect.signature(cls).parameters["channels"].default is None

    with nullcontext() if takes_any else pytest.raises(OptionError, match="got None"):
        fv.create(card_name, None, **size_options(card_name))


def test_rejects_none_for_a_number_that_has_a_default(card_name, fresh_block):
    for option, default in fv.card(card_name).defaults.items():
        if type(default) in (int, float):
            with pytest.raises(OptionError, match=f"{option} must be .*, got None"):
                fresh_block(card_name, **{option: None})


def test_rejects_a_word_that_is_no_value_of_an_option(card_name, fresh_block):
    for option, default in fv.card(card_name).defaults.items():
        if not isinstance(default, bool):
            with pytest.raises(OptionError, match=f"{option} .*'nonsense'"):
                fresh_block(card_name, **{option: "nonsense"})
