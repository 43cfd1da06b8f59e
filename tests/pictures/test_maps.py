"""What one look has shown: arrays, overlays, the grid and the files."""

import json

import numpy as np
import pytest
from PIL import Image

from foveate.errors import OptionError, ShapeError
from foveate.pictures import (
    AttentionTable,
    Branches,
    ChannelGates,
    HeatMap,
    Looked,
    Maps,
    Picture,
    Unread,
)


def picture(name, height=20, width=30):
    rng = np.random.default_rng(0)
    return Picture(rng.integers(0, 255, (height, width, 3), np.uint8), name)


def activation(values, target="class 3", **told):
    values = np.array(values, np.float32)
    return HeatMap(values, "activation", "layercam", target=target, **told)


def gate(values, where="layer1.0.attention"):
    return HeatMap(np.array(values, np.float32), "gate", "spatial", where=where)


@pytest.fixture
def maps():
    rng = np.random.default_rng(1)
    return Maps(
        looked=(
            Looked(
                picture("a/cat & <dog>.png"),
                (activation([[0, 1], [2, 3]], where="layer4"), gate([[0.2, 0.9]])),
            ),
            Looked(picture("b.png", 33, 17), (activation([[5, 0, 0]]),)),
        ),
        gates=(
            ChannelGates(
                "layer1.0.attention", "CBAM", "channel", rng.random((2, 8), np.float32)
            ),
        ),
        branches=(
            Branches("neck", "SK", np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)),
        ),
        tables=(
            AttentionTable(
                "layer3.0.attention",
                "CrissCrossAttention",
                0,
                np.array([[0.25, 0.5], [0.75, 0.5]], np.float32),
                np.full((2, 2, 1), 0.5, np.float32),
            ),
        ),
        said=("layercam: layer4",),
        unread=(Unread("c.png", "c.png: is empty."),),
    )


def test_it_is_a_sequence_of_its_images(maps):
    assert len(maps) == 2
    assert [one.picture.name for one in maps] == ["a/cat & <dog>.png", "b.png"]
    assert maps[1].picture.name == "b.png"


def test_class_activation_maps_go_from_0_to_1_at_the_size_asked_for(maps):
    cams = maps.cams((4, 6))

    assert cams.shape == (2, 4, 6)
    assert cams.dtype == np.float32
    assert (cams.min(axis=(1, 2)) == 0).all()
    assert (cams.max(axis=(1, 2)) == 1).all()


def test_maps_of_images_of_several_sizes_need_a_size(maps):
    with pytest.raises(ShapeError, match=r"the images have 2 sizes.*cams\(\(224, 224"):
        maps.cams()


def test_an_image_without_a_map_is_named():
    maps = Maps((Looked(picture("dog.png"), ()),))

    with pytest.raises(ShapeError, match=r"dog.png has no class activation map"):
        maps.cams()


def test_what_a_block_looks_at_is_no_class_activation_map():
    part = HeatMap(np.ones((2, 3), np.float32), "activation", "part 1", where="neck")
    one = picture("dog.png")
    both = Maps((Looked(one, (gate([[0.2, 0.9]]), part, activation([[0, 1, 0]]))),))
    blocks = Maps((Looked(one, (gate([[0.2, 0.9]]), part)),))

    assert both.cams((1, 3)).tolist() == [[[0, 1, 0]]]
    assert both.grid().columns[1:] == (
        "layercam",
        "layer1.0.attention spatial",
        "neck part 1",
    )
    with pytest.raises(ShapeError, match=r"no class activation map.*cam='layercam'"):
        blocks.cams()


def test_an_overlay_has_the_proportions_of_its_image(maps):
    picture = maps.overlay(1)

    assert isinstance(picture, Image.Image)
    assert picture.width / picture.height == pytest.approx(17 / 33, abs=0.01)


def test_an_overlay_has_the_scale_of_the_grid_unless_each_has_its_own():
    flat, peaked = activation([[1, 1]]), activation([[0, 0, 0, 0, 0, 1]])
    one = picture("a.png")
    alone, beside = Maps((Looked(one, (flat,)),)), Maps((Looked(one, (flat, peaked)),))

    def drawn(maps, scale):
        return np.asarray(maps.overlay(0, 0, scale=scale))

    # 1 is in the middle of a bar to 2, and lower on one to 6
    assert (drawn(alone, "shared") != drawn(beside, "shared")).any()
    assert (drawn(alone, "each") == drawn(beside, "each")).all()


@pytest.mark.parametrize(("image", "heat"), [(2, 0), (0, 5)])
def test_an_overlay_that_is_not_there_is_refused(maps, image, heat):
    with pytest.raises(OptionError, match="there is no"):
        maps.overlay(image, heat)


def test_the_grid_has_a_column_for_each_map_and_says_where_one_is_missing(maps):
    grid = maps.grid("A title")

    assert grid.columns == ("image", "layercam", "layer1.0.attention spatial")
    assert grid.rows == ("a/cat & <dog>.png", "b.png")
    assert grid.cells[1][2].missing
    assert grid.notes == ("layercam: layer4",)


def test_several_boxes_have_a_column_each():
    box = (0.1, 0.2, 0.5, 0.6)
    heats = tuple(activation([[n, 1]], box=box, target=f"box {n}") for n in (2, 3))

    grid = Maps((Looked(picture("a.png"), heats),)).grid()

    assert grid.columns == ("image", "layercam 1", "layercam 2")
    assert grid.cells[0][1].box == pytest.approx((3, 4, 15, 12))


def test_every_file_is_written(maps, tmp_path):
    written = maps.save(tmp_path / "out", title="Title")

    names = {path.relative_to(tmp_path / "out").as_posix() for path in written}
    assert names == {
        "grid.png",
        "grid.svg",
        "overlays/0-cat-dog-layercam-0.png",
        "overlays/1-b-layercam-0.png",
        "channels.svg",
        "channels/0-layer1.0.attention.svg",
        "branches.svg",
        "attention-0-cat-dog.html",
        "maps.npz",
        "maps.json",
        "channels.csv",
    }
    assert all(path.stat().st_size for path in written)


def test_overlays_are_named_so_that_no_shell_or_system_minds(tmp_path):
    part = HeatMap(np.ones((2, 3), np.float32), "activation", "part 1")
    both = HeatMap(np.ones((2, 3), np.float32), "activation", "gradcam++")
    seen = Maps((Looked(picture('a: "dog"?.png'), (both, part)),))

    seen.save(tmp_path, formats=["png"])

    written = {file.name for file in (tmp_path / "overlays").iterdir()}
    assert written == {"0-a-dog-gradcam++-0.png", "0-a-dog-part-1-1.png"}


def test_arrays_come_back_under_the_names_that_the_json_has_for_them(maps, tmp_path):
    maps.save(tmp_path, formats=["npz", "json"])

    told = json.loads((tmp_path / "maps.json").read_text())
    with np.load(tmp_path / "maps.npz") as arrays:
        first = told["images"][0]["maps"][0]
        assert arrays[first["array"]].tolist() == [[0, 1], [2, 3]]
        assert first["where"] == "layer4"
        assert arrays[told["gates"][0]["array"]].shape == (2, 8)
        assert arrays[told["branches"][0]["array"]].shape == (2, 2)
    assert told["unread"] == [{"name": "c.png", "reason": "c.png: is empty."}]
    assert told["images"][1]["size"] == [33, 17]


def test_a_file_whose_name_is_no_text_does_not_keep_the_others_from_disk(tmp_path):
    # how Python spells a byte that is no UTF-8
    odd = Unread("a\udcff.png", "a.png: is empty.")
    seen = Maps((Looked(picture("b.png"), (activation([[0, 1]]),)),), unread=(odd,))

    seen.save(tmp_path, formats=["json"])

    said = json.loads((tmp_path / "maps.json").read_text(encoding="utf-8"))
    assert said["unread"] == [{"name": r"a\udcff.png", "reason": "a.png: is empty."}]


def test_only_what_is_asked_for_is_written(maps, tmp_path):
    maps.save(tmp_path, formats=["json"])

    assert sorted(p.name for p in tmp_path.iterdir()) == ["channels.csv", "maps.json"]


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        (["jpg"], "formats cannot be 'jpg'"),
        ("png", r"must be a list such as \['png'\]"),
    ],
)
def test_a_format_that_does_not_exist_is_refused(maps, tmp_path, formats, message):
    with pytest.raises(OptionError, match=message):
        maps.save(tmp_path / "out", formats=formats)
    assert not (tmp_path / "out").exists()


def test_printed_it_says_what_was_seen_and_what_was_not(maps):
    assert str(maps).splitlines() == [
        "a/cat & <dog>.png: layercam at layer4 for class 3",
        "b.png: layercam for class 3",
        "of blocks: spatial at layer1.0.attention",
        "not looked at: c.png: is empty.",
        "layercam: layer4",
    ]
