"""``foveate cost`` as a person uses it."""

import csv
import io
import json

import pytest
import torch

from foveate.records import Overheads

SMALL = ("resnet10", "--set", "width=8", "--seconds", "0.001", "--threads", "1")
TINY = (*SMALL, "--sizes", "32")
AT = ("--at", "layer3")


@pytest.fixture
def compiled(monkeypatch):
    """Return a list that what would be compiled is added to."""
    seen = []

    def note(model, **_):
        seen.append(model)
        return model

    monkeypatch.setattr(torch, "compile", note)
    return seen


def rows_of(done):
    return list(csv.DictReader(io.StringIO(done.out)))


def test_prints_the_host_and_below_it_what_each_block_adds(foveate):
    done = foveate("cost", *TINY, "--blocks", "se,simam", *AT)

    lines = [line.split() for line in done.out.splitlines()[3:6]]
    assert done.code == 0
    assert lines[0][:3] == ["32x32", "1", "ResNet"]
    assert [line[:2] for line in lines[1:]] == [["+", "se"], ["+", "simam"]]


def test_values_are_those_of_the_blocks(foveate):
    done = foveate("cost", *TINY, "--blocks", "se,simam", *AT, "--csv", "-")

    host, se, simam = rows_of(done)
    # 32 channels to 2 and back, and an amount for each channel
    assert [row["block"] for row in (host, se, simam)] == ["", "se", "simam"]
    assert (se["added_parameters"], se["added_macs"]) == ("160", "128")
    assert (simam["added_parameters"], simam["added_macs"]) == ("32", "0")
    assert int(simam["added_elementwise"]) > 0
    assert float(se["latency_share_low"]) <= float(se["latency_share_high"])
    assert {row["threads"] for row in (host, se, simam)} == {"1"}


def test_every_size_is_measured_with_every_batch(foveate):
    words = ("--sizes", "32,24x40", "--batch", "1,2")

    done = foveate("cost", *SMALL, *words, "--blocks", "eca", *AT, "--csv", "-")

    found = [(r["height"], r["width"], r["batch"]) for r in rows_of(done) if r["block"]]
    assert found == [
        ("32", "32", "1"),
        ("32", "32", "2"),
        ("24", "40", "1"),
        ("24", "40", "2"),
    ]


def test_json_is_the_record(foveate):
    done = foveate("cost", *TINY, "--blocks", "eca", *AT, "--json")

    found = Overheads.parse(json.loads(done.out), "stdout")
    assert (found.host, found.at) == ("ResNet", "layer3")
    assert found.rows[0].block == "eca"
    assert found.rows[0].latency_share is not None


def test_notes_stand_beside_the_results(foveate):
    done = foveate("cost", *TINY, "--blocks", "eca", *AT)

    assert "foveate: timed eca at 32x32, batch 1" in done.err
    assert "foveate: Latency: with a block and without in turns" in done.err
    assert "cpu, float32, eager, 1 thread, at least" in done.err
    assert "foveate: Memory: followed" in done.err
    assert "Latency:" not in done.out


def test_without_blocks_the_model_alone_is_measured(foveate):
    done = foveate("cost", *SMALL, "--sizes", "32,40", "--json")

    found = json.loads(done.out)
    assert found["host"] == "ResNet"
    assert [row["size"] for row in found["rows"]] == [[32, 32], [40, 40]]
    assert found["rows"][0]["cost"]["latency"]["threads"] == 1
    assert found["rows"][1]["cost"]["macs"] > found["rows"][0]["cost"]["macs"]
    assert "in turns" not in done.err


def test_the_table_of_a_model_alone_has_one_row_a_size(foveate):
    done = foveate("cost", *TINY)

    assert done.row("32x32 1 ResNet ")[3].replace(",", "").isdigit()
    assert "+ " not in done.out


def test_the_usual_size_of_the_model_is_taken_if_none_is_named(foveate):
    done = foveate("cost", *SMALL, "--blocks", "eca", "--at", "layer4", "--csv", "-")

    assert {(row["height"], row["width"]) for row in rows_of(done)} == {("224", "224")}


def test_files_are_written_beside_the_table(foveate, tmp_path):
    values, picture = tmp_path / "cost.csv", tmp_path / "cost.svg"
    words = ("--csv", str(values), "--picture", str(picture))

    done = foveate("cost", *TINY, "--blocks", "eca,se", *AT, *words)

    assert "+ eca" in done.out
    assert len(values.read_text().splitlines()) == 4
    assert "Latency that a block adds to ResNet" in picture.read_text()
    assert f"wrote the values to {values}" in done.err
    assert f"wrote the picture to {picture}" in done.err


def test_precision_position_start_and_options_reach_the_host(foveate):
    words = ("--dtype", "float64", "--position", "before", "--start", "paper")
    words = (*words, "--option", "reduction=4")

    done = foveate("cost", *TINY, "--blocks", "se", *AT, *words, "--csv", "-")

    _, block = rows_of(done)
    # before layer3 there are 16 channels: to 4 and back, and no blend
    assert block["added_parameters"] == "128"
    assert block["dtype"] == "float64"


def test_compile_reaches_both_networks(foveate, compiled):
    done = foveate("cost", *TINY, "--blocks", "eca", *AT, "--compile", "--csv", "-")

    assert len(compiled) == 2
    assert {row["compiled"] for row in rows_of(done)} == {"True"}


def test_compile_reaches_a_model_alone(foveate, compiled):
    done = foveate("cost", *TINY, "--compile", "--json")

    assert len(compiled) == 1
    assert json.loads(done.out)["rows"][0]["compiled"] is True


def test_what_is_over_the_budget_is_not_run_and_it_says_so(foveate):
    done = foveate("cost", *TINY, "--blocks", "eca", *AT, "--budget", "0.00001")

    note = next(line for line in done.err.splitlines() if "budget" in line)
    assert done.code == 0
    assert note.startswith("foveate: ResNet with eca")
    assert "--budget allows more" in note
    assert "foveate: followed eca at 32x32, batch 1" in done.err
    assert "\N{EN DASH}" in done.out


def test_a_layer_that_cannot_is_left_out_if_it_may_be(foveate):
    words = ("--blocks", "se", "--at", "layer3.0.*", "--json")

    refused = foveate("cost", *TINY, *words)
    done = foveate("cost", *TINY, *words, "--fitting")

    assert refused.code == 1
    assert "layer3.0.conv1" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert done.code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--blocks", "se"], 2, "--blocks needs --at"),
        (["--at", "layer3"], 2, "--at needs --blocks"),
        (["--picture", "a.svg"], 2, "--picture shows what --blocks add"),
        (["--blocks", "se", *AT, "--picture", "a.png"], 1, "end in .svg or .html"),
        (["--blocks", "se", *AT, "--json", "--csv", "-"], 2, "both print"),
        (["--blocks", "sse", *AT], 1, "no block named 'sse'. Did you mean"),
        (["--blocks", "se", "--at", "layr3"], 1, "no layer matches 'layr3'"),
        (["--blocks", "se", *AT, "--option", "r=4"], 1, "se has no option 'r'"),
        (["--sizes", "224x"], 2, "--sizes is written 224,640 or 320x480"),
        (["--sizes", "0"], 2, "got '0'"),
        (["--batch", "1;8"], 2, "--batch is written 1,8, got '1;8'"),
        (["--batch", ""], 2, "--batch is written 1,8, got ''"),
        (["--dtype", "int8"], 2, "'int8' is not one of"),
        (["--device", "cdua"], 1, "--device: cannot run on 'cdua': "),
        (["--device", "meta"], 1, "--device: cannot run on 'meta': "),
        (["--threads", "0"], 2, "should be greater than or equal to 1"),
    ],
)
def test_a_mistake_is_one_clear_message_and_an_exit_code(words, code, message, foveate):
    done = foveate("cost", *TINY, *words)

    assert done.code == code
    assert message in done.said
    assert done.out == ""


def test_a_model_that_takes_other_inputs_is_an_error_in_one_line(foveate, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch.nn import Bilinear\ndef two(): return Bilinear(4, 4, 1)\n"
    )

    done = foveate("cost", f"{file}:two", "--sizes", "8")

    assert done.code == 1
    assert "Bilinear does not run with (1, 3, 8, 8): TypeError" in done.err
