"""Every block has a card, every card a block, and both say the same."""

import inspect
import re
import sys
from contextlib import nullcontext

import pytest
import torch

import foveate as fv
from foveate import blocks, catalog
from foveate.blocks._registry import CLASSES
from foveate.errors import OptionError

REQUIRED = inspect.Parameter.empty


def parameters_of(card_name):
    return list(inspect.signature(blocks.block_class(card_name)).parameters.values())


def sentences_of(card):
    yield card.summary
    yield from card.differs
    yield from (option.meaning for option in card.options)
    for variant in card.variants:
        yield variant.summary
        yield from variant.differs


def test_every_class_has_a_card_and_every_card_a_class():
    assert sorted(CLASSES) == catalog.names()


def test_no_class_serves_two_cards():
    assert len(set(CLASSES.values())) == len(CLASSES)


def test_no_name_is_taken_twice():
    names = [n for card in catalog.find() for n in (card.name, *card.aliases)]

    assert len(set(names)) == len(names)


def test_the_first_parameter_is_channels(card_name):
    assert parameters_of(card_name)[0].name == "channels"


def test_all_other_parameters_are_keyword_only(card_name):
    kinds = {parameter.kind for parameter in parameters_of(card_name)[1:]}

    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_the_options_of_the_card_are_those_of_the_class(card_name):
    want = {p.name: p.default for p in parameters_of(card_name)[1:]}

    assert catalog.card(card_name).defaults == want
    assert list(catalog.card(card_name).defaults) == list(want)


def test_no_default_is_of_another_type_than_on_the_card(card_name):
    want = [type(p.default) for p in parameters_of(card_name)[1:]]

    assert [type(v) for v in catalog.card(card_name).defaults.values()] == want


def test_no_option_has_a_name_that_create_takes_itself(card_name):
    taken = {"name", "channels", "device", "dtype"}

    assert taken.isdisjoint(catalog.card(card_name).defaults)


def test_a_variant_sets_only_options_of_its_card(card_name):
    card = catalog.card(card_name)

    for variant in card.variants:
        assert set(variant.options) <= set(card.defaults), variant.name


def test_a_variant_differs_from_the_defaults(card_name):
    card = catalog.card(card_name)

    for variant in card.variants:
        assert {**card.defaults, **variant.options} != card.defaults, variant.name


def test_the_paper_has_a_secure_link(card_name):
    assert catalog.card(card_name).paper.link.startswith("https://")


def test_the_docstring_names_the_link_of_the_paper(card_name):
    doc = blocks.block_class(card_name).__doc__

    assert catalog.card(card_name).paper.link in doc


@pytest.mark.parametrize("section", ["Args", "Shape", "Raises", "Example", "Source"])
def test_the_docstring_has_the_section(card_name, section):
    doc = inspect.getdoc(blocks.block_class(card_name))

    assert re.search(rf"^{section}:", doc, re.MULTILINE)


def test_the_docstring_explains_every_option(card_name):
    doc = inspect.getdoc(blocks.block_class(card_name))

    for parameter in parameters_of(card_name):
        assert f"\n    {parameter.name}: " in doc


def test_every_sentence_of_the_card_starts_large_and_ends_with_a_period(card_name):
    card = catalog.card(card_name)

    for sentence in sentences_of(card):
        opens_with_an_option = sentence.split()[0] in card.defaults
        assert opens_with_an_option or not sentence[0].islower(), sentence
        assert sentence.endswith("."), sentence


def test_the_card_shows_a_formula_that_ends_in_y(card_name):
    assert "y = " in catalog.card(card_name).formula


def test_the_name_is_lower_case(card_name):
    card = catalog.card(card_name)

    for name in (card.name, *card.aliases, *(v.name for v in card.variants)):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)


def test_the_class_is_public_in_its_module_and_in_blocks(card_name):
    cls = blocks.block_class(card_name)

    assert cls.__name__ in sys.modules[cls.__module__].__all__
    assert getattr(blocks, cls.__name__) is cls
    assert cls.__name__ in blocks.__all__


def test_the_class_is_final(card_name):
    assert getattr(blocks.block_class(card_name), "__final__", False)


def test_create_gives_the_class_of_the_name(name, new_block):
    assert type(new_block(name)) is blocks.block_class(name)


def test_an_alias_creates_the_same_block(card_name, new_block, fresh_block):
    block = new_block(card_name)

    for alias in catalog.card(card_name).aliases:
        twin = fresh_block(alias)
        twin.load_state_dict(block.state_dict(), strict=True)
        assert type(twin) is type(block)


def test_given_options_win_over_those_of_a_variant(name):
    card, _ = catalog.resolve(name)

    for option, default in card.defaults.items():
        assert catalog.options_of(name, {option: default})[option] == default


def test_the_defaults_written_out_change_nothing(
    card_name, new_block, fresh_block, new_inputs
):
    block, maps = new_block(card_name), new_inputs(card_name)
    defaults = dict(catalog.card(card_name).defaults)
    defaults.pop("spatial_size", None)

    twin = fresh_block(card_name, **defaults)
    twin.double().eval().load_state_dict(block.state_dict(), strict=True)

    torch.testing.assert_close(twin(*maps), block(*maps), rtol=0, atol=0)


def test_the_card_counts_the_parameters(card_name):
    card = catalog.card(card_name)
    size = {"spatial_size": (7, 7)} if card.sized else {}

    block = fv.create(card_name, 256, device="meta", **size)

    assert card.parameters == sum(p.numel() for p in block.parameters())


def test_a_sized_block_says_that_it_must_be_told_the_size(card_name, fresh_block):
    channels = fresh_block(card_name).channels or 8

    wants = pytest.raises(OptionError, match=r"spatial_size must be \(H, W\)")
    with wants if catalog.card(card_name).sized else nullcontext():
        fv.create(card_name, channels)
