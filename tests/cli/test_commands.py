"""The command line as a person uses it."""

import json
import re
import subprocess
import sys

import pytest

START = "import foveate.cli as c; c.main()"


def foveate(*words, folder=None):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", START, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which a tiny recipe was compared."""
    home = tmp_path_factory.mktemp("home")
    (home / "tiny.yaml").write_text(
        "name: tiny\n"
        "data: {image_size: 24, train_images: 32, test_images: 20}\n"
        "host: {name: resnet10, width: 8, stem: half}\n"
        "blocks: [se]\n"
        "training: {epochs: 2, batch_size: 16}\n"
        "seeds: [0, 1]\n"
    )
    foveate("compare", "tiny.yaml", "training.epochs=1", folder=home)
    return home


def test_help_lists_the_commands_in_the_order_of_their_use():
    said = foveate("--help").stdout

    commands = "list show sites graft cost compare report look doctor"
    assert re.findall(r"^│ (\w+) ", said, re.MULTILINE) == commands.split()


def test_list_prints_every_block_with_kind_year_parameters_and_variants():
    done = foveate("list")

    assert done.returncode == 0
    assert done.stderr == ""
    row = next(line for line in done.stdout.splitlines() if " cbam " in line)
    assert row.split()[:4] == ["cbam", "mixed", "2018", "8,564"]
    assert "cbam.keras" in row


def test_list_takes_a_pattern_and_a_kind_and_prints_json():
    done = foveate("list", "c*", "--kind", "channel", "--json")

    assert [card["name"] for card in json.loads(done.stdout)] == [
        "channel",
        "coordinate",
    ]


def test_show_prints_formula_options_departures_and_bibtex():
    done = foveate("show", "se.bias")

    assert done.returncode == 0
    assert "y = x * sigmoid(fc2(relu(fc1(mean(x)))))" in done.stdout
    assert "bias=True" in done.stdout
    assert "@inproceedings{se," in done.stdout


def test_show_prints_needs_departures_and_the_cost_at_two_sizes():
    said = foveate("show", "criss_cross").stdout

    assert "Needs\n" in said
    assert "Departs from the paper\n" in said
    # 196 places of 14 rows and 14 columns, with queries and keys of 32 channels
    macs = 196 * (2 * 256 * 32 + 256 * 256) + 196 * 28 * (32 + 256)
    assert f"14x14 places: 82,241 parameters, {macs:,} multiply-acc" in said
    assert "56x56 places: 82,241 parameters" in said


def test_show_says_how_a_variant_may_start_when_grafted():
    said = foveate("show", "cbam.keras").stdout

    section = said.partition("Starts when grafted\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in section.splitlines()] == ["identity", "paper"]


def test_show_prints_how_it_is_created_in_pytorch_and_in_keras():
    said = foveate("show", "cbam.keras").stdout

    assert '  fv.create("cbam.keras", 256)  PyTorch: foveate as fv\n' in said
    assert '  fk.create("cbam.keras")  Keras: foveate.keras as fk\n' in said


def test_show_prints_json():
    card = json.loads(foveate("show", "coord", "--json").stdout)

    assert card["name"] == "coordinate"
    assert card["paper"]["year"] == 2021
    assert [at["height"] for at in card["cost"]] == [14, 56]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["show", "cbm"], 1, "no block named 'cbm'. Did you mean 'cbam'?"),
        (["list", "--kind", "spatal"], 2, "'spatal' is not one of"),
        (["lst"], 2, "No such command 'lst'"),
        (["compare", "none.yaml"], 1, "cannot read none.yaml: No such file"),
        (
            ["compare", "fusion"],
            1,
            "'fusion' is neither a file nor a recipe that comes with foveate. Did you "
            "mean 'fusions'?",
        ),
        (["compare", "a.yaml", "b.yaml"], 2, "one recipe at a time"),
        (["compare", "blocks=[cbm]"], 1, "blocks.0 (cbm): no block named 'cbm'"),
        (
            ["compare", "blocks.0.options.reduciton=4"],
            1,
            "se has no option 'reduciton'. Did you mean 'reduction'?",
        ),
        (
            ["compare", "blocks=[shuffle]", "host.width=100"],
            1,
            "channels must be a multiple of 16 (2 * groups, with groups=8), got 100",
        ),
        (["compare", "training.epoch=4"], 1, "Did you mean 'epochs'?"),
        (["compare", "--out", "/proc/nowhere"], 1, "/proc/nowhere: No such file"),
        (["report", "nowhere"], 1, "cannot read nowhere/grid.json: No such file"),
    ],
)
def test_a_mistake_is_one_clear_message_and_an_exit_code(
    words, code, message, tmp_path
):
    done = foveate(*words, folder=tmp_path)

    said = " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == code
    assert message in said
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_compare_prints_the_table_and_the_path_and_keeps_progress_off_stdout(folder):
    done = foveate("compare", "tiny.yaml", "seeds=[3]", "name=other", folder=folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("runs/other/report.html")
    assert "plain" in done.stdout
    assert "2/2  " in done.stderr
    assert "plain, seed 3: " in done.stderr
    assert (folder / "runs/other/report.html").exists()


def test_a_second_compare_trains_nothing(folder):
    done = foveate("compare", "tiny.yaml", "training.epochs=1", folder=folder)

    assert done.returncode == 0
    assert "se" in done.stdout
    assert done.stderr == ""


def test_compare_prints_json(folder):
    done = foveate("compare", "tiny.yaml", "training.epochs=1", "--json", folder=folder)

    summary = json.loads(done.stdout)
    assert summary["rows"][0]["label"] == "plain"


@pytest.mark.parametrize("ending", ["html", "md", "csv"])
def test_report_renders_what_is_there(folder, ending):
    done = foveate("report", "runs/tiny", "--out", f"page.{ending}", folder=folder)

    assert done.returncode == 0, done.stderr
    assert (folder / f"page.{ending}").stat().st_size > 100


def test_a_report_of_an_unknown_kind_is_refused(folder):
    done = foveate("report", "runs/tiny", "--out", "page.pdf", folder=folder)

    assert done.returncode == 1
    assert ".html" in done.stderr


def test_a_broken_run_makes_compare_end_with_1_and_a_line_each(folder):
    done = foveate(
        "compare", "tiny.yaml", "training.device=cuda:7", "name=bad", folder=folder
    )

    assert done.returncode == 1
    assert done.stderr.count("broke: RunError: training.device is 'cuda:7'") >= 4
    assert "Traceback" not in done.stderr


def test_the_version_is_printed():
    import foveate as package

    assert foveate("--version").stdout.strip() == package.__version__
