"""The report of a comparison, from its training to what a browser shows of it."""

import pytest

from foveate.study import compare
from foveate.study.digit_scenes import load
from foveate.study.training import train

PHONE = 390

BROKEN = "() => [...document.images].filter(i => !i.naturalWidth).map(i => i.alt)"
UNTOLD = "() => [...document.images].filter(i => !i.hasAttribute('alt')).length"


class Here:
    """Train in this process."""

    def execute(self, runs, folder, listen):
        for run in runs:
            folder.save(run, train(run), load(run.data).test.labels)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    overrides = [
        "data.image_size=24",
        "data.train_images=32",
        "data.test_images=20",
        "host.width=8",
        "training.epochs=1",
        "seeds=[0, 1]",
        "blocks=[se, cbam]",
    ]
    summary = compare(
        overrides=overrides, folder=folder, executor=Here(), progress=False
    )
    return summary.report(folder / "report.html")


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 1280])
def test_it_opens_and_every_picture_of_the_gallery_is_there(visit, report, width, dark):
    with visit(report, width=width, dark=dark) as page:
        headings = [each.inner_text() for each in page.query_selector_all("h2")]
        pictures = page.evaluate("document.images.length")
        broken, untold = page.evaluate(BROKEN), page.evaluate(UNTOLD)

    assert "Where it looks" in headings
    # the image and three networks, for three images at least
    assert pictures >= 12
    assert (broken, untold) == ([], 0)


@pytest.mark.slow
def test_a_phone_scrolls_the_gallery_and_not_the_page(visit, report):
    with visit(report, width=PHONE) as page:
        wide = page.evaluate("document.documentElement.scrollWidth")

    assert wide <= PHONE
