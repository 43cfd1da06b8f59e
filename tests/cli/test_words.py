"""What is written on the command line in words of ours."""

from typing import get_args

from foveate.cli._words import Position
from foveate.records import POSITIONS


def test_the_positions_are_those_of_the_library():
    assert get_args(get_args(Position)[0]) == POSITIONS
