"""From results to verdicts and tables."""

import json
from dataclasses import replace

import pytest
from benchmarks.machine import Machine
from benchmarks.racing import Time
from benchmarks.results import CrissCross, Host, Race, Results, Saved
from benchmarks.targets import gates, verdicts

from benchmarks import rendering, results

SHAPE = (8, 256, 56, 56)


def time(median_ms, ours_ms=1.0):
    return Time(median_ms, 0.2, 5, median_ms / ours_ms)


def race(block, mode="forward", shape=SHAPE, over_floor=None, **median_ms):
    passes = {"copy": 1.0, "sigmoid": 1.5}
    given = {**median_ms, **passes}
    times = {name: time(ms, median_ms["ours"]) for name, ms in given.items()}
    over = {} if over_floor is None else {"ours": over_floor}
    return Race(block, shape, mode, times, over)


def found(**given):
    machine = Machine("A Chip (tm)", "cpu", "float32", 2, "kept", {"torch": "2.0"})
    return Results(machine, **given)


def verdict(claim, **given):
    return next(v for v in verdicts(found(**given)) if v.claim.startswith(claim))


def test_only_blocks_that_multiply_their_input_are_gates():
    names = ["se", "criss_cross", "safm", "shuffle", "mfe"]

    assert gates(names) == ("se", "safm", "shuffle")


def test_the_mean_against_textbook_is_of_all_gates_and_shapes():
    races = [
        race("se", ours=1.0, textbook=2.0),
        race("simam", ours=1.0, textbook=8.0),
        race("mfe", ours=1.0, textbook=1.0),
    ]

    mean = verdict("Forward against textbook, geometric", races=races)

    assert mean.value == pytest.approx(4.0)
    assert mean.reached


def test_the_slowest_gate_is_named_with_its_shape():
    races = [
        race("se", ours=1.0, textbook=0.9),
        race("simam", ours=1.0, textbook=8.0),
    ]

    slowest = verdict("Forward against textbook, slowest", races=races)

    assert (slowest.value, slowest.where) == (0.9, "se at 8x256x56x56")
    assert not slowest.reached


def test_compiled_textbook_meets_the_fastest_of_ours():
    races = [race("se", ours=2.0, ours_compiled=1.0, textbook_compiled=3.0)]

    mean = verdict("Fastest of ours against compiled", races=races)

    assert mean.value == pytest.approx(3.0)


def test_a_peer_may_not_be_faster_at_all():
    races = [race("se", ours=1.0, timm=0.99)]

    assert not verdict("Forward against timm", races=races).reached


def test_saved_bytes_are_compared_and_the_largest_gate_is_named():
    saved = [
        Saved("se", SHAPE, {"ours": 1.0, "textbook": 1.0}),
        Saved("simam", SHAPE, {"ours": 1.0, "textbook": 4.0}),
        Saved("soca", SHAPE, {"ours": 1.2}),
    ]

    mean = verdict("Saved bytes against", saved=saved)
    largest = verdict("Saved bytes in copies", saved=saved)

    assert mean.value == pytest.approx(0.5)
    assert (largest.value, largest.where) == (1.2, "soca at 8x256x56x56")


def test_the_floor_is_compared_at_the_shape_that_is_furthest_from_it():
    small = (1, 64, 160, 160)
    races = [
        race("se", ours=3.0, over_floor=2.0),
        race("se", shape=small, ours=1.5, over_floor=1.0),
    ]

    floor = verdict("Forward of se over its floor", races=races)

    assert (floor.value, floor.where) == (2.0, "se at 8x256x56x56")


def criss_cross(size, ours, textbook):
    extra = {"ours": ours, "textbook": textbook}
    times = {"ours": time(1.0), "textbook": time(2.0)}
    return CrissCross((size, size), extra, extra, times, times)


def test_criss_cross_memory_that_grows_with_the_map_is_linear():
    sizes = [criss_cross(48, 4 * 48**2, 1), criss_cross(96, 4 * 96**2, 32 * 96**2)]

    power = verdict("Criss-cross, power", criss_cross=sizes)
    assert power.value == pytest.approx(1.0)
    assert power.reached
    assert verdict("Criss-cross at 96x96, extra", criss_cross=sizes).value == 8.0


def test_criss_cross_memory_that_grows_faster_is_not():
    sizes = [criss_cross(48, 4 * 48**3, 1), criss_cross(96, 4 * 96**3, 1)]

    power = verdict("Criss-cross, power", criss_cross=sizes)
    assert power.value == pytest.approx(1.5)
    assert not power.reached


def host(ours, textbook):
    added = {"ours": ours, "ours_identity": ours, "textbook": textbook}
    return Host("se", "resnet50", (8, 3, 224, 224), 300.0, added, added, 9)


def test_a_host_pays_half_of_what_textbook_costs_it():
    half = verdict("What se adds", hosts=[host(10.0, 20.0)])

    assert (half.value, half.reached) == (0.5, True)


def test_what_is_lost_in_the_noise_reaches_nothing():
    lost = verdict("What se adds", hosts=[host(-3.0, -1.0)])

    assert not lost.reached


def test_nothing_measured_gives_no_verdict():
    assert verdicts(found()) == []


def everything():
    return found(
        races=[
            race("se", ours=1.25, textbook=2.5, timm=2.0, over_floor=1.25),
            race("se", mode="training", ours=4.0, textbook=9.0),
        ],
        saved=[Saved("se", SHAPE, {"ours": 1.0, "textbook": 1.5})],
        criss_cross=[criss_cross(96, 2**20, 2**24)],
        hosts=[host(10.0, 25.0)],
        refused={"eca": "a test is red: test_x"},
    )


def test_results_come_back_from_their_file_as_they_were(tmp_path):
    results.save(everything(), tmp_path / "folder" / "cpu.json")

    back = results.load(tmp_path / "folder" / "cpu.json")

    assert back == everything()


def test_a_file_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "cpu.json"
    path.write_text(json.dumps({"schema": 0}))

    with pytest.raises(ValueError, match=r"is not of schema 1\. Measure again\."):
        results.load(path)


def test_a_table_shows_times_in_copies_and_the_ratio():
    text = rendering.render(everything())

    assert (
        "| se | 1.25 ± 0.10 | 2.50 ± 0.10 | 2.00 ± 0.10 | 2.00 | 1.25 |"
        in text.splitlines()
    )
    assert "1 is 1.00 ms; a sigmoid pass takes 1.50." in text


def test_a_page_shows_every_part():
    text = rendering.render(everything())

    titles = [line for line in text.splitlines() if line.startswith("###")]
    assert titles == [
        "### Targets",
        "### Forward at 8x256x56x56",
        "### Forward and backward at 8x256x56x56",
        "### Kept for the backward pass",
        "### Criss-cross attention",
        "### In a whole network",
        "### Not reported",
    ]
    assert text.startswith("Measured on A Chip (tm) (cpu), float32, 2 threads")


def test_what_was_not_reached_stands_out():
    text = rendering.render(found(races=[race("se", ours=1.0, textbook=0.5)]))

    assert "| se at 8x256x56x56 | **no** |" in text


def test_tables_go_between_the_markers_of_a_page():
    page = "a\n<!-- table: start -->\nold\n<!-- table: end -->\nb"

    assert rendering.place(page, "new \\1") == (
        "a\n<!-- table: start -->\n\nnew \\1\n\n<!-- table: end -->\nb"
    )


def test_a_page_without_markers_is_refused():
    with pytest.raises(ValueError, match="The page has no <!-- table: start -->"):
        rendering.place("a page", "a table")


def test_the_name_of_a_machine_is_a_name_of_a_file():
    assert found().machine.slug == "cpu-a-chip-tm"


def test_numbers_of_another_path_say_so_and_have_a_file_of_their_own():
    results = found()
    results.machine = replace(results.machine, path="reference")

    assert results.machine.slug == "cpu-a-chip-tm-reference"
    assert "ours on the path reference" in rendering.render(results)
