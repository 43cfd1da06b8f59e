"""Nothing on a page of a grid lies on anything else, however odd what it shows."""

from __future__ import annotations

import base64
import io
import re
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from PIL import Image

from foveate.errors import OptionError
from foveate.pictures._page import Bar, Empty, Shown, Words
from foveate.pictures.grid import Cell, Grid
from foveate.pictures.grid_layout import lay_out
from foveate.pictures.grid_png import draw_png
from foveate.pictures.grid_svg import draw_svg
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.lettering import width_of
from foveate.pictures.overlay import colour_bar
from foveate.pictures.scale import OWN, Scale
from foveate.pictures.scales import Scales
from foveate.pictures.seen import Picture

SVG = "{http://www.w3.org/2000/svg}"


def picture(height=40, width=60, name="image"):
    rows = np.linspace(0, 255, height, dtype=np.uint8)[:, None, None]
    return Picture(np.tile(rows, (1, width, 3)), name)


def heat(values=((0.0, 1.0), (2.0, 1.0)), kind="activation", **about):
    return HeatMap(np.array(values, dtype=np.float32), kind, "made up", **about)


def grid(
    rows=1, columns=1, sizes=((40, 60),), *, lead=False, name="se", image="i", **about
):
    """Images of these sizes in turn, under maps; the first column alone if ``lead``."""
    cells = tuple(
        tuple(
            Cell(picture(*sizes[row % len(sizes)]), None)
            if lead and column == 0
            else Cell(picture(*sizes[row % len(sizes)]), heat(), f"score 0.{column}")
            for column in range(columns)
        )
        for row in range(rows)
    )
    names = tuple(f"{name} {column}" for column in range(columns))
    images = tuple(f"{image}-{row}.png" for row in range(rows))
    return Grid(about.pop("title", "Title"), names, images, cells, **about)


def read(text):
    return fromstring(text.encode())  # noqa: S314


def frames(page):
    """Left, top, right and bottom of everything on a page."""
    found = []
    for item in page.items:
        if isinstance(item, Words):
            width = width_of(item.text, item.size)
            left = item.x - {"start": 0, "middle": 0.5, "end": 1}[item.anchor] * width
            found.append((left, item.y - 0.75 * item.size, left + width, item.y))
        else:
            right, bottom = item.left + item.width, item.top + item.height
            found.append((item.left, item.top, right, bottom))
    return found


def overlaps(one, other):
    beside = one[2] <= other[0] + 0.01 or other[2] <= one[0] + 0.01
    above = one[3] <= other[1] + 0.01 or other[3] <= one[1] + 0.01
    return not beside and not above


ODD = ((40, 60), (300, 60), (40, 200), (40, 40), (400, 2000))
LONG = "layer4.1.foveate.after.0.block spatial"


@pytest.mark.parametrize(
    "shown",
    [
        grid(),
        grid(title="", notes=("A note " * 60,)),
        grid(2, 3, lead=True),
        grid(5, 9, ODD, lead=True, name=LONG),
        grid(3, 12, ODD, name=LONG, title="A title " * 30),
        grid(4, 25, ((40, 60),), lead=True, name="x" * 80),
        grid(2, 1, ((4000, 10), (10, 4000))),
        grid(4, 6, ((10, 200),), image="a long name of an image " * 3),
    ],
    ids=lambda shown: f"{len(shown.rows)}x{len(shown.columns)}",
)
def test_nothing_overlaps_and_all_is_on_the_page(shown):
    page = lay_out(shown)

    # of a cell that says why it is empty, words lie within its frame
    found = frames(page)
    for number, one in enumerate(found):
        assert one[0] >= -0.01
        assert one[2] <= page.width + 0.01
        assert one[3] <= page.height + 0.01
        assert not any(overlaps(one, other) for other in found[number + 1 :])


def test_rows_of_usual_images_are_of_one_height():
    page = lay_out(grid(3, 3, ((40, 60), (40, 40), (40, 20))))

    cells = [item for item in page.items if isinstance(item, Shown)]
    assert len({cell.height for cell in cells}) == 1
    for cell in cells:
        height, width = cell.cell.picture.size
        assert cell.width / cell.height == pytest.approx(width / height, abs=0.01)


def test_a_panorama_is_fitted_by_its_width():
    page = lay_out(grid(2, 4, ((40, 200), (40, 60))))

    cells = [item for item in page.items if isinstance(item, Shown)]
    assert cells[0].width == pytest.approx(5 * cells[0].height, rel=0.02)
    assert cells[0].height < cells[-1].height


def test_many_columns_go_on_below_with_the_images_again():
    page = lay_out(grid(2, 20, lead=True))

    # 19 maps: three bands of at most nine, each of two rows that begin with the image
    cells = [item for item in page.items if isinstance(item, Shown)]
    alone = [cell for cell in cells if cell.scale is None]
    assert len(cells) == 2 * (19 + 3)
    assert len(alone) == 2 * 3
    assert max(cell.left + cell.width for cell in cells) < 1300


def test_a_missing_map_is_an_empty_cell_that_says_why():
    cells = ((Cell(picture(), heat()), Cell(None, missing="no such map"), Cell(None)),)
    page = lay_out(Grid("", ("se", "cbam", "eca"), ("a.png",), cells))

    texts = [item.text for item in page.items if isinstance(item, Words)]
    assert sum(isinstance(item, Empty) for item in page.items) == 2
    assert "no such map" in texts
    assert "no map" in texts


def test_a_map_that_points_nowhere_is_said():
    cells = ((Cell(picture(), heat(((0.0, 0.0),)), "class 3"),),)

    page = lay_out(Grid("", ("se",), ("a.png",), cells))

    texts = [item.text for item in page.items if isinstance(item, Words)]
    assert "class 3, points nowhere" in texts


def test_each_scale_in_use_has_a_bar_with_ticks_and_words():
    cells = ((Cell(picture(), heat()), Cell(picture(), heat(((0.1, 0.9),), "gate"))),)

    page = lay_out(Grid("", ("cam", "gate"), ("a.png",), cells))

    bars = [item for item in page.items if isinstance(item, Bar)]
    texts = [item.text for item in page.items if isinstance(item, Words)]
    assert [bar.scale.kind for bar in bars] == ["density", "gate"]
    assert "times the evenly spread value" in texts
    assert {"0", "0.5", "1", "1.5", "2"} <= set(texts)


def test_each_number_stands_at_its_tick_and_the_bar_rises_to_the_right():
    page = lay_out(grid(scale=Scales(density=Scale(0.0, 4.0, "density"))))

    bar = next(item for item in page.items if isinstance(item, Bar))
    places = {
        float(item.text): item.x
        for item in page.items
        if isinstance(item, Words) and item.text.isdecimal()
    }
    assert places == {
        value: pytest.approx(bar.left + bar.width * value / 4) for value in range(5)
    }
    assert bar.ticks == (0, 0.25, 0.5, 0.75, 1)
    assert bar.pixels(1.0)[:, 0].sum() < bar.pixels(1.0)[:, -1].sum()


def test_clipped_values_are_said_beside_the_bar():
    scale = Scales(density=Scale(0.0, 1.5, "density", clipped=True))

    page = lay_out(grid(scale=scale))

    words = " ".join(item.text for item in page.items if isinstance(item, Words))
    assert "higher values are drawn as 1.5" in words


def test_with_own_ranges_there_is_one_bar():
    cells = ((Cell(picture(), heat()), Cell(picture(), heat(((0.1, 0.9),), "gate"))),)

    page = lay_out(Grid("", ("cam", "gate"), ("a.png",), cells, scale="each"))

    assert [item.scale for item in page.items if isinstance(item, Bar)] == [OWN]


def test_the_ring_is_explained_where_there_is_one():
    cells = ((Cell(picture(), heat(((0.5, 0.5),), "share", query=(0.5, 0.5))),),)

    page = lay_out(Grid("", ("view",), ("a.png",), cells))

    texts = [item.text for item in page.items if isinstance(item, Words)]
    assert "Ring: the place that looks." in texts


def test_scales_that_lack_a_kind_of_map_are_refused():
    with pytest.raises(
        OptionError, match=r"there is none for 'density'.* only for: none"
    ):
        lay_out(grid(scale=Scales()))


def test_rows_of_another_length_are_refused():
    with pytest.raises(OptionError, match=r"1 rows of 2 cells, got rows of \[1\]"):
        Grid("", ("a", "b"), ("image",), ((Cell(picture()),),))


def test_an_empty_grid_is_refused():
    with pytest.raises(OptionError, match="a column and a row at least"):
        Grid("", (), (), ())


def test_the_bitmap_has_the_size_of_the_page_at_its_density():
    shown = grid(2, 3)
    page = lay_out(shown)

    image = draw_png(shown, density=1.0)

    assert image.mode == "RGB"
    assert image.size == (int(page.width), int(page.height))
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_the_bitmap_shows_the_colour_bar_as_it_is():
    shown = grid()
    bar = next(item for item in lay_out(shown).items if isinstance(item, Bar))

    image = np.asarray(draw_png(shown, density=1.0))

    top, left = round(bar.top), round(bar.left)
    height, width = round(bar.height), round(bar.width)
    np.testing.assert_array_equal(
        image[top : top + height, left : left + width],
        colour_bar((height, width), opacity=shown.opacity),
    )


def test_cells_shrink_before_a_picture_becomes_too_large_and_it_is_said():
    shown = grid(30, 2)

    image = draw_png(shown, density=1.0, longest=2500)

    page = lay_out(shown, 2500)
    words = " ".join(item.text for item in page.items if isinstance(item, Words))
    assert image.size == (int(page.width), int(page.height))
    assert max(image.size) <= 2500
    assert "The cells are small" in words


def test_what_cannot_shrink_is_drawn_at_a_lower_density():
    assert max(draw_png(grid(30, 1), longest=400).size) <= 400


@pytest.mark.parametrize(
    "name", ['<&">.jpg', "a\x00b\udc80", "\u56fe\u7247.png", "]]>"]
)
def test_any_name_makes_a_valid_file(name):
    cells = ((Cell(picture(name=name), heat(), name),),)
    shown = Grid(name, (name,), (name,), cells, (name,))

    root = read(draw_svg(shown))

    assert root.tag == f"{SVG}svg"
    assert draw_png(shown, density=1.0).size[0] > 300


def test_the_file_asks_for_nothing_and_holds_its_images():
    text = draw_svg(grid(1, 2, lead=True))

    root = read(text)
    addresses = [image.get("href") for image in root.iter(f"{SVG}image")]
    assert len(addresses) == 3
    assert all(address.startswith("data:image/") for address in addresses)
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in text


def test_text_is_text_and_images_are_described():
    root = read(draw_svg(grid(notes=("LayerCAM at layer4.",))))

    texts = [text.text for text in root.iter(f"{SVG}text")]
    labels = [image.get("aria-label") for image in root.iter(f"{SVG}image")]
    assert {"Title", "se 0", "i-0.png", "score 0.0", "LayerCAM at layer4."} <= set(
        texts
    )
    assert "i-0.png, se 0, score 0.0" in labels
    assert root[0].text == "Title"
    assert "Heat maps of 1 images in 1 columns" in root[1].text


def test_large_photographs_become_jpegs():
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    photograph = Grid("", ("image",), ("a.jpg",), ((Cell(Picture(noise, "a.jpg")),),))

    root = read(draw_svg(photograph))

    (image,) = root.iter(f"{SVG}image")
    kind, data = image.get("href").split(";base64,")
    assert kind == "data:image/jpeg"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (960, 720)


def test_the_same_grid_is_the_same_file():
    assert draw_svg(grid(2, 2)) == draw_svg(grid(2, 2))
