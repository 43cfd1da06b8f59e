"""The table of the documentation says how equal the numbers are now."""

from functools import cache

import keras
from benchmarks.twinning import SIZES, Case, forms, pair
from benchmarks.twins import BACKENDS, PAGE, read

BACKEND = BACKENDS[keras.backend.backend()]
TIMES = 4
"""Rounding differs from one processor to another."""

ROUNDING = 2e-6
"""As a share of the largest value: differences below that are of no concern."""


@cache
def table():
    return read(PAGE.read_text(encoding="utf-8"))


def test_it_names_every_form():
    assert list(table()) == forms()


def test_it_is_no_better_than_what_is_measured(form):
    case = Case(form, SIZES[1], dtype="float32")
    wanted = pair(case).of_torch(training=False)
    found = pair(case).of_keras(training=False)
    row = table()[form]

    apart = abs(found.output - wanted.output).max()

    largest = abs(wanted.output).max()
    assert apart <= max(TIMES * row[f"{BACKEND}, output"], ROUNDING * largest)
    assert largest <= row["largest output"] * 1.01
