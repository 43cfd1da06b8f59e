"""Costs as a table, as values and as a picture."""

import csv
import io
import re
from itertools import pairwise
from xml.etree.ElementTree import fromstring

import pytest

from foveate.errors import OptionError
from foveate.records import Cost, Latency, Memory, Overhead, Overheads, Quartiles
from foveate.report.cost_chart import draw_costs
from foveate.report.cost_page import (
    render_costs_html,
    render_costs_svg,
    write_picture,
)
from foveate.report.cost_values import render_costs_csv
from foveate.report.costs import (
    COST_HEADER,
    CostLine,
    cost_notes,
    cost_table,
    list_costs,
    name_blocks,
)
from foveate.report.spreading import spread

TABLE = {name: place for place, name in enumerate(COST_HEADER)}
MIB = 2**20
SVG = "{http://www.w3.org/2000/svg}"


def cost(*, ms=20.0, **changed):
    values = {
        "parameters": 1_000_000,
        "macs": 2_000_000_000,
        "elementwise": 40_000,
        "pooling": 0,
        "latency": None
        if ms is None
        else Latency(median_ms=ms, iqr_ms=0.5, runs=30, threads=2),
        "memory": Memory(peak_bytes=4 * MIB, saved_bytes=8 * MIB),
        "device": "cpu",
        "dtype": "float32",
    }
    return Cost(**(values | changed))


def overhead(block="se", *, ratio=(1.02, 1.05, 1.1), size=(24, 40), batch=1, **changed):
    low, median, high = ratio or (0, 0, 0)
    return Overhead(
        block=block,
        size=size,
        batch=batch,
        dtype="float32",
        device="cpu",
        compiled=False,
        host=cost(),
        grafted=cost(**changed),
        ratios=Quartiles(low=low, median=median, high=high) if ratio else None,
    )


def overheads(*rows, host="Net"):
    return Overheads(host=host, at="layer4", rows=rows)


def cells(found, line=1):
    return cost_table(list_costs(found))[1][line]


def drawn(found):
    return draw_costs(found).root


def texts(chart):
    return [element.text for element in chart.iter("text")]


def test_the_host_stands_above_its_blocks_at_each_size_and_batch():
    pairs = [((24, 40), 1), ((48, 80), 1), ((24, 40), 8)]
    rows = [overhead(b, size=s, batch=n) for s, n in pairs for b in ("se", "eca")]

    found = list_costs(overheads(*rows))

    assert [line.name for line in found] == ["Net", "se", "eca"] * 3
    assert [(line.size, line.batch) for line in found][::3] == pairs
    assert [line.overhead is None for line in found][:3] == [True, False, False]


def test_the_host_is_timed_by_a_block_that_was_run():
    too_large = overhead("osra", ratio=None)
    untimed = too_large.model_copy(update={"host": cost(ms=None)})

    host, *_ = list_costs(overheads(untimed, overhead("se")))

    assert host.cost.latency.median_ms == 20.0


def test_the_host_has_its_numbers_in_units():
    row = cells(overheads(overhead()), 0)

    assert row == (
        "24x40",
        "1",
        "Net",
        "1,000,000",
        "2.0 G",
        "40.0 k",
        "0",
        "20.00 ms",
        "0.50 ms apart",
        "4.0 MiB",
        "8.0 MiB",
    )


def test_a_block_has_what_it_adds_in_percent_of_the_host():
    more = Memory(peak_bytes=5 * MIB, saved_bytes=12 * MIB)
    row = cells(
        overheads(overhead(parameters=1_012_345, elementwise=90_000, memory=more))
    )

    # 12,345 of a million, 50,000 of 40,000, 1 of 4 MiB and 4 of 8
    assert row[:4] == ("", "", "+ se", "+1.2 %")
    assert row[4:6] == ("0 %", "+125 %")
    assert row[7:] == ("+5.0 %", "+2.0 to +10.0 %", "+25.0 %", "+50.0 %")


def test_what_the_host_has_none_of_is_a_number():
    row = cells(overheads(overhead(pooling=12_500)))

    assert row[TABLE["pooled"]] == "+12.5 k"


def test_a_little_is_not_nothing_and_less_has_its_sign():
    row = cells(overheads(overhead(macs=2_000_000_001, parameters=900_000)))

    assert row[TABLE["MACs"]] == "<0.01 %"
    assert row[TABLE["parameters"]] == "\N{MINUS SIGN}10.0 %"


def test_what_was_not_measured_is_a_dash():
    row = cells(overheads(overhead(ratio=None)))
    alone = cost_table([CostLine("Net", (8, 8), 1, Cost(parameters=1, macs=1))])[1][0]

    assert row[TABLE["latency"]] == row[TABLE["quartiles"]] == "\N{EN DASH}"
    assert alone[TABLE["latency"] :] == ("\N{EN DASH}",) * 4


def test_a_block_of_a_file_is_called_by_its_class_unless_two_share_it():
    rows = [overhead(b) for b in ("se", "a.py:Mine", "b.py:Mine", "b.py:Other")]

    assert list(name_blocks(rows).values()) == [
        "se",
        "a.py:Mine",
        "b.py:Mine",
        "Other",
    ]


def test_the_notes_say_how_it_was_measured_and_what_is_left_out():
    found = overheads(overhead(not_counted=("aten.sort",)), overhead("eca"))

    timing, memory, left_out = cost_notes(list_costs(found))

    assert "in turns" in timing
    assert "2 threads, at least 30 runs each" in timing
    assert "followed through every operation without being allocated" in memory
    assert left_out.startswith("Not counted: aten.sort.")


def test_the_notes_say_nothing_of_what_was_not_done():
    assert cost_notes([CostLine("Net", (8, 8), 1, Cost(parameters=1, macs=1))]) == []


def test_memory_that_was_measured_is_said_to_be():
    memory = Memory(peak_bytes=1, saved_bytes=1, measured=True)
    line = CostLine("Net", (8, 8), 1, cost(ms=None, memory=memory))

    assert "as the allocator of the device counted it" in cost_notes([line])[0]


def test_values_have_a_line_a_network_and_are_not_rounded():
    found = overheads(overhead(parameters=1_012_345, not_counted=("aten.sort", "b")))

    host, block = csv.DictReader(io.StringIO(render_costs_csv(list_costs(found))))

    assert (host["block"], host["added_parameters"], host["latency_share"]) == ("",) * 3
    assert (host["latency_ms"], host["threads"]) == ("20.0", "2")
    assert (block["block"], block["height"], block["width"]) == ("se", "24", "40")
    assert (block["parameters"], block["added_parameters"]) == ("1012345", "12345")
    assert float(block["latency_share"]) == pytest.approx(0.05)
    assert float(block["latency_share_low"]) == pytest.approx(0.02)
    assert (block["added_saved_bytes"], block["not_counted"]) == ("0", "aten.sort b")


def test_values_of_a_network_alone_need_neither_latency_nor_memory():
    line = CostLine("Net", (8, 6), 2, Cost(parameters=3, macs=4))

    (row,) = csv.DictReader(io.StringIO(render_costs_csv([line])))

    assert (row["width"], row["batch"], row["macs"]) == ("6", "2", "4")
    assert (row["latency_ms"], row["peak_bytes"], row["memory_measured"]) == ("",) * 3


def test_the_chart_has_a_line_a_block_and_a_panel_a_batch():
    rows = [
        overhead(block, size=(side, side), batch=batch)
        for block in ("se", "eca")
        for side in (64, 128, 256)
        for batch in (1, 4)
    ]

    chart = drawn(overheads(*rows))

    said = texts(chart)
    assert [text for text in said if "batch" in text] == ["batch of 1", "batch of 4"]
    assert said.count("se") == said.count("eca") == 2
    # two lines of two pieces in each panel, and three bars a line
    assert sum(e.get("class") == "course" for e in chart.iter("line")) == 8
    assert sum(e.get("class") == "upright" for e in chart.iter("line")) == 12


def test_the_chart_tells_those_who_cannot_see_it():
    rows = [overhead(), overhead("a.py:Mine", ratio=(0.9, 0.95, 1.0), batch=8)]

    label = drawn(overheads(*rows)).get("aria-label")

    assert label == (
        "Latency added to Net: se +5.0 % at 24x40, batch 1, Mine -5.0 % at 24x40, "
        "batch 8."
    )


def test_sizes_stand_by_the_logarithm_of_their_area():
    rows = [overhead(size=(side, side)) for side in (64, 128, 512)]

    chart = drawn(overheads(*rows))

    x = {
        e.text: float(e.get("x").rstrip("%")) for e in chart.iter("text") if e.get("x")
    }
    assert x["512"] - x["128"] == pytest.approx(2 * (x["128"] - x["64"]), abs=0.02)
    assert not any("not to scale" in text for text in texts(chart))


def test_sizes_that_would_hide_each_other_stand_in_even_steps_and_it_says_so():
    rows = [overhead(size=size) for size in ((64, 80), (80, 64), (512, 512))]

    chart = drawn(overheads(*rows))

    assert any("in even steps, not to scale" in text for text in texts(chart))
    assert {"64x80", "80x64", "512"} <= set(texts(chart))


def test_the_values_of_a_row_stand_where_its_axis_says():
    rows = [overhead(ratio=(1.1, 1.2, 1.3)), overhead("eca", ratio=(1.0, 1.0, 1.0))]

    chart = drawn(overheads(*rows))

    ticks = {e.text: float(e.get("y")) + 4 for e in chart.iter("text") if e.get("y")}
    bar = next(e for e in chart.iter("line") if e.get("class") == "upright")
    assert float(bar.get("y1")) == pytest.approx(ticks["+30 %"], abs=0.02)
    assert float(bar.get("y2")) == pytest.approx(ticks["+10 %"], abs=0.02)
    assert "plain host" in ticks


def test_quartiles_beyond_the_axis_end_in_an_arrowhead():
    calm, wild = overhead(), overhead("eca", ratio=(1.0, 1.06, 9.0))

    assert not draw_costs(overheads(calm)).clipped
    assert draw_costs(overheads(calm, wild)).clipped
    assert any(e.get("class") == "head" for e in drawn(overheads(calm, wild)).iter())


def test_no_name_lies_on_another_however_many_blocks_there_are():
    names = [f"block{number}" for number in range(24)]
    rows = [overhead(name, ratio=(1, 1.05, 1.1)) for name in names]

    chart = drawn(overheads(*rows))

    frames = [
        (float(frame.get("y")), frame[1].text)
        for frame in chart.iter("svg")
        if len(frame) == 2 and frame[1].get("class") == "name"
    ]
    heights = sorted(y for y, _ in frames)
    gaps = [b - a for a, b in pairwise(heights)]
    assert sorted(text for _, text in frames) == sorted(names)
    assert min(gaps) > 15
    assert heights[-1] < float(chart.get("height"))


def test_a_long_name_is_cut_and_whole_in_its_title():
    name = "a_block_with_a_very_long_name"

    chart = drawn(overheads(overhead(name)))

    assert "a_block_with_a_ve…" in texts(chart)
    assert name in [title.text for title in chart.iter("title")]


def test_a_picture_without_latency_is_an_error():
    with pytest.raises(OptionError, match="none was measured of any block"):
        render_costs_svg(overheads(overhead(ratio=None)))


def test_the_file_of_the_chart_is_of_a_size_and_follows_light_and_dark():
    chart = fromstring(render_costs_svg(overheads(overhead())))  # noqa: S314

    assert chart.tag == f"{SVG}svg"
    assert chart.get("width") == "760"
    assert "prefers-color-scheme: dark" in chart.find(f"{SVG}style").text


def test_every_colour_of_a_line_is_there_in_light_and_in_dark():
    text = render_costs_svg(overheads(overhead()))

    for number in range(8):
        assert len(re.findall(rf"--line-{number}: #", text)) == 2


def test_the_page_has_chart_table_and_notes_and_asks_for_nothing():
    page = render_costs_html(overheads(overhead(not_counted=("aten.sort",))))

    assert "<h1>What blocks cost Net</h1>" in page
    assert "<td>+ se</td>" in page
    assert "Not counted: aten.sort." in page
    assert page.count("<svg") > 1
    assert not re.search(r"(src|href)=|url\(|@import", page)


def test_the_page_explains_arrowheads_only_where_there_are_some():
    calm = overheads(overhead())
    wild = overheads(overhead(), overhead("eca", ratio=(1.0, 1.06, 9.0)))

    assert "An arrowhead marks" not in render_costs_html(calm)
    assert "An arrowhead marks" in render_costs_html(wild)


def test_no_name_becomes_markup():
    found = overheads(overhead("<b>&x"), host="<script>Net")

    for text in (render_costs_html(found), render_costs_svg(found)):
        assert "<b>" not in text
        assert "<script>" not in text


@pytest.mark.parametrize(("ending", "start"), [("svg", "<svg"), ("html", "<!doctype")])
def test_a_picture_is_written_by_its_ending(tmp_path, ending, start):
    path = write_picture(overheads(overhead()), tmp_path / f"new/cost.{ending}")

    assert path.read_text().startswith(start)


def test_another_ending_is_an_error():
    with pytest.raises(
        OptionError, match=r"end in .svg or .html, got '.png' \('a.png'"
    ):
        write_picture(overheads(overhead()), "a.png")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], []),
        ([5], [5]),
        ([30, 10], [30, 10]),
        # two at one place part around it, by 6
        ([10, 10], [7, 13]),
        # no room above 0, nor below 50
        ([0, 1, 50], [0, 6, 50]),
        ([50, 50], [44, 50]),
    ],
)
def test_names_move_apart_no_further_than_they_must(wanted, found):
    assert spread(wanted, 6, 0, 50) == pytest.approx(found)
