"""The report as a browser shows it; ``visit`` refuses errors and requests."""

import pytest

from foveate.report import write

PHONE = 390
SMALLEST_TEXT = 11
"""In pixels of the style sheet."""

SMALL = f"""() => [...document.querySelectorAll("main *")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .filter(e => e.getClientRects().length)
  .filter(e => parseFloat(getComputedStyle(e).fontSize) < {SMALLEST_TEXT})
  .map(e => e.tagName + ": " + e.textContent.trim())"""

CUT = """() => [...document.querySelectorAll("p, li, figcaption, h2")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .filter(e => !e.closest(".scroll"))
  .map(e => e.textContent.trim())"""


@pytest.fixture
def report(summary_of, tmp_path):
    scores = {
        "plain": {0: 0.861, 1: 0.872, 2: 0.868},
        "se": {0: 0.871, 1: 0.869, 2: 0.882},
        "a_block_with_a_long_name.of_a_variant(reduction=8)": {
            0: 0.8,
            1: 0.79,
            2: 0.81,
        },
    }
    return write(summary_of(scores), tmp_path / "report.html")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 1280])
def test_it_opens_without_an_error_and_asks_for_nothing(visit, report, width, dark):
    with visit(report, width=width, dark=dark) as page:
        title = page.title()

    assert "what the blocks did to" in title


def test_a_phone_shows_it_without_scrolling_aside(visit, report):
    with visit(report, width=PHONE) as page:
        wide = page.evaluate("document.documentElement.scrollWidth")
        cut = page.evaluate(CUT)

    assert wide <= PHONE
    assert cut == []


def test_a_phone_shows_no_text_that_is_too_small_to_read(visit, report):
    with visit(report, width=PHONE) as page:
        small = page.evaluate(SMALL)

    assert small == []
