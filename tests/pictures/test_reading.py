"""Reading the images that people have: what they see is what they get."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from foveate.errors import ImageError, OptionError
from foveate.pictures.reading import read_picture

RED, GREEN, BLUE, WHITE = (250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 250)


def four_corners(height=24, width=40):
    """An image whose quarters are red, green, blue and white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = WHITE
    return Image.fromarray(pixels)


def ramp():
    return np.linspace(0, 1, 12).reshape(3, 4)


def encoded(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


# how a camera stores what is upright, for each value of EXIF's orientation
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_every_orientation_is_shown_upright(file, form, orientation):
    turn = STORED[orientation]
    stored = four_corners() if turn is None else four_corners().transpose(turn)
    tags = Image.Exif()
    tags[0x0112] = orientation

    picture = read_picture(file("a.img", encoded(stored, form, exif=tags, quality=95)))

    middles = picture.pixels[6::12, 10::20].astype(int)
    want = np.array([[RED, GREEN], [BLUE, WHITE]])
    assert picture.size == (24, 40)
    assert np.abs(middles - want).max() < 12


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_picture_keeps_its_upright_size_in_mind(file, form, orientation):
    turn = STORED[orientation]
    stored = four_corners() if turn is None else four_corners().transpose(turn)
    tags = Image.Exif()
    tags[0x0112] = orientation
    path = file("a.img", encoded(stored, form, exif=tags, quality=95))

    picture = read_picture(path, longest=10)

    assert (picture.size, picture.original) == ((6, 10), (24, 40))


def test_a_picture_that_is_not_reduced_has_no_other_size(file):
    assert read_picture(file("a.png", encoded(four_corners(), "PNG"))).original is None


def test_a_damaged_exif_does_not_keep_an_image_from_being_read(file):
    content = encoded(four_corners(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\0")

    assert read_picture(file("a.jpg", content)).size == (24, 40)


def test_an_image_of_pillow_is_turned_too_and_not_changed():
    tags = Image.Exif()
    tags[0x0112] = 6
    image = Image.open(io.BytesIO(encoded(four_corners(), "JPEG", exif=tags)))

    picture = read_picture(image)

    assert picture.size == (40, 24)
    assert image.size == (40, 24)  # Pillow's is width first: as it was
    assert picture.name == "image"


@pytest.mark.parametrize(
    ("image", "want"),
    [
        (Image.new("1", (5, 3), 1), 255),
        (Image.new("L", (5, 3), 77), 77),
        (Image.new("LA", (5, 3), (0, 0)), 255),
        (Image.new("La", (5, 3), (0, 0)), 255),
        (Image.new("RGBA", (5, 3), (0, 0, 0, 51)), 204),
        (Image.new("RGBa", (5, 3), (0, 0, 0, 0)), 255),
        (Image.new("PA", (5, 3)), 255),
        (Image.new("CMYK", (5, 3), (0, 0, 0, 255)), 0),
        (Image.new("YCbCr", (5, 3), (90, 128, 128)), 90),
        (Image.new("HSV", (5, 3), (0, 0, 60)), 60),
        (Image.new("RGBX", (5, 3), (8, 8, 8, 0)), 8),
        (Image.new("I;16", (5, 3), 25700), 100),
        (Image.new("I;16B", (5, 3), 25700), 100),
        (Image.new("I", (5, 3), 25700), 100),
        (Image.new("F", (5, 3), 0.2), 51),
        # L* = 255 of 255, and a* and b* in the middle
        (Image.new("LAB", (5, 3), (255, 128, 128)), 255),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_every_mode_becomes_what_people_see(image, want):
    picture = read_picture(image)

    assert picture.pixels.shape == (3, 5, 3)
    assert picture.pixels.dtype == np.uint8
    np.testing.assert_allclose(picture.pixels.astype(int), want, atol=1)


def test_16_bit_files_keep_their_range(file):
    deep = Image.fromarray((ramp() * 65535).astype(np.uint16))

    for form in ("PNG", "TIFF"):
        picture = read_picture(file("deep", encoded(deep, form)))

        np.testing.assert_allclose(picture.pixels[..., 0], ramp() * 255, atol=1)
        assert picture.notes == ()


def test_a_dark_16_bit_file_stays_dark(file):
    dark = Image.fromarray(np.full((3, 4), 514, np.uint16))

    # 514 / 257 = 2
    assert (read_picture(file("a.png", encoded(dark, "PNG"))).pixels == 2).all()


def test_other_ranges_are_stretched_and_said(file):
    heights = Image.fromarray((ramp() * 3 - 1).astype(np.float32))

    picture = read_picture(file("a.tif", encoded(heights, "TIFF")))

    np.testing.assert_allclose(picture.pixels[..., 0], ramp() * 255, atol=1)
    assert picture.notes == ("stretched from -1, its lowest value, to 2",)


def test_values_that_are_not_finite_are_black_and_counted(file):
    values = (ramp() * 3 - 1).astype(np.float32)
    values[1, 1], values[0, 2] = np.nan, np.inf

    picture = read_picture(file("a.tif", encoded(Image.fromarray(values), "TIFF")))

    assert (picture.pixels[1, 1] == 0).all()
    assert picture.notes[0] == "2 of its values are not finite: shown black"


def test_transparency_of_palettes_and_of_single_colours_is_white(file):
    colours = Image.new("RGB", (5, 3), (1, 2, 3))
    palette = four_corners().quantize(4)

    single = read_picture(file("a", encoded(colours, "PNG", transparency=(1, 2, 3))))
    first = read_picture(file("b", encoded(palette, "GIF", transparency=0)))

    assert (single.pixels == 255).all()
    assert single.notes == ("transparent places are shown white",)
    assert first.notes == ("transparent places are shown white",)


def test_half_transparent_places_mix_with_white(file):
    image = Image.new("RGBA", (5, 3), (255, 0, 0, 128))

    picture = read_picture(file("a.webp", encoded(image, "WEBP", lossless=True)))

    # 255 - 128 = 127 of white shows through
    assert picture.pixels[2, 3].tolist() == [255, 127, 127]


def test_cmyk_jpegs_have_the_colours_that_were_printed(file):
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))

    picture = read_picture(file("a.jpg", encoded(cyan, "JPEG", quality=95)))

    assert np.abs(picture.pixels.astype(int) - (0, 255, 255)).max() < 4
    assert "CMYK" in picture.notes[0]


def test_ycck_jpegs_are_read_as_their_marker_says(file):
    content = bytearray(encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG"))
    # Adobe's marker: 2 says that the first three layers are Y, Cb and Cr
    content[content.index(b"Adobe") + 11] = 2

    picture = read_picture(file("a.jpg", bytes(content)))

    # stored 0, 255, 255, 255; ink of 1.402 * 127, none, 1.772 * 127
    assert np.abs(picture.pixels.astype(int) - (77, 255, 30)).max() < 4


def swapped_profile():
    """A profile of sRGB in which red is green, under another name."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"----", 1).replace(b"gXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"----", b"gXYZ", 1)
    return swapped.replace("sRGB".encode("utf-16-be"), "odd\n".encode("utf-16-be"))


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGB"), ("PNG", "RGBA")])
def test_an_embedded_colour_profile_is_brought_to_srgb(file, form, mode):
    red = Image.new(mode, (6, 5), (255, 0, 0))

    picture = read_picture(
        file("a.png", encoded(red, form, icc_profile=swapped_profile()))
    )

    if mode == "RGB":
        assert np.abs(picture.pixels.astype(int) - (0, 255, 0)).max() < 4
    assert picture.notes[0] == "brought to sRGB from 'odd built-in'"


def test_a_profile_of_srgb_changes_nothing(file):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    picture = read_picture(file("a", encoded(four_corners(), "PNG", icc_profile=srgb)))

    np.testing.assert_array_equal(picture.pixels, np.asarray(four_corners()))
    assert picture.notes == ()


@pytest.mark.parametrize("space", ["LAB", "XYZ", "rubbish"])
def test_a_profile_that_cannot_be_used_is_ignored_with_a_note(file, space):
    profile = b"rubbish" * 40
    if space != "rubbish":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()

    content = encoded(four_corners(), "PNG", icc_profile=profile)

    picture = read_picture(file("a.png", content))
    np.testing.assert_array_equal(picture.pixels, np.asarray(four_corners()))
    assert picture.notes == ("its colour profile cannot be used and was ignored",)


@pytest.mark.parametrize(
    ("form", "words"),
    [("GIF", "frames"), ("WEBP", "frames"), ("PNG", "frames"), ("TIFF", "pages")],
)
def test_of_several_frames_the_first_is_shown_and_said(file, form, words):
    frames = [Image.new("RGB", (6, 5), colour) for colour in (RED, GREEN, BLUE)]
    content = encoded(frames[0], form, save_all=True, append_images=frames[1:])

    picture = read_picture(file("a", content))

    assert np.abs(picture.pixels.astype(int) - RED).max() < 12
    assert picture.notes == (f"the first of 3 {words}",)


def test_large_images_are_reduced_and_keep_their_proportion(file):
    content = encoded(Image.new("RGB", (300, 200), RED), "PNG")

    picture = read_picture(file("a.png", content), longest=60)

    assert picture.size == (40, 60)
    assert picture.notes == ("reduced from 300 to 60 pixels on its longer side",)


def test_a_thin_image_keeps_a_row(file):
    content = encoded(Image.new("L", (400, 1), 9), "PNG")

    assert read_picture(file("a.png", content), longest=50).size == (1, 50)


@pytest.mark.parametrize("form", ["JPEG", "MPO"])
def test_a_jpeg_is_decoded_no_finer_than_needed(file, monkeypatch, form):
    image = Image.new("RGB", (640, 480), RED)
    second = {"save_all": True, "append_images": [image]} if form == "MPO" else {}
    monkeypatch.setattr("foveate.pictures._opening.MOST_PIXELS", 30_000)

    picture = read_picture(file("a.jpg", encoded(image, form, **second)), longest=80)

    # an eighth of each side: 4,800 pixels
    assert picture.size == (60, 80)
    assert picture.notes[-1] == "reduced from 640 to 80 pixels on its longer side"


def test_a_progressive_jpeg_counts_in_full(file, monkeypatch):
    content = encoded(Image.new("RGB", (640, 480), RED), "JPEG", progressive=True)
    monkeypatch.setattr("foveate.pictures._opening.MOST_PIXELS", 30_000)

    with pytest.raises(ImageError, match=r"^a.jpg: has 640 x 480 pixels, more than"):
        read_picture(file("a.jpg", content), longest=80)


@pytest.mark.parametrize(
    ("array", "want"),
    [
        (np.full((3, 5), 7, np.uint8), 7),
        (np.full((3, 5, 1), 257 * 9, np.uint16), 9),
        (np.full((3, 5), 65535, np.uint16), 255),
        (np.ones((3, 5, 3), bool), 255),
        (np.full((3, 5, 3), 0.2, np.float16), 51),
        (np.full((3, 5, 4), 0.0, np.float64), 255),
        (np.full((5, 3, 3), 7, np.uint8).transpose(1, 0, 2), 7),
    ],
)
def test_arrays_are_images_too(array, want):
    picture = read_picture(array, name="drawn")

    assert picture.pixels.shape == (3, 5, 3)
    assert (picture.pixels == want).all()
    assert picture.name == "drawn"


def test_a_picture_shares_no_memory_with_the_array():
    array = np.zeros((3, 5, 3), np.uint8)

    picture = read_picture(array)

    array[:] = 9
    assert not picture.pixels.any()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 40, 50)), r"got \(3, 40, 50\)\. Its channels come first: give"),
        (np.zeros((4, 6, 7, 3)), r"got \(4, 6, 7, 3\)"),
        (np.zeros((0, 4)), r"and not empty, got \(0, 4\)"),
        (np.zeros(4), r"got \(4,\)"),
        (np.zeros((4, 5), int), r"got int64\. .*astype\('uint8'\)"),
        (np.full((4, 5), 200.0), r"got 200 to 200\. If it goes to 255, divide"),
        (np.full((4, 5), np.nan), r"from 0 to 1, got nan to nan"),
    ],
)
def test_arrays_that_are_no_images_are_refused_with_a_hint(array, words):
    with pytest.raises(ImageError, match=words):
        read_picture(array)


def test_other_things_are_refused_by_their_type():
    with pytest.raises(ImageError, match=r"^image: expected a path, .* got bytes"):
        read_picture(b"photo.jpg")


def test_a_longest_side_of_zero_is_refused():
    with pytest.raises(OptionError, match="longest must be greater than 0, got 0"):
        read_picture(np.zeros((3, 4)), longest=0)
