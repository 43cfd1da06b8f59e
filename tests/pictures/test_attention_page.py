"""The page on which one chooses the place that looks, in a browser and without."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from foveate.errors import OptionError, ShapeError
from foveate.pictures._attention_data import check, thin
from foveate.pictures.attention_page import attention_page
from foveate.pictures.seen import AttentionTable, Picture

ROWS, COLUMNS = 3, 5


def picture(height=90, width=150, name="street.png"):
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    return Picture(pixels, name)


def places(rows=ROWS, columns=COLUMNS):
    down, along = np.mgrid[:rows, :columns]
    spots = [(down.ravel() + 0.5) / rows, (along.ravel() + 0.5) / columns]
    return np.stack(spots, axis=1).astype(np.float32)


def table(where="layer1", rows=ROWS, columns=COLUMNS, image=0, aside=1):
    """Each place looks with a share of 0.6 at the one ``aside`` places after it."""
    count = rows * columns
    values = np.full((count, count), 0.4 / (count - 1), np.float32)
    spots = np.arange(count)
    values[spots, (spots + aside) % count] = 0.6
    values = values.reshape(count, rows, columns)
    return AttentionTable(where, "CrissCross", image, places(rows, columns), values)


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page)[1])


def decoded(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


@pytest.fixture
def write(tmp_path):
    def written(*tables, **options):
        path = tmp_path / "attention.html"
        page = attention_page(picture(), tables or [table()], **options)
        path.write_text(page, encoding="utf-8")
        return path

    return written


def test_the_page_holds_each_map_to_a_half_of_a_255th_of_its_highest():
    values = np.random.default_rng(0).random((15, 3, 5), np.float32)
    values /= values.sum(axis=(1, 2), keepdims=True)
    given = AttentionTable("layer1", "OSRA", 0, places(), values)

    (block,) = data_of(attention_page(picture(), [given]))["blocks"]

    peaks = decoded(block["peaks"], "<f4")
    held = decoded(block["values"], np.uint8).reshape(values.shape) / 255
    np.testing.assert_array_equal(peaks, values.max(axis=(1, 2)))
    np.testing.assert_allclose(held, values / peaks[:, None, None], atol=0.502 / 255)


def test_names_and_notes_are_escaped():
    one = picture(name="</script><b>\x00.png")

    page = attention_page(one, [table("a</script>&b")], notes=["1 < 2"])

    assert page.count("</script>") == 2
    assert "&lt;/script&gt;&lt;b&gt;\ufffd.png" in page
    assert '<p class="note">1 &lt; 2</p>' in page
    assert data_of(page)["blocks"][0]["name"] == "a</script>&b"


def test_the_picture_without_a_script_is_that_of_the_place_in_the_middle():
    # the middle of 3 x 5 places, which looks at the one to its right
    page = attention_page(picture(), [table()])

    still = re.search(r'id="still" src="data:image/jpeg;base64,(.*?)"', page)[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(still))), np.float32)
    height, width = pixels.shape[:2]
    warmth = pixels[..., 0] - pixels[..., 2]
    cells = warmth.reshape(ROWS, height // ROWS, COLUMNS, width // COLUMNS)
    assert cells.mean(axis=(1, 3)).argmax() == 1 * COLUMNS + 3


def test_a_large_picture_is_made_smaller_and_keeps_its_shape():
    page = attention_page(picture(300, 1500), [table()])

    assert data_of(page)["size"] == [128, 640]


def test_large_tables_are_thinned_evenly_and_that_is_said():
    # of 6 x 9 places of 54 bytes each every second is too much still, every third not
    (thinned,), said = thin(check([table(rows=6, columns=9)]), most_bytes=600)

    np.testing.assert_allclose(
        thinned.queries,
        [[r, c] for r in (0.25, 0.75) for c in (1 / 6, 0.5, 5 / 6)],
        rtol=1e-6,
    )
    assert said == ["In layer1 6 places of 54 can be chosen: every 3 rows and columns."]


def test_a_place_is_left_however_large_the_map():
    (thinned,), _ = thin(check([table(rows=2, columns=30)]), most_bytes=1)

    assert len(thinned.queries) == 1


def test_rejects_no_tables():
    with pytest.raises(OptionError, match="those of one image, one or more, got none"):
        attention_page(picture(), [])


def test_rejects_tables_of_several_images():
    with pytest.raises(OptionError, match=r"got tables of the images \[0, 3\]"):
        attention_page(picture(), [table(), table(image=3)])


def test_rejects_a_table_without_a_query_for_each_map():
    broken = AttentionTable("layer1", "OSRA", 0, places()[:3], table().values)

    with pytest.raises(ShapeError, match=r"got \(15, 3, 5\) and \(3, 2\)"):
        attention_page(picture(), [broken])


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_a_click_chooses_the_place_that_looks(write, visit, width, dark):
    with visit(write(), width=width, dark=dark) as page:
        page.wait_for_selector("canvas")
        before = page.evaluate("document.querySelector('canvas').toDataURL()")
        assert "The place 50\xa0% across and 50\xa0% down" in page.inner_text("#told")
        box = page.locator("canvas").bounding_box()
        # the second of five columns and the last of three rows
        page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.8 * box["height"])

        assert page.inner_text("#told") == (
            "The place 30\xa0% across and 83\xa0% down looks most at 50\xa0% across "
            "and 83\xa0% down, with a share of 60\xa0%: 9 times the evenly spread one. "
            "Half of what it looks at lies within 6.7\xa0% of the places."
        )
        after = page.evaluate("document.querySelector('canvas').toDataURL()")
        assert before != after
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_the_colours_are_warmest_where_the_place_looks(write, visit):
    with visit(write()) as page:
        page.wait_for_selector("canvas")
        page.locator("canvas").press("ArrowUp")

        warmth = page.evaluate(
            """() => {
              const { width, height } = document.querySelector("canvas");
              const pen = document.querySelector("canvas").getContext("2d");
              const { data } = pen.getImageData(0, 0, width, height);
              const sums = Array(15).fill(0);
              for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
                const cell = Math.floor(3 * y / height) * 5 + Math.floor(5 * x / width);
                const spot = 4 * (y * width + x);
                sums[cell] += data[spot] - data[spot + 2];
              }
              return sums;
            }"""
        )
        assert int(np.argmax(warmth)) == 3


@pytest.mark.slow
def test_arrow_keys_move_by_one_place_and_stop_at_the_edge(write, visit):
    with visit(write()) as page:
        canvas = page.locator("canvas")
        for key in ("ArrowRight", "ArrowDown"):
            canvas.press(key)
        assert "The place 70\xa0% across and 83\xa0% down" in page.inner_text("#told")
        for key in ("ArrowRight",) * 3 + ("ArrowDown",):
            canvas.press(key)

        assert "The place 90\xa0% across and 83\xa0% down" in page.inner_text("#told")


def test_another_block_keeps_the_place(write, visit):
    with visit(write(table("a", aside=0), table("b", rows=6, columns=10))) as page:
        page.wait_for_selector("canvas")
        assert "looks most at itself" in page.inner_text("#told")
        page.select_option("#block", label="b")

        assert "The place 45\xa0% across and 42\xa0% down" in page.inner_text("#told")


def test_one_scale_for_all_places_is_a_choice(write, visit):
    given = table()
    values = given.values.copy()
    values[7] = 1 / 15  # the place in the middle prefers none
    even = AttentionTable("layer1", "OSRA", 0, given.queries, values)
    with visit(write(even)) as page:
        ticks = page.locator("#ticks text")
        page.wait_for_selector("canvas")
        # no scale ends below 2, so that what is even does not look like a peak
        assert ticks.all_text_contents() == ["0", "1", "2"]
        page.check("#together")

        assert ticks.all_text_contents()[-1] == "10"


def test_a_single_block_needs_no_choice(write, visit):
    with visit(write()) as page:
        page.wait_for_selector("canvas")

        assert page.locator("#block").is_hidden()
        assert page.locator("#together").is_visible()


def test_without_a_script_it_shows_the_middle_and_says_so(write, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(write().as_uri())
    words = page.inner_text("main")
    drawn = page.locator("#still").evaluate("image => image.naturalWidth")
    hidden = page.locator("#controls").is_hidden()
    context.close()

    assert "Without a script this page shows one place" in words
    assert "The place in the middle looks most at 70\xa0% across and 50\xa0%" in words
    assert drawn == 300
    assert hidden
