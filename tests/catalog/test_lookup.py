"""Finding cards by name, alias, variant, kind and pattern."""

import pytest

from foveate import catalog
from foveate.errors import OptionError, UnknownNameError, UnknownOptionError


def test_names_are_sorted():
    assert catalog.names() == sorted(catalog.names())


def test_names_can_be_of_one_kind():
    found = catalog.names(kind="channel")

    assert {catalog.card(name).kind for name in found} == {"channel"}
    assert {"se", "eca", "channel", "coordinate"} <= set(found)


def test_the_kinds_together_are_all_names():
    found = [name for kind in catalog.KINDS for name in catalog.names(kind=kind)]

    assert sorted(found) == catalog.names()


def test_a_kind_that_does_not_exist_offers_the_near_one():
    with pytest.raises(OptionError, match=r"kind cannot be 'chanel'.*'channel'"):
        catalog.names(kind="chanel")


def test_a_pattern_is_a_glob_over_names():
    assert {"channel", "cbam", "coordinate"} <= set(catalog.names("c*"))
    assert "se" not in catalog.names("c*")


def test_a_pattern_reads_aliases_too():
    found = catalog.names("*attention*")

    assert {"channel", "coordinate", "shuffle", "spatial"} <= set(found)


def test_a_pattern_and_a_kind_hold_together():
    assert "coordinate" not in catalog.names("c*", kind="mixed")
    assert "cbam" in catalog.names("c*", kind="mixed")


def test_a_pattern_that_fits_nothing_finds_nothing():
    assert catalog.names("no such*") == []


def test_find_gives_the_cards_of_names():
    assert [card.name for card in catalog.find("s*")] == catalog.names("s*")


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("senet", "se"),
        ("ca", "coordinate"),
        ("coord", "coordinate"),
        ("sa", "shuffle"),
        ("channel_attention", "channel"),
    ],
)
def test_an_alias_finds_its_card(alias, name):
    assert catalog.card(alias).name == name


@pytest.mark.parametrize("written", ["CBAM", " cbam ", "Cbam"])
def test_case_and_spaces_around_do_not_matter(written):
    assert catalog.card(written).name == "cbam"


def test_a_dash_is_an_underscore():
    assert catalog.card("coordinate-attention").name == "coordinate"


def test_a_variant_finds_the_card_of_its_block():
    assert catalog.card("cbam.keras").name == "cbam"


def test_resolve_gives_card_and_variant():
    card, variant = catalog.resolve("simam.imagenet")

    assert (card.name, variant.name) == ("simam", "imagenet")


def test_resolve_of_a_block_gives_no_variant():
    assert catalog.resolve("simam")[1] is None


def test_an_alias_has_the_variants_of_its_block():
    assert catalog.resolve("sa.imagenet") == catalog.resolve("shuffle.imagenet")


def test_an_unknown_name_offers_near_ones():
    with pytest.raises(UnknownNameError, match=r"no block named 'cbm'.*'cbam'"):
        catalog.card("cbm")


def test_a_name_like_nothing_lists_what_there_is():
    with pytest.raises(UnknownNameError, match=r"Known: .*cbam.*, se,"):
        catalog.card("transformer9000")


def test_an_unknown_variant_offers_those_of_its_block():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'cbam\.keras'"):
        catalog.card("cbam.kers")


def test_an_unknown_name_is_a_lookup_error_too():
    with pytest.raises(LookupError):
        catalog.card("cbm")


def test_options_of_a_block_are_only_those_given():
    assert catalog.options_of("se", {"reduction": 4}) == {"reduction": 4}


def test_options_of_a_variant_are_its_own_and_those_given():
    found = catalog.options_of("cbam.conv", {"kernel_size": 3})

    assert found == {
        "reduction": 8,
        "bias": False,
        "spatial_norm": False,
        "kernel_size": 3,
    }


def test_given_options_win_over_those_of_the_variant():
    assert catalog.options_of("cbam.conv", {"reduction": 4})["reduction"] == 4


def test_looking_up_options_leaves_the_card_as_it_was():
    before = dict(catalog.resolve("cbam.conv")[1].options)

    catalog.options_of("cbam.conv", {"reduction": 4})["bias"] = True

    assert dict(catalog.resolve("cbam.conv")[1].options) == before


def test_an_unknown_option_offers_the_near_one():
    words = r"se has no option 'reductoin'\. Did you mean 'reduction'\?"

    with pytest.raises(UnknownOptionError, match=words):
        catalog.options_of("senet", {"reductoin": 4})


def test_an_unknown_option_is_a_type_error_too():
    with pytest.raises(TypeError):
        catalog.options_of("se", {"ratio": 4})


def test_a_variant_starts_as_its_block_does():
    assert catalog.starts_of("cbam.conv") == ("identity", "gate", "paper")


def test_a_variant_can_have_starts_of_its_own():
    assert catalog.starts_of("cbam.keras") == ("identity", "paper")


def test_starts_of_an_unknown_name_offers_near_ones():
    with pytest.raises(UnknownNameError, match=r"no block named 'cbm'.*'cbam'"):
        catalog.starts_of("cbm")


def test_a_card_names_its_variants_as_create_takes_them():
    assert catalog.card("simam").variant_names == ("simam.imagenet",)


def test_a_card_tells_the_year_of_its_paper():
    assert catalog.card("se").year == 2018
