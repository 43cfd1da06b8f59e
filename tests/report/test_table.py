"""The ranking as strings."""

from foveate.report import table

NONE = "\N{EN DASH}"


def test_rows_hold_the_numbers_as_they_are_read(mixed):
    header, rows = table(mixed)

    assert header == (
        "block",
        "accuracy (%)",
        "difference to plain (points)",
        "wins",
        "verdict",
        "parameters",
        "MACs",
    )
    assert rows[0] == (
        "plain",
        "84.0 ± 1.2",
        NONE,
        NONE,
        "reference",
        "1,234,567",
        "4.2 M",
    )
    assert rows[1] == (
        "se",
        "86.0 ± 1.2",
        "+2.0 (+1.0 to +3.0)",
        "3/3",
        "better",
        "1,235,567",
        "4.2 M",
    )


def test_a_negative_difference_has_a_minus_sign(mixed):
    rows = table(mixed)[1]

    assert rows[3][2] == "-3.0 (-4.0 to -2.0)".replace("-", "\N{MINUS SIGN}")
    assert rows[3][3:5] == ("0/3", "worse")


def test_one_seed_has_no_intervals(odd_cases):
    rows = table(odd_cases["one of each"])[1]

    assert rows[1][1:5] == ("81.0", NONE, "1/1", "cannot tell")
