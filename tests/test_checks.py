"""The words with which an option is refused."""

import re

import pytest

from foveate import _checks
from foveate.errors import OptionError


def test_positive_takes_whole_numbers_above_0():
    _checks.positive("Block", channels=1, reduction=16)


def test_positive_or_none_takes_what_is_not_set():
    _checks.positive_or_none("Block", channels=1, hidden_channels=None)


def test_positive_or_none_refuses_all_else_that_positive_refuses():
    with pytest.raises(OptionError, match=r"channels must be greater than 0, got 0"):
        _checks.positive_or_none("Block", channels=0)


@pytest.mark.parametrize("value", ["no", 0, None], ids=repr)
def test_boolean_takes_only_true_and_false(value):
    _checks.boolean("Block", bias=False, norm=True)

    with pytest.raises(OptionError, match=r"^Block: bias must be True or False, got "):
        _checks.boolean("Block", bias=value)


@pytest.mark.parametrize("value", [0, -3])
def test_positive_names_the_owner_the_option_and_the_value(value):
    words = rf"^Block: reduction must be greater than 0, got {value}\.$"

    with pytest.raises(OptionError, match=words):
        _checks.positive("Block", channels=64, reduction=value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, r"None \(NoneType\)"),
        (True, r"True \(bool\)"),
        (2.0, r"2\.0 \(float\)"),
        ("8", r"'8' \(str\)"),
    ],
)
def test_positive_names_the_type_of_what_is_no_whole_number(value, shown):
    words = rf"channels must be a whole number greater than 0, got {shown}\.$"

    with pytest.raises(OptionError, match=words):
        _checks.positive("Block", channels=value)


@pytest.mark.parametrize("value", [1, 0.5, 1e-9])
def test_number_takes_what_is_above(value):
    _checks.number("Block", above=0, e_lambda=value)


@pytest.mark.parametrize(
    "value", [0, -1, float("inf"), float("nan"), True, "1", None], ids=repr
)
def test_number_refuses_all_else(value):
    words = r"^Block: e_lambda must be a number greater than 0, got "

    with pytest.raises(OptionError, match=words):
        _checks.number("Block", above=0, e_lambda=value)


@pytest.mark.parametrize("value", [0, -1.5, 3, None])
def test_finite_or_none_takes_any_number(value):
    _checks.finite_or_none("Block", qk_scale=value)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), True, "1"], ids=repr)
def test_finite_or_none_refuses_all_else(value):
    words = r"^Block: qk_scale must be a finite number or None, got "

    with pytest.raises(OptionError, match=words):
        _checks.finite_or_none("Block", qk_scale=value)


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 0.999])
def test_share_takes_what_leaves_something(value):
    _checks.share("Block", attn_drop=value)


@pytest.mark.parametrize("value", [1, -0.1, float("nan"), True, "0", None], ids=repr)
def test_share_refuses_all_else(value):
    words = r"^Block: attn_drop must be a number from 0 to below 1, got "

    with pytest.raises(OptionError, match=words):
        _checks.share("Block", attn_drop=value)


@pytest.mark.parametrize("value", [1, 3, 7])
def test_odd_takes_odd_numbers(value):
    _checks.odd("Block", kernel_size=value)


def test_odd_offers_both_neighbours():
    words = r"^Block: kernel_size must be odd.*got 4\. Nearest that fit: 3 or 5\.$"

    with pytest.raises(OptionError, match=words):
        _checks.odd("Block", kernel_size=4)


def test_odd_refuses_what_is_not_positive():
    with pytest.raises(
        OptionError, match=r"kernel_size must be greater than 0, got -3"
    ):
        _checks.odd("Block", kernel_size=-3)


@pytest.mark.parametrize("value", [(5, 7), [5, 7]], ids=repr)
def test_size_returns_a_pair(value):
    assert _checks.size("Block", spatial_size=value) == (5, 7)
    assert _checks.size_or_none("Block", spatial_size=value) == (5, 7)


def test_size_or_none_takes_what_is_not_set():
    assert _checks.size_or_none("Block", spatial_size=None) is None


@pytest.mark.parametrize(
    "value",
    [7, "77", (7,), (7, 7, 7), (7, 0), (-7, 7), (7, 7.0), (True, 7), ("7", 7), {5, 7}],
    ids=repr,
)
@pytest.mark.parametrize("check", [_checks.size, _checks.size_or_none])
def test_size_refuses_what_is_no_pair_of_sides(check, value):
    words = (
        r"^Block: spatial_size must be \(H, W\), two whole numbers greater than 0, "
        rf"got {re.escape(repr(value))}\.$"
    )

    with pytest.raises(OptionError, match=words):
        check("Block", spatial_size=value)


def test_size_refuses_none():
    with pytest.raises(OptionError, match=r"spatial_size must be .*, got None\.$"):
        _checks.size("Block", spatial_size=None)


@pytest.mark.parametrize("channels", [16, 64])
def test_multiple_of_takes_multiples(channels):
    _checks.multiple_of("Block", channels, 16, "because")


@pytest.mark.parametrize(
    ("channels", "fits"), [(100, "96 or 112"), (17, "16 or 32"), (7, "16")]
)
def test_multiple_of_says_why_and_offers_the_nearest(channels, fits):
    words = (
        rf"^Block: channels must be a multiple of 16 \(because\), got {channels}\. "
        rf"Nearest that fit: {fits}\.$"
    )

    with pytest.raises(OptionError, match=words):
        _checks.multiple_of("Block", channels, 16, "because")


@pytest.mark.parametrize(
    ("options", "width"),
    [
        ({}, 4),
        ({"min_channels": 8}, 8),
        ({"hidden_channels": 2}, 2),
        ({"hidden_channels": 2, "min_channels": 8}, 2),
    ],
)
def test_hidden_width_prefers_what_was_set(options, width):
    assert _checks.hidden_width(64, 16, **options) == width


def test_hidden_width_is_never_0():
    assert _checks.hidden_width(8, 16) == 1


def test_one_of_takes_what_is_known():
    _checks.one_of("Block", ["relu", "gelu"], act_layer="gelu")


def test_one_of_offers_the_near_one():
    words = r"^Block: act_layer cannot be 'rel'\. Did you mean 'relu'\?$"

    with pytest.raises(OptionError, match=words):
        _checks.one_of("Block", ["relu", "gelu"], act_layer="rel")


def test_one_of_lists_all_if_none_is_near():
    with pytest.raises(OptionError, match=r"'quux'\. Known: gelu, relu\.$"):
        _checks.one_of("Block", ["relu", "gelu"], act_layer="quux")


def test_suggest_reads_any_case():
    assert _checks.suggest("CBM", ["se", "cbam"]) == "Did you mean 'cbam'?"


def test_suggest_of_nothing_says_so():
    assert _checks.suggest("se", []) == "There are none."


@pytest.mark.parametrize("value", [(3,), [3, 5], range(1, 4)], ids=repr)
def test_whole_numbers_takes_any_sequence_of_them(value):
    _checks.whole_numbers("Block", fewest=1, example=(2, 4), dilations=value)


@pytest.mark.parametrize("value", [(), (3,), "35", 3, None, {3, 5}], ids=repr)
def test_whole_numbers_says_how_many_it_wants(value):
    words = (
        r"^Block: sizes must be a sequence of 2 or more whole numbers, such as \(3, "
    )

    with pytest.raises(OptionError, match=words):
        _checks.whole_numbers("Block", fewest=2, example=(3, 5), sizes=value)


@pytest.mark.parametrize("item", [0, 2.5, True, "3"], ids=repr)
def test_whole_numbers_names_the_one_that_is_none(item):
    with pytest.raises(OptionError, match=rf"sizes must be .* got {item!r}"):
        _checks.whole_numbers("Block", fewest=2, example=(3, 5), sizes=(3, item))
