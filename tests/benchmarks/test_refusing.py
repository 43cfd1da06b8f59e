"""A block whose tests are red is not reported."""

import pytest

from benchmarks import running, testing
from foveate import ops

REPORT = """
<testsuites><testsuite>
<testcase classname="tests.blocks.test_se" name="test_by_hand"/>
<testcase classname="tests.blocks.test_simam" name="test_by_hand">
<failure message="no">wrong</failure></testcase>
<testcase classname="tests.contracts.test_copies" name="test_a_copy[cbam.keras-2]">
<error message="no">broken</error></testcase>
<testcase classname="tests.contracts.test_copies" name="test_a_copy[se-2]">
<skipped message="later"/></testcase>
<testcase classname="tests.contracts.test_copies" name="test_a_copy[joint_cbam]"/>
</testsuite></testsuites>
"""
FILES = {
    "se": "tests/blocks/test_se.py",
    "simam": "tests/blocks/test_simam.py",
    "cbam": "tests/blocks/test_cbam.py",
    "channel": "tests/blocks/test_cbam.py",
    "joint_cbam": "tests/blocks/test_joint_cbam.py",
}


def test_a_red_test_is_laid_to_the_block_that_it_tests():
    red = testing.read_failures(REPORT, FILES)

    assert red == {
        "simam": "a test is red: test_by_hand",
        "cbam": "a test is red: test_a_copy[cbam.keras-2]",
    }


def test_a_red_test_of_a_shared_file_is_laid_to_all_blocks_of_that_file():
    report = REPORT.replace("tests.blocks.test_simam", "tests.blocks.test_cbam")

    red = testing.read_failures(report, FILES)

    assert sorted(red) == ["cbam", "channel"]


def test_a_block_none_of_whose_tests_passed_is_red():
    untested = testing.read_untested(REPORT, FILES)

    # of simam the one test fails, of the others there is none
    assert untested == {
        "simam": "no test passed in tests/blocks/test_simam.py",
        "cbam": "no test passed in tests/blocks/test_cbam.py",
        "channel": "no test passed in tests/blocks/test_cbam.py",
        "joint_cbam": "no test passed in tests/blocks/test_joint_cbam.py",
    }


@pytest.mark.parametrize(
    ("file", "blamed"),
    [
        ("tests.blocks.test_cbam", {"cbam", "channel"}),
        ("tests.contracts.test_copies", set(FILES)),
    ],
)
def test_a_file_of_tests_that_cannot_be_read_is_red(file, blamed):
    case = f'<testcase classname="" name="{file}"><error message="no"/></testcase>'

    red = testing.read_failures(f"<testsuite>{case}</testsuite>", FILES)

    assert set(red) == blamed


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_block_whose_tests_cannot_be_read_is_not_green(monkeypatch, tmp_path):
    folder = tmp_path / "tests" / "blocks"
    folder.mkdir(parents=True)
    (folder / "test_se.py").write_text("def test_fine(): pass")
    (folder / "test_eca.py").write_text("import nothing_of_that_name")
    monkeypatch.setattr(testing, "ROOT", tmp_path)

    red = testing.red_blocks(["se", "eca"], contracts=False)

    assert red == {"eca": "a test is red: tests.blocks.test_eca"}


def test_a_path_is_asked_for_while_measuring_and_not_while_testing(monkeypatch):
    x = running.torch.randn(1, 8, 5, 7)
    seen = {}

    def path():
        return ops.explain(ops.simam, x, 1e-4)[0].refusals.get("native", "")

    def refusals(names, contracts):
        seen["testing"] = path()
        return {}

    def measure(results, request, _keep):
        seen["measuring"] = path()

    monkeypatch.setattr(running, "refusals", refusals)
    monkeypatch.setattr(running, "_measure", measure)
    monkeypatch.setattr(running, "keep_freed_memory", lambda: False)

    found = running.run(running.Request(blocks=("simam",), path="reference"))

    assert "asks for the reference" not in seen["testing"]
    assert "asks for the reference" in seen["measuring"]
    assert found.machine.path == "reference"


def test_a_block_that_differs_from_the_textbook_form_is_refused(monkeypatch):
    monkeypatch.setattr(testing, "red_blocks", lambda names, contracts: {})
    monkeypatch.setattr(
        testing, "disagreements", lambda name: ["output"] if name == "eca" else []
    )

    refused = testing.refusals(["se", "eca"], contracts=False)

    assert refused == {"eca": "differs from the textbook form: output"}


def test_a_refused_block_is_not_measured(monkeypatch, capsys):
    monkeypatch.setattr(
        running, "refusals", lambda names, contracts: {"se": "a test is red: test_x"}
    )
    monkeypatch.setattr(running, "keep_freed_memory", lambda: False)
    request = running.Request(
        blocks=("se", "eca"),
        shapes=((1, 64, 5, 7),),
        sections=("saved",),
        compiled=False,
        contracts=False,
        settings=running.measuring.Settings(seconds=0.0),
    )

    found = running.run(request)

    assert found.refused == {"se": "a test is red: test_x"}
    assert [saved.block for saved in found.saved] == ["eca"]
    assert "refused: se: a test is red: test_x" in capsys.readouterr().err


def test_a_block_of_other_numbers_at_the_shape_is_refused(monkeypatch):
    monkeypatch.setattr(running, "refusals", lambda names, contracts: {})
    monkeypatch.setattr(running, "keep_freed_memory", lambda: False)
    # minus one: nothing is near enough
    monkeypatch.setattr(
        running.measuring, "LARGEST_DISTANCE", {running.torch.float32: -1.0}
    )
    request = running.Request(
        blocks=("eca",),
        shapes=((1, 64, 5, 7),),
        sections=("blocks",),
        compiled=False,
        contracts=False,
        settings=running.measuring.Settings(seconds=0.0),
    )

    found = running.run(request)

    assert found.races == []
    assert found.refused["eca"].startswith("eca: ours is ")
