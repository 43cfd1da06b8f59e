"""A diagnosis: what counts as healthy, and how it reads."""

import pytest

from foveate.records import Diagnosis, Finding

GOOD = Finding(check="answers", title="Answers", outcome="passed")
MEASURED = Finding(
    check="alive", title="Is alive", outcome="passed", demonstration=("Changes 50%.",)
)
BAD = Finding(
    check="keeps_shape",
    title="Keeps the shape",
    outcome="failed",
    cause="It returns another shape.",
    cure="Return x * gate.",
    demonstration=("(2, 8) in, (2, 4) out",),
)
OPEN = Finding(
    check="any_size",
    title="Takes any size",
    outcome="not run",
    cause="Explained by 'keeps_shape', which failed.",
    explained_by="keeps_shape",
)


def diagnosis(*findings, **fields):
    known = {
        "target": "Gate",
        "built": "Gate(8, reduction=2)",
        "channels": 8,
        "inputs": 1,
        "size": None,
        "training_batch": 1,
        "torch": "2.13.0",
    }
    return Diagnosis(**(known | fields), findings=findings)


def test_what_was_not_run_has_not_passed():
    found = diagnosis(GOOD, OPEN)

    assert found.passed == (GOOD,)
    assert found.not_run == (OPEN,)
    assert found.conclusion == "1 passed, 0 failed, 1 not run"


@pytest.mark.parametrize(
    ("findings", "healthy"),
    [((GOOD,), True), ((GOOD, OPEN), True), ((GOOD, BAD), False)],
)
def test_is_healthy_if_nothing_failed(findings, healthy):
    assert diagnosis(*findings).healthy is healthy


def test_a_finding_is_found_by_its_check():
    assert diagnosis(GOOD, BAD)["keeps_shape"] is BAD


def test_reads_as_a_table_then_each_failure_then_what_was_measured():
    assert str(diagnosis(GOOD, MEASURED, BAD, OPEN)) == (
        "Gate(8, reduction=2), one map of (B, 8, H, W), PyTorch 2.13.0\n"
        "\n"
        "passed   answers      Answers.\n"
        "passed   alive        Is alive.\n"
        "failed   keeps_shape  Keeps the shape.\n"
        "not run  any_size     Explained by 'keeps_shape', which failed.\n"
        "\n"
        "keeps_shape (failed): Keeps the shape\n"
        "  Cause  It returns another shape.\n"
        "  Seen   (2, 8) in, (2, 4) out\n"
        "  Cure   Return x * gate.\n"
        "\n"
        "Measured\n"
        "  alive: Changes 50%.\n"
        "\n"
        "2 passed, 1 failed, 1 not run"
    )


def test_says_the_maps_that_it_takes():
    found = diagnosis(GOOD, inputs=2, size=(16, 12))

    assert "2 maps of (B, 8, 16, 12)" in str(found)


def test_no_line_is_wider_than_88():
    long = GOOD.model_copy(update={"title": "word " * 60, "check": "a" * 28})

    assert max(map(len, str(diagnosis(long, BAD)).splitlines())) <= 88


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_is_read_back_as_it_was_written(tmp_path, ending):
    found = diagnosis(GOOD, BAD, OPEN, size=(5, 7))

    assert Diagnosis.load(found.save(tmp_path / f"found.{ending}")) == found
