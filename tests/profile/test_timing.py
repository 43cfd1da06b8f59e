"""Taking turns, by a clock that the calls themselves move on."""

import pytest
import torch
from torch import nn

from foveate.errors import OptionError
from foveate.profile.timing import Rounds, interleaved, latency, pinned


class Clock:
    """Seconds that pass only as calls take them.

    Attributes:
        calls: The names of the calls, in the order in which they ran.
    """

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def __call__(self):
        return self.now

    def call(self, name, *seconds):
        """Return a call that takes each of ``seconds`` in turn, then the last."""
        left = list(seconds)

        def run():
            self.calls.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


def test_calls_take_turns_and_each_round_begins_with_the_next():
    clock = Clock()
    calls = [clock.call("a", 1), clock.call("b", 1)]

    interleaved(calls, seconds=0.5, clock=clock)

    # each twice to warm up, then five rounds
    assert "".join(clock.calls) == "aabb" + "ab" + "ba" + "ab" + "ba" + "ab"


def test_rounds_go_on_until_the_time_is_over():
    clock = Clock()

    rounds = interleaved([clock.call("a", 1)], seconds=7.5, clock=clock)

    assert len(rounds.times_ms[0]) == 8


def test_a_short_call_is_repeated_until_the_clock_can_tell():
    clock = Clock()

    rounds = interleaved([clock.call("a", 2**-12)], seconds=2**-12, clock=clock)

    # a thousandth of a second is a little over four of them, five times
    assert len(clock.calls) == 2 + 5 * 5
    assert rounds.times_ms[0] == [1000 * 2**-12] * 5


def test_time_to_warm_up_is_not_counted():
    clock = Clock()

    rounds = interleaved([clock.call("a", 60, 30, 1)], seconds=1, clock=clock)

    assert rounds.times_ms == [[1000] * 5]


def test_ratios_pair_what_ran_in_the_same_round():
    # the machine slows down: each is as slow in a round as the other
    rounds = Rounds([[1, 2, 3, 4, 500], [1.5, 3, 4.5, 6, 750]], threads=1)

    found = rounds.ratios(1, 0)

    assert (found.low, found.median, found.high) == (1.5, 1.5, 1.5)


def test_a_latency_is_the_median_and_what_lies_between_quartiles():
    rounds = Rounds([[5, 1, 4, 2, 3]], threads=3)

    found = rounds.latency(0)

    assert (found.median_ms, found.iqr_ms, found.runs, found.threads) == (3, 2, 5, 3)


def test_threads_are_pinned_and_put_back():
    before = torch.get_num_threads()
    seen = []

    with pinned(before + 1) as count:
        seen = [count, torch.get_num_threads()]

    assert seen == [before + 1, before + 1]
    assert torch.get_num_threads() == before


def test_threads_come_back_when_a_call_fails():
    before = torch.get_num_threads()

    with pytest.raises(ZeroDivisionError):
        interleaved([lambda: 1 / 0], seconds=1, threads=before + 1)

    assert torch.get_num_threads() == before


def test_a_module_is_timed_in_evaluation_without_gradients():
    seen = []
    model = nn.Dropout()
    model.register_forward_hook(
        lambda *_: seen.append((model.training, torch.is_grad_enabled()))
    )

    found = latency(model, torch.ones(1), seconds=0.001)

    assert set(seen) == {(False, False)}
    assert found.median_ms > 0
    assert model.training


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seconds": 0}, "seconds must be greater than 0, got 0"),
        ({"seconds": 1, "threads": 0}, "threads must be from 1 to "),
        ({"seconds": 1, "threads": 10**5}, "the cores of this machine, got 100000"),
    ],
)
def test_no_time_and_no_threads_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        latency(torch.sigmoid, torch.ones(1), **options)
