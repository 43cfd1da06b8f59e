"""Costs and overheads, by hand."""

import pytest

from foveate.errors import RecordError
from foveate.records import (
    Cost,
    Latency,
    Memory,
    Overhead,
    Overheads,
    PlanCost,
    Quartiles,
)


def timed(milliseconds):
    return Latency(median_ms=milliseconds, iqr_ms=1, runs=5, threads=2)


HOST = Cost(
    parameters=100,
    macs=1000,
    latency=timed(20),
    memory=Memory(peak_bytes=64, saved_bytes=256),
)
GRAFTED = Cost(
    parameters=107,
    macs=1030,
    latency=timed(90),
    memory=Memory(peak_bytes=64, saved_bytes=296),
)


def overhead(**fields):
    given = {
        "block": "se",
        "size": (7, 5),
        "batch": 2,
        "dtype": "float32",
        "device": "cpu",
        "compiled": False,
        "host": HOST,
        "grafted": GRAFTED,
        "ratios": Quartiles(low=1.25, median=1.5, high=2),
    }
    return Overhead(**given | fields)


def test_an_overhead_is_what_grafting_adds():
    row = overhead()

    assert (row.parameters, row.macs) == (7, 30)
    assert (row.peak_bytes, row.saved_bytes) == (0, 40)


def test_an_overhead_in_time_comes_from_pairs_and_not_from_medians():
    row = overhead()

    # half of the host's 20 ms, though the medians are 70 ms apart
    assert row.latency_share == 0.5
    assert row.latency_share_range == (0.25, 1)
    assert row.latency_ms == 10


def test_an_overhead_that_was_not_timed_or_followed_has_none():
    plain = Cost(parameters=1, macs=2)

    row = overhead(host=plain, grafted=plain, ratios=None)

    assert row.latency_share is row.latency_share_range is row.latency_ms is None
    assert row.peak_bytes is row.saved_bytes is None


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_overheads_are_read_back_as_they_were_written(tmp_path, ending):
    found = Overheads(host="ResNet", at="layer?", rows=(overhead(),))

    assert Overheads.load(found.save(tmp_path / f"found.{ending}")) == found


def test_a_file_of_before_has_what_it_had(tmp_path):
    file = tmp_path / "cost.json"
    file.write_text('{"schema_number": 1, "parameters": 3, "macs": 4}')

    found = Cost.load(file)

    assert (found.parameters, found.macs) == (3, 4)
    assert found.latency is found.memory is None


def test_a_negative_time_is_refused():
    with pytest.raises(RecordError, match="median_ms"):
        Latency.parse(timed(1).plain() | {"median_ms": -1}, "a test")


def test_a_plan_costs_its_places_together():
    places = (
        Cost(parameters=1, macs=2, elementwise=3, pooling=4, not_counted=("b", "a")),
        Cost(parameters=10, macs=20, elementwise=30, pooling=40, not_counted=("b",)),
    )

    assert PlanCost(places=places).total == Cost(
        parameters=11, macs=22, elementwise=33, pooling=44, not_counted=("a", "b")
    )
