"""Opening what people took for images: one line each, and bounded memory."""

import io
import os
import random
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from foveate.errors import ImageError
from foveate.pictures.reading import read_picture


def noise(height=24, width=40):
    generator = np.random.default_rng(0)
    return Image.fromarray(
        generator.integers(0, 255, (height, width, 3), dtype=np.uint8)
    )


def encoded(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def chunk(kind, content):
    ends = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + ends


def header(width, height, bits, colour):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def blank_png(width, height, bits, colour):
    """A sound PNG of zeros, made without holding its pixels; ``height`` is tens."""
    row = 1 + (width * bits * {0: 1, 2: 3}[colour] + 7) // 8
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    tenth = packer.compress(bytes(row * height // 10))
    tenth += packer.flush(zlib.Z_FULL_FLUSH)
    # Adler's sums over zeros: 1, and how many there are
    ends = b"\x03\0" + struct.pack(">HH", row * height % 65521, 1)
    content = chunk(b"IDAT", b"\x78\xda" + tenth * 10 + ends)
    return (
        b"\x89PNG\r\n\x1a\n"
        + header(width, height, bits, colour)
        + content
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(40), "is a zip archive. Unpack it"),
        (b"PK\x03\x04" + bytes(26) + b"weights/data.pkl", "is a file of torch"),
        (b"PK\x03\x04" + bytes(26) + b"arr_0.npy", "is an archive of numpy"),
        (b"%PDF-1.7\n", "is a PDF document. Export its page as PNG"),
        (b"<!DOCTYPE html><title>404</title>", "is a web page (HTML)"),
        (b'<?xml version="1.0"?>\n<svg xmlns="">', "is an SVG drawing"),
        (b"\0\0\0\x18ftypheic" + bytes(12), "is a HEIC photograph"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "pip install pillow-heif"),
        (b"\0\0\0\x18ftypisom" + bytes(12), "is a video (MP4 or QuickTime)"),
        (b"\x93NUMPY\x01\0", "is an array of numpy"),
        (b"\x80\x02}q\0.", "is a pickle of Python, such as weights"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is a PostScript document"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Fetch it with: git lfs"),
        (b"P1 is where I live\n", "is text. Name an image instead"),
        (b"\0\x13\x88" * 20, "is no image: its first bytes"),
    ],
)
def test_what_is_no_image_is_named_by_its_content(file, content, words):
    path = file("photo.png", content)

    with pytest.raises(ImageError) as caught:
        read_picture(path)

    assert str(caught.value).startswith("photo.png: ")
    assert words in str(caught.value)


def test_an_image_under_a_wrong_ending_is_read(file):
    assert read_picture(file("a.txt", encoded(noise(), "PNG"))).name == "a.txt"


def test_a_missing_file_offers_near_names(file):
    file("kitten.jpg", b"x")
    path = file("notes.txt", b"x").with_name("kiten.jpg")

    with pytest.raises(ImageError, match=r"^kiten.jpg: .*Did you mean 'kitten.jpg'\?"):
        read_picture(path)


@pytest.mark.parametrize("missing", ["a.jpg", "no/a.jpg", ""])
def test_a_path_with_breaks_is_still_one_line(tmp_path, missing):
    folder = tmp_path / "two\nlines"
    folder.mkdir()
    (folder / "b\nc.jpg").touch()

    with pytest.raises(ImageError) as caught:
        read_picture(folder / missing)

    assert str(caught.value).isprintable()
    assert "two lines" in str(caught.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"^a.jpg: there is no folder '.*photos'"):
        read_picture(tmp_path / "photos" / "a.jpg")


def test_an_address_is_not_a_file():
    with pytest.raises(ImageError, match=r"is an address, not a file. Download it"):
        read_picture("https://example.org/a.jpg")


def test_a_folder_says_how_to_name_what_is_in_it(file, tmp_path):
    for name in ("a.jpg", "b.jpg", "c.PNG", "d.txt"):
        file(name, b"x")

    with pytest.raises(ImageError, match=r"is a folder with 3 images\. .*\*\.jpg\.$"):
        read_picture(tmp_path)


def test_an_empty_file_is_said_to_be_empty(file):
    with pytest.raises(ImageError, match=r"^a.jpg: is empty \(0 bytes\)"):
        read_picture(file("a.jpg", b""))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")

    with pytest.raises(ImageError, match=r"^a.jpg: is neither a file nor a folder"):
        read_picture(tmp_path / "a.jpg")


def test_a_file_that_may_not_be_read_says_so(file, monkeypatch):
    path = file("a.jpg", b"x")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageError, match=r"^a.jpg: cannot be read: Permission denied"):
        read_picture(path)


def test_names_are_shown_on_one_line(tmp_path):
    with pytest.raises(ImageError) as caught:
        read_picture(tmp_path / "a\nb\udcff.jpg")

    assert str(caught.value).startswith("a b .jpg: there is no such file")


def test_a_sparse_file_of_gigabytes_is_not_read(file):
    path = file("a.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 ")
    os.truncate(path, 2**31)

    with pytest.raises(ImageError, match=r"has 2.0 GiB, more than the 1 GiB"):
        read_picture(path)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_truncated_file_ends_too_early(file, form):
    content = encoded(noise(40, 56), form)

    with pytest.raises(ImageError, match=r"^a.img: ends too early"):
        read_picture(file("a.img", content[: len(content) * 6 // 10]))


def test_a_wrong_checksum_is_damage(file):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "corners")
    content = encoded(noise(), "PNG", pnginfo=info)

    with pytest.raises(ImageError, match=r"^a.png: is damaged: a checksum"):
        read_picture(file("a.png", content.replace(b"corners", b"corner5")))


def test_texts_and_profiles_that_unpack_to_a_lot_are_left_out(file):
    plain = encoded(noise(), "PNG")
    bomb = b"x\0\0" + zlib.compress(bytes(2**21), 9)

    for kind in (b"zTXt", b"iCCP"):
        picture = read_picture(file("a", plain[:33] + chunk(kind, bomb) + plain[33:]))

        np.testing.assert_array_equal(picture.pixels, np.asarray(noise()))
        assert picture.notes == (
            "its texts and colour profile cannot be read and were ignored",
        )


SAMPLES = {
    "PNG": {"icc_profile": b"x" * 99},
    "JPEG": {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"},
    "GIF": {},
    "TIFF": {},
    "WEBP": {},
    "BMP": {},
    "MPO": {},
    "PPM": {},
}


@pytest.mark.parametrize("form", SAMPLES)
def test_flipped_bytes_give_one_line_or_an_image(file, form):
    chance = random.Random(f"flips of {form}")
    sound = encoded(noise(), form, **SAMPLES[form])

    problems = []
    for _ in range(60):
        content = bytearray(sound)
        for _ in range(chance.choice((1, 2, 5))):
            place = chance.randrange(min(len(content), 160))
            content[place] = chance.choice((0, 255, chance.randrange(256)))
        try:
            read_picture(file("a.img", bytes(content)))
        except ImageError as problem:
            problems.append(str(problem))

    assert problems
    assert all(said.startswith("a.img: ") and "\n" not in said for said in problems)


def test_no_setting_of_pillow_and_no_filter_of_warnings_is_changed(file):
    settings = Image.MAX_IMAGE_PIXELS, list(warnings.filters)

    read_picture(file("a.png", encoded(noise(), "PNG")))

    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == settings


@pytest.mark.parametrize(("bits", "colour"), [(1, 0), (8, 2)])
def test_a_huge_png_is_refused_by_its_header(file, bits, colour):
    # its header is all that counts, so only that is as large as it says
    content = bytearray(blank_png(10, 10, bits, colour))
    content[8:33] = header(20_000, 20_000, bits, colour)

    with pytest.raises(ImageError, match=r"^a.png: has 20000 x 20000 pixels, more"):
        read_picture(file("a.png", bytes(content)))


def test_a_huge_webp_is_refused_before_its_canvas_is_made(file):
    side = (16_383).to_bytes(3, "little")
    head = b"VP8X" + struct.pack("<I", 10) + bytes(4) + side + side
    content = b"RIFF" + struct.pack("<I", len(head) + 4) + b"WEBP" + head

    with pytest.raises(ImageError, match=r"has 16384 x 16384 pixels"):
        read_picture(file("a.webp", content))


PEAK = """
import sys
from foveate.errors import ImageError
from foveate.pictures.reading import read_picture
try:
    read_picture(sys.argv[1])
except ImageError as problem:
    assert "20000 x 20000" in str(problem)
lines = open("/proc/self/status").read().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
@pytest.mark.parametrize(("bits", "colour"), [(1, 0), (8, 2)])
def test_a_huge_png_takes_no_more_memory_than_a_tiny_one(file, bits, colour):
    paths = (
        file("tiny.png", blank_png(20, 20, bits, colour)),
        file("huge.png", blank_png(20_000, 20_000, bits, colour)),
    )

    tiny, huge = (
        int(
            subprocess.run(
                [sys.executable, "-c", PEAK, str(path)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for path in paths
    )

    # in KiB; decoded it would take 400,000 or more
    assert huge - tiny < 16_000
