"""Plans in a report: what was grafted where, what it is, how far it moved."""

from foveate.report import conclusion, render_html, render_markdown
from foveate.report.grafts import list_grafts

LATE, MINE = "se at layer3 + layer4", "Mine at fc (paper)"


def test_each_block_of_a_plan_has_a_line_with_kind_and_paper(grafted):
    (label, (first, second)), (other, (users,)) = list_grafts(grafted)

    assert (label, other) == (LATE, MINE)
    assert first[:3] == ("se", "channel", "Hu et al. (2018)")
    assert first.link == "https://arxiv.org/abs/1709.01507"
    assert first[4:] == ("after layer3", "identity", "0.062", "3.1 %")
    assert second[4:] == ("after layer4", "identity", "\N{EN DASH}", "\N{EN DASH}")
    assert (users.block, users.link, users.moved) == ("Mine", "", "50.0 %")


def test_each_map_of_a_layer_is_numbered(grafted):
    row = next(row for row in grafted.rows if row.label == MINE)
    maps = [row.grafts[0].model_copy(update={"map": number}) for number in (0, 1)]
    several = row.model_copy(update={"grafts": tuple(maps)})

    ((_, cells),) = list_grafts(grafted.model_copy(update={"rows": (several,)}))

    assert [each.where for each in cells] == ["after fc (map 0)", "after fc (map 1)"]


def test_a_comparison_of_blocks_has_no_grafts(mixed):
    assert list_grafts(mixed) == []
    assert "What was grafted where" not in render_html(mixed)
    assert "## Grafts" not in render_markdown(mixed)


def test_the_page_has_the_table_of_grafts(grafted):
    page = render_html(grafted)

    assert "2 plans tried in nets.py:make on digit-scenes" in page
    assert "Every plan beside the plain host" in page
    assert '<a href="https://arxiv.org/abs/1709.01507">Hu et al. (2018)</a>' in page
    assert '<th scope="row" rowspan="2" class="long">' in page
    assert "Every plan was grafted to the same host, each at its own places" in page


def test_markdown_has_the_table_of_grafts(grafted):
    text = render_markdown(grafted)

    assert (
        "| se at layer3 + layer4 | se | channel | Hu et al. (2018) | after layer3 | "
        "identity | 0.062 | 3.1 % |"
    ) in text
    assert "That a block has moved does not say that it helps." in text


def test_plans_are_called_plans(grafted):
    text = " ".join(conclusion(grafted))

    assert f"The plan {LATE} scored higher than the plain host" in text
    assert f"The plan {MINE} scored lower than the plain host" in text
    assert "those of all plans together hold at 95 %" in text
    assert "Plans were compared with the plain host, not with each other" in text


def test_the_weights_that_runs_started_from_are_a_caveat(grafted):
    text = " ".join(conclusion(grafted))

    assert (
        "Every run, but for fc, started from the weights in w.pt, so seeds differ in "
        "the order of images and in what was new." in text
    )
    assert "nets.py:make and 8 epochs" in text


def test_a_long_label_does_not_break_after_its_bracket(grafted):
    assert "(<wbr>paper" not in render_html(grafted)
