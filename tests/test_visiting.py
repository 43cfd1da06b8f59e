"""The fixture ``visit`` itself: what it is there to refuse."""

import pytest


@pytest.mark.parametrize(
    "body",
    [
        "<script>console.error('broken')</script>",
        "<script>missing()</script>",
        "<img src='http://127.0.0.1:9/a.png'>",
        "<link rel='stylesheet' href='beside.css'>",
    ],
    ids=["console", "exception", "network", "another file"],
)
def test_a_page_that_errs_or_asks_for_more_is_refused(visit, tmp_path, body):
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><link rel='icon' href='data:,'>{body}")

    with pytest.raises(AssertionError), visit(path) as page:
        page.wait_for_load_state("networkidle")
