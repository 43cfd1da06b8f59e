"""Candidates take turns, and are compared within a round. No test looks at a clock."""

from benchmarks.racing import FEWEST_ROUNDS, against, race, summarise


class Weather:
    """A watch that tells what it is given: each call costs more in every round."""

    def __init__(self, costs):
        self.costs = costs
        self.order = []
        self.slower = 1.0

    def calls(self):
        return {name: self._call(name) for name in self.costs}

    def _call(self, name):
        def call():
            self.order.append(name)

        return call

    def watch(self, call):
        call()
        self.slower *= 1.5
        return self.costs[self.order[-1]] * self.slower


def test_every_candidate_has_a_turn_in_every_round():
    weather = Weather({"ours": 5.0, "other": 10.0, "third": 7.0})

    times = race(weather.calls(), 0.0, weather.watch)

    assert {name: len(values) for name, values in times.items()} == {
        "ours": FEWEST_ROUNDS,
        "other": FEWEST_ROUNDS,
        "third": FEWEST_ROUNDS,
    }


def test_every_round_gives_each_a_turn_in_an_order_of_its_own():
    weather = Weather({"a": 5.0, "b": 5.0, "c": 5.0})

    race(weather.calls(), 0.0, weather.watch)

    turns = weather.order[-3 * FEWEST_ROUNDS :]
    rounds = [tuple(turns[start : start + 3]) for start in range(0, len(turns), 3)]
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds)
    assert len(set(rounds)) > 1


def test_a_short_call_is_repeated_within_its_turn_and_told_for_one_call():
    count = 0

    def short():
        nonlocal count
        count += 1

    times = race({"ours": short}, 0.0, lambda call: (call(), 1.0)[1])

    # two to warm up, one to see how long it takes, then two a turn: 2 ms at least
    assert count == 3 + 2 * FEWEST_ROUNDS
    assert times["ours"] == [0.5] * FEWEST_ROUNDS


def test_a_ratio_is_that_of_the_same_round():
    times = {"ours": [1.0, 2.0, 4.0], "other": [2.0, 4.0, 40.0]}

    assert against(times, "other", "ours") == 2.0


def test_a_summary_has_the_median_and_the_spread():
    found = summarise({"ours": [1.0, 2.0, 3.0], "other": [2.0, 4.0, 6.0]}, "ours")

    assert found["other"].median_ms == 4.0
    assert found["other"].iqr_ms == 2.0
    assert found["other"].rounds == 3
    assert found["other"].against_ours == 2.0
    assert found["ours"].against_ours == 1.0
