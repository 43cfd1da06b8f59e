"""The one call that looks: every kind of image, and blocks beside classes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import foveate as fv
from foveate.errors import ImageError, OptionError, SiteError
from foveate.explain import class_activation
from foveate.pictures import resized


@pytest.fixture(scope="module")
def host():
    torch.manual_seed(0)
    return fv.backbones.resnet10(width=16, attention="cbam", num_classes=5)


@pytest.fixture
def photograph(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "photo.png"
    Image.fromarray(rng.integers(0, 255, (60, 90, 3), np.uint8)).save(path)
    return path


def test_a_map_of_a_tensor_is_that_of_its_class_activation(host):
    x = torch.rand(2, 3, 64, 96)

    maps = fv.look(host, x, cam="layercam", targets=[1, 4])

    alone = class_activation(host, x, method="layercam", targets=[1, 4])
    np.testing.assert_allclose(maps.cams(), alone.maps, atol=1e-6)
    assert "layercam: layer2" in maps.said[0]


def test_files_images_arrays_and_tensors_go_together(host, photograph):
    array = np.zeros((40, 50, 3), np.uint8)
    sources = [photograph, str(photograph), Image.open(photograph), array]

    maps = fv.look(host, [*sources, torch.rand(3, 64, 64)])

    names = [one.picture.name for one in maps]
    assert names == [str(photograph)] * 2 + ["image 2", "image 3", "image 4"]
    assert [one.picture.size for one in maps] == [(60, 90)] * 3 + [(40, 50), (64, 64)]
    first, second, third = (one.heat[0].values for one in maps.looked[:3])
    assert np.array_equal(first, second)
    assert np.array_equal(first, third)


def test_one_image_needs_no_list(host, photograph):
    assert len(fv.look(host, photograph)) == 1
    assert len(fv.look(host, torch.rand(3, 64, 64))) == 1


def test_an_image_that_cannot_be_read_stops_no_other(host, photograph, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"PK\x03\x04")

    maps = fv.look(host, [broken, photograph, tmp_path / "none.png"], targets=[0, 1, 2])

    assert [one.picture.name for one in maps] == [str(photograph)]
    assert maps[0].heat[0].target.startswith("class 1")
    assert [unread.name for unread in maps.unread] == [
        str(broken),
        str(tmp_path / "none.png"),
    ]
    assert "zip archive" in maps.unread[0].reason


def test_if_none_can_be_read_that_is_an_error_with_a_line_for_each(host, tmp_path):
    with pytest.raises(ImageError) as caught:
        fv.look(host, [tmp_path / "a.png", tmp_path / "b.png"])

    assert len(str(caught.value).splitlines()) == 2


def test_blocks_stand_after_the_class_and_their_gates_are_gathered(host):
    maps = fv.look(host, [torch.rand(3, 64, 64), torch.rand(3, 48, 80)])

    assert [heat.source for heat in maps[0].heat] == ["layercam"] + ["spatial"] * 4
    assert [gates.values.shape[0] for gates in maps.gates] == [2] * 4


def test_blocks_can_be_left_out_and_asked_for_alone(host):
    x = torch.rand(3, 64, 64)

    without = fv.look(host, x, blocks=False)[0].heat
    assert [heat.source for heat in without] == ["layercam"]
    alone = fv.look(host, x, cam=None, at="layer3")[0].heat
    assert [heat.where for heat in alone] == ["layer3.0.attention"]


def test_a_network_without_blocks_says_so_only_if_it_was_asked():
    plain = fv.backbones.resnet10(width=16)
    x = torch.rand(3, 64, 64)

    asked = fv.look(plain, x, blocks=True)

    assert not any("block" in line for line in fv.look(plain, x).said)
    assert any("no block" in line for line in asked.said)


def test_a_query_is_a_pixel_of_the_image_as_it_is_in_the_file(tmp_path):
    host = fv.backbones.resnet10(width=16, attention="criss_cross")
    path = tmp_path / "large.png"
    Image.new("RGB", (3000, 1500)).save(path)

    maps = fv.look(host, path, cam=None, query=(750, 2999), at="layer4")

    row, column = maps[0].heat[0].query
    assert row == pytest.approx(0.5, abs=0.25)
    assert column > 0.9


def test_a_query_outside_an_image_is_refused(host, photograph):
    with pytest.raises(OptionError, match=r"got \(60, 0\), and .*photo.png is 60 x 90"):
        fv.look(host, photograph, query=(60, 0))


def test_places_make_a_table_for_each_image_to_click_in():
    host = fv.backbones.resnet10(width=16, attention="criss_cross")

    maps = fv.look(host, torch.rand(2, 3, 64, 64), cam=None, at="layer4", places=4)

    assert [table.image for table in maps.tables] == [0, 1]
    assert maps.tables[0].queries.shape == (4, 2)


@pytest.mark.parametrize("size", [40, (40, 72)])
def test_the_size_of_the_input_can_be_said(host, photograph, size):
    maps = fv.look(host, photograph, size=size, target_layers="conv1")

    want = (40, 64) if size == 40 else (40, 72)
    assert maps[0].heat[0].values.shape == tuple(side // 2 for side in want)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"cam": "grad-cam"}, OptionError, "cam cannot be 'grad-cam'.*gradcam"),
        ({"targets": [1, 2]}, OptionError, "for each of the 1, got 2"),
        ({"targets": 7}, OptionError, "class"),
        ({"target_layers": "layer9"}, SiteError, "layer9"),
        ({"images": []}, OptionError, "one image or more, got none"),
        ({"places": -1}, OptionError, "-1"),
        ({"size": 0}, OptionError, "0"),
    ],
)
def test_what_cannot_work_is_refused(host, wrong, error, message):
    images = wrong.pop("images", torch.rand(1, 3, 64, 64))

    with pytest.raises(error, match=message):
        fv.look(host, images, **wrong)


def test_the_network_is_left_as_it_was(host):
    host.train()
    state = {key: value.clone() for key, value in host.state_dict().items()}
    numbers = torch.get_rng_state()

    fv.look(host, torch.rand(1, 3, 64, 64, generator=torch.Generator()), places=2)

    assert all(module.training for module in host.modules())
    assert all(value.equal(host.state_dict()[key]) for key, value in state.items())
    assert all(parameter.grad is None for parameter in host.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in host.modules())
    assert torch.get_rng_state().equal(numbers)


class Detector(nn.Module):
    """One box whose score is how bright its quarter of the image is."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, padding=1)
        nn.init.constant_(self.body.weight, 0.1)

    def forward(self, x):
        features = self.body(x).relu()
        height, width = x.shape[2:]
        box = torch.tensor([[0.0, 0.0, width / 2, height / 2]])
        score = features[:, :, : height // 2, : width // 2].mean((1, 2, 3)).sigmoid()
        return [
            {"boxes": box, "scores": one[None], "labels": torch.tensor([1])}
            for one in score
        ]


def test_a_detector_has_a_map_for_each_box_within_it():
    maps = fv.look(Detector(), torch.rand(3, 32, 32), cam="layercam")

    (heat,) = maps[0].heat
    inside = resized(heat.values, (32, 32))
    assert heat.box == (0.0, 0.0, 0.5, 0.5)
    assert maps[0].box_of(heat) == (0.0, 0.0, 16.0, 16.0)
    assert inside[:14, :14].mean() > inside[18:, 18:].mean()


def test_an_image_without_a_box_is_said_and_the_others_go_on():
    maps = fv.look(Detector(), torch.rand(2, 3, 32, 32), least_score=0.999)

    assert [one.heat for one in maps] == [(), ()]
    assert sum("least_score" in line for line in maps.said) == 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_tensor_comes_in_the_precision_of_the_network(dtype):
    host = fv.backbones.resnet10(width=8, attention="se").eval().to(dtype)

    seen = fv.look(host, torch.rand(1, 3, 65, 47), target_layers="layer2")

    assert seen.cams().shape == (1, 65, 47)


def test_layers_are_looked_for_once_for_each_size_of_image():
    host = fv.backbones.resnet10(width=8).eval()
    runs = []
    host.conv1.register_forward_hook(lambda *_: runs.append(1))

    fv.look(host, torch.rand(1, 3, 65, 47))
    of_one = len(runs)
    fv.look(host, torch.rand(4, 3, 65, 47))

    # each further image runs once: for its own map
    assert len(runs) - of_one == of_one + 3


def test_a_network_made_in_inference_mode_is_seen():
    with torch.inference_mode():
        host = fv.backbones.resnet10(width=8, attention="se").eval()

    seen = fv.look(host, torch.rand(1, 3, 65, 47))

    assert len(seen.gates) == 4
    assert all(tensor.is_inference() for tensor in host.buffers())


def test_threads_take_turns_and_leave_the_network_as_it_was():
    host = fv.backbones.resnet10(width=8, attention="se").train()
    x = torch.rand(3, 3, 33, 47)
    want = [class_activation(host, image[None]).maps for image in x]

    def repeat(image):
        return [class_activation(host, x[image][None]).maps for _ in range(3)]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(repeat, range(3)))

    for maps, of_image in zip(found, want, strict=True):
        np.testing.assert_allclose(maps, [of_image] * 3, atol=1e-5)
    assert all(module.training for module in host.modules())


class OneSize(nn.Module):
    """A network for images of 32 pixels alone."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 32 * 32, 3)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def test_a_network_of_one_size_says_how_to_give_it(photograph):
    with pytest.raises(OptionError, match=r"resized to 224x320.*--size 224x224"):
        fv.look(OneSize(), photograph)

    assert fv.look(OneSize(), photograph, size=(32, 32))[0].heat


def test_all_images_are_seen_at_the_layer_that_the_first_one_finds():
    host = fv.backbones.resnet10(width=16, num_classes=5)

    # layer4 of the second alone has 7 rows and columns
    maps = fv.look(host, [torch.rand(3, 64, 64), torch.rand(3, 256, 256)])

    assert [one.heat[0].where for one in maps] == ["layer2", "layer2"]
    assert sum("layer" in line for line in maps.said) == 1


@pytest.mark.parametrize(("images", "told"), [(5, "5"), (None, "None"), ((), "none")])
def test_what_is_no_image_is_refused(host, images, told):
    with pytest.raises(OptionError, match=f"one image or more, got {told}"):
        fv.look(host, images)


@pytest.mark.parametrize("size", [9000, (32, 9000)])
def test_a_size_that_no_memory_holds_is_refused(host, photograph, size):
    with pytest.raises(OptionError, match=r"at most 8192 pixels.*got 9000"):
        fv.look(host, photograph, size=size)
