"""Where networks look, as a record."""

from foveate.records import LOOK_METRICS, LookRow, Looks, LookScore, Unseen


def test_it_comes_back_from_its_file(tmp_path):
    score = LookScore(metric="energy", values={0: 0.25, 1: 0.5}, mean=0.375, chance=0.2)
    looks = Looks(
        key="k",
        method="layercam",
        layer="layer2",
        images=20,
        rows=(LookRow(label="plain", scores=(score,)),),
    )

    again = Looks.load(looks.save(tmp_path / "looks.json"))

    assert again == looks


def test_rows_and_measures_are_found_by_name():
    score = LookScore(metric="iou", values={0: 0.25}, mean=0.25)
    looks = Looks(rows=(LookRow(label="se", scores=(score,)),))

    assert looks.row("se").score("iou") is score
    assert looks.row("se").score("energy") is None
    assert looks.row("eca") is None


def test_the_measures_have_an_order():
    assert LOOK_METRICS == (
        "energy",
        "pointing",
        "iou",
        "insertion",
        "deletion",
        "road",
    )


def test_a_run_that_was_not_seen_has_a_title():
    assert Unseen(label="se", seed=2, reason="gone").title == "se, seed 2"
