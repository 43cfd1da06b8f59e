"""Where networks look, as a report says and shows it."""

import pytest

from foveate.records import (
    Gallery,
    GalleryCell,
    GalleryRow,
    Interval,
    LookRow,
    Looks,
    LookScore,
    Unseen,
)
from foveate.report import render_csv, render_html, render_markdown
from foveate.report.gallery import embed_gallery, tell_rule
from foveate.report.look_table import look_tables
from foveate.report.looks import tell_looks, tell_way

NONE = "\N{EN DASH}"
PIXELS = b"\x89PNG and so on"


def around(middle, half):
    return Interval(estimate=middle, low=middle - half, high=middle + half)


def score(metric="energy", mean=0.6, *, gain=None, half=0.01, **fields):
    verdict = "cannot tell"
    if gain is not None and abs(gain) > half:
        verdict = "better" if gain > 0 else "worse"
    return LookScore(
        metric=metric,
        values={0: mean, 1: mean},
        mean=mean,
        interval=around(mean, 0.02),
        difference=None if gain is None else around(gain, half / 2),
        family=None if gain is None else around(gain, half),
        verdict=verdict,
        **{
            "chance": 0.4,
            "over_chance": around(mean - 0.4, 0.02),
            "over_random": around(mean - 0.3, 0.02),
            **fields,
        },
    )


def looks_of(**fields):
    given = {
        "key": "k",
        "method": "layercam",
        "layer": "layer2",
        "reason": "layer2, the deepest stage",
        "images": 1000,
        "removed": 100,
        "rows": (
            LookRow(
                label="plain",
                scores=(score(), score("insertion", 0.7)),
                agreement=0.43,
            ),
            LookRow(
                label="se",
                scores=(
                    score(mean=0.62, gain=0.02),
                    score("insertion", 0.5, gain=-0.2),
                ),
                agreement=0.51,
            ),
        ),
        "random": LookRow(label="random weights", scores=(score(mean=0.3),)),
    }
    return Looks.model_validate({**given, **fields})


@pytest.fixture
def seen(summary_of, plain):
    """A function that returns a summary of networks that were looked at."""

    def of(**fields):
        scores = {"plain": plain, "se": {0: 0.85, 1: 0.86, 2: 0.87}}
        made = summary_of(scores)
        return made.model_copy(update={"looks": looks_of(**fields)})

    return of


@pytest.fixture
def gallery(tmp_path):
    """What was seen of one image in two networks; the second answers wrongly."""
    (tmp_path / "looks").mkdir()
    for name in ("0.png", "0-plain.png", "0-se.png", "scale.png"):
        (tmp_path / "looks" / name).write_bytes(PIXELS)
    cells = [
        GalleryCell(
            label=label,
            picture=f"looks/0-{label}.png",
            energy=0.695,
            predicted=predicted,
            probability=0.995,
        )
        for label, predicted in (("plain", "0"), ("se", "8"))
    ]
    return Gallery(
        seed=0,
        labels=("plain", "se"),
        top=8,
        ticks=(0, 4, 8),
        clipped=True,
        bar="looks/scale.png",
        rows=(
            GalleryRow(
                image=0,
                truth="0",
                picture="looks/0.png",
                box=(0.25, 0.0, 0.75, 0.5),
                why="first",
                gain=0.02,
                cells=tuple(cells),
            ),
        ),
    )


def told(summary):
    return " ".join(tell_looks(summary))


def test_it_says_how_much_is_on_the_digit_and_what_chance_and_no_learning_give(seen):
    said = told(seen())

    assert "In the plain host, 60.0 % of a map's energy lies inside" in said
    assert "on average over 1,000 test images and 2 seeds" in said
    assert "the boxes of other images hold 40.0 %" in said
    assert "with random weights the digit's own box holds 30.0 %" in said
    assert "Every network looks at the digit more than by chance" in said


def test_it_says_which_block_moves_it_and_by_how_much(seen):
    assert "more than in the plain host: se by 2.0 points (interval 1.0 to 3.0)" in (
        told(seen())
    )


def test_it_says_when_no_block_moves_it(seen):
    rows = (
        LookRow(label="plain", scores=(score(),)),
        LookRow(label="se", scores=(score(gain=0.005),)),
    )

    assert "No block can be told to change that" in told(seen(rows=rows))


def test_networks_at_chance_are_not_said_to_look_at_the_digit(seen):
    lost = score(over_chance=around(0.01, 0.02))
    both = (LookRow(label="plain", scores=(lost,)), LookRow(label="se", scores=(lost,)))
    one = (
        LookRow(label="plain", scores=(score(),)),
        LookRow(label="se", scores=(lost,)),
    )

    assert "No network can be told to look at the digit" in told(seen(rows=both))
    assert "for se that cannot be told" in told(seen(rows=one))


def test_one_seed_is_said_to_say_little(seen):
    alone = LookScore(metric="energy", values={0: 0.6}, mean=0.6, chance=0.4)
    rows = (LookRow(label="plain", scores=(alone,)),)

    said = told(seen(rows=rows))

    assert "1 seed." in said
    assert "With one seed it is not known how far above chance that is" in said


def test_empty_maps_and_runs_that_were_not_seen_are_told(seen):
    rows = (LookRow(label="plain", scores=(score(),), empty=3),)
    lost = (
        Unseen(label="se", seed=1, reason="its weights are gone."),
        Unseen(label="se", seed=2, reason="its weights are gone."),
    )

    said = told(seen(rows=rows, unseen=lost))

    assert "3 maps of plain are zero everywhere" in said
    assert "se, seed 1 could not be looked at: its weights are gone." in said
    assert "1 more run could not be either" in said


def test_why_nothing_was_looked_at_is_told_on_the_page(seen):
    summary = seen(rows=(), random=None, problem="the host has no map.")

    assert "not looked at: the host has no map." in render_html(summary)
    assert "not looked at: the host has no map." in render_markdown(summary)
    assert look_tables(summary.looks) == ()


def test_a_comparison_that_was_not_looked_at_has_no_such_section(mixed):
    page = render_html(mixed)

    assert "Where it looks" not in page
    assert "Where it looks" not in render_markdown(mixed)
    assert "energy" not in render_csv(mixed)


def test_the_way_names_method_layer_and_question():
    assert tell_way(looks_of()).startswith(
        "LayerCAM at layer2, the deepest stage; the same place in every network."
    )


def test_the_tables_have_differences_verdicts_and_floors():
    on_digit, on_answer = look_tables(looks_of())

    assert [line.cells[:5] for line in on_digit.lines] == [
        ("plain", "60.0 ± 2.0", NONE, "reference", "40.0"),
        ("se", "62.0 ± 2.0", "+2.0 (+1.0 to +3.0)", "more", "40.0"),
        ("random weights", "30.0 ± 2.0", NONE, NONE, "40.0"),
    ]
    assert on_answer.lines[1].cells == ("se", "50.0 ± 2.0, lower", NONE, NONE, "0.51")


def test_without_vanishing_images_there_is_one_table():
    assert len(look_tables(looks_of(removed=0))) == 1


def test_markdown_has_the_tables_and_csv_the_numbers_of_each_run(seen):
    markdown, csv = render_markdown(seen()), render_csv(seen()).splitlines()

    assert "| se | 62.0 ± 2.0 | +2.0 (+1.0 to +3.0) | more |" in markdown
    assert csv[0].endswith(",energy,pointing,iou,insertion,deletion,road")
    assert csv[1].endswith(",0.6,,,0.7,,")
    # seed 2 was not looked at
    assert csv[3].endswith(",,,,,,")


def test_the_page_holds_the_pictures_and_says_what_they_show(seen, gallery, tmp_path):
    page = render_html(seen(gallery=gallery), tmp_path)

    # "\x89PNG and so on" in base 64
    assert page.count('src="data:image/png;base64,iVBORyBhbmQgc28gb24="') == 4
    assert 'alt="plain on image 0: 69.5 % of its map inside the box; it names' in page
    assert "left:25%;top:0%;width:50%;height:50%" in page
    assert '<small class="wrong">8 (99.5 %)</small>' in page.replace("\xa0", " ")


def test_the_colour_bar_has_its_values_at_their_places(seen, gallery, tmp_path):
    panel = embed_gallery(seen(gallery=gallery).looks, tmp_path)

    assert panel.ticks == (("0", "0"), ("50", "4"), ("100", "8"))
    assert "higher values have the colour of its end" in panel.caption


def test_a_gallery_whose_pictures_are_gone_is_left_out(seen, gallery, tmp_path):
    (tmp_path / "looks" / "0-se.png").unlink()

    assert embed_gallery(seen(gallery=gallery).looks, tmp_path) is None
    page = render_html(seen(gallery=gallery), tmp_path)
    assert '<figure class="gallery">' not in page


def test_a_summary_without_its_folder_has_no_gallery(seen, gallery):
    page = render_html(seen(gallery=gallery))

    assert '<figure class="gallery">' not in page


def test_an_empty_map_and_a_network_that_was_not_seen_say_so(seen, gallery, tmp_path):
    row = gallery.rows[0]
    empty = row.cells[0].model_copy(update={"empty": True})
    rows = (row.model_copy(update={"cells": (empty, None)}),)
    made = gallery.model_copy(update={"rows": rows})

    page = render_html(seen(gallery=made), tmp_path)

    assert "plain on image 0: an empty map" in page
    assert "<small>not seen</small>" in page


@pytest.mark.parametrize(
    ("whys", "rule"),
    [
        (["first"] * 3, "Images: the first 3 test images."),
        (
            ["first", "gain", "gain", "lose"],
            "Images: the first 1 test image; of the rest, the 2 in which "
            "blocks gain most over plain and the 1 in which they lose most, by energy "
            "in the box, the mean over blocks and seeds.",
        ),
    ],
)
def test_the_rule_by_which_images_were_chosen_is_stated(gallery, whys, rule):
    row = gallery.rows[0]
    rows = tuple(row.model_copy(update={"why": why}) for why in whys)

    assert tell_rule(gallery.model_copy(update={"rows": rows})) == rule


def test_names_that_try_to_be_markup_stay_names(hostile, gallery, tmp_path):
    label = hostile.block_rows[0].label
    row = gallery.rows[0]
    cell = row.cells[1].model_copy(update={"label": label})
    made = gallery.model_copy(
        update={
            "labels": ("plain", label),
            "rows": (row.model_copy(update={"cells": (row.cells[0], cell)}),),
        }
    )
    rows = (
        LookRow(label="plain", scores=(score(),)),
        LookRow(label=label, scores=(score(gain=0.1),)),
    )
    looks = looks_of(rows=rows, gallery=made)

    page = render_html(hostile.model_copy(update={"looks": looks}), tmp_path)

    assert '<b>&"x' not in page
    assert page.count("<img") == 4
