"""What a network learned is seen in its maps, and what nobody learned is not.

A small network is trained on digit-scenes; beside it stand copies whose weights are
drawn anew. By Grad-CAM at the last layer those score at chance. What was measured, and
is held here too: nearer to the input the maps of networks that know nothing lie on the
digits a little more than by chance, because digits are bright and every filter answers
to what is bright. So a score is to be compared with that of random copies as well.
"""

import math

import numpy as np
import pytest
import torch
from scipy.stats import t as student

import foveate as fv
from foveate.explain import class_activation, localise, randomised
from foveate.records import Data
from foveate.study.digit_scenes import load

pytestmark = pytest.mark.slow

IMAGES = 1200
EPOCHS = 6
BATCH = 16
COPIES = 10


def tensors(images):
    pixels = (torch.from_numpy(images.pixels).float() - 75) / 55
    return pixels, torch.from_numpy(images.labels)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Train with one thread: it is no slower at this size, and always sums alike."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def scenes():
    split = load(Data(image_size=40, train_images=IMAGES, test_images=120))
    return tensors(split.train), tensors(split.test), split.test.boxes


@pytest.fixture(scope="module")
def trained(scenes, one_thread):
    x, labels = scenes[0]
    torch.manual_seed(0)
    model = fv.backbones.create("resnet10", width=16, stem="half", num_classes=10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 5e-3, total_steps=EPOCHS * (IMAGES // BATCH)
    )
    for _ in range(EPOCHS):
        for few in torch.randperm(IMAGES)[: IMAGES // BATCH * BATCH].view(-1, BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[few]), labels[few]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@pytest.fixture(scope="module")
def copies(trained):
    return [randomised(trained, seed) for seed in range(COPIES)]


def gains(network, scenes, method, layer):
    """Return by how much energy and pointing are above chance."""
    _, (x, labels), boxes = scenes
    seen = class_activation(
        network,
        x,
        method=method,
        target_layers=layer,
        targets=labels.tolist(),
        batch_size=len(x),
    )
    found = localise(seen.native[0], boxes, size=x.shape[2:])
    return [found.gains(metric).mean() for metric in ("energy", "pointing")]


def intervals(copies, scenes, method, layer):
    """Return Student's 95 % intervals over networks, low and high for each metric."""
    values = np.array([gains(copy, scenes, method, layer) for copy in copies])
    error = values.std(axis=0, ddof=1) / math.sqrt(len(values))
    half = student.ppf(0.975, len(values) - 1) * error
    mean = values.mean(axis=0)
    return mean - half, mean + half


@pytest.mark.parametrize(
    ("way", "energy", "pointing"),
    [
        (("gradcam", "layer2"), 0.08, 0.15),
        (("gradcam", "layer3"), 0.06, 0.12),
        (("layercam", "layer2"), 0.1, 0.2),
        (("layercam", "layer3"), 0.06, 0.15),
    ],
)
def test_maps_of_a_trained_network_lie_on_the_object(
    trained, scenes, way, energy, pointing
):
    gained = gains(trained, scenes, *way)

    assert gained[0] > energy
    assert gained[1] > pointing


def test_grad_cam_of_random_networks_at_the_last_layer_is_at_chance(copies, scenes):
    low, high = intervals(copies, scenes, "gradcam", "layer4")

    assert (low < 0).all()
    assert (high > 0).all()
    assert (high < [0.02, 0.04]).all()


@pytest.mark.parametrize(
    ("way", "margin"),
    [
        (("gradcam", "layer3"), 0.03),
        (("layercam", "layer2"), 0.03),
        (("layercam", "layer3"), 0.015),
        (("layercam", "layer4"), 0.01),
    ],
)
def test_energy_of_random_networks_is_near_chance(trained, copies, scenes, way, margin):
    low, high = intervals(copies, scenes, *way)

    assert low[0] > -margin
    assert high[0] < margin
    assert gains(trained, scenes, *way)[0] > 3 * high[0]


def test_a_random_network_follows_bright_strokes_near_the_input(copies, scenes):
    low, _ = intervals(copies, scenes, "gradcam", "layer1")

    # a known limit: such a map shows the image as much as the network
    assert (low > [0.01, 0.05]).all()


@pytest.mark.parametrize("method", ["gradcam", "layercam"])
def test_where_there_is_no_object_random_networks_are_at_chance(copies, scenes, method):
    torch.manual_seed(0)
    (_, (x, labels), boxes) = scenes
    noise = torch.randn(x.shape)

    low, high = intervals(copies, (None, (noise, labels), boxes), method, "layer2")

    assert (low < 0.005).all()
    assert (high > -0.005).all()
    assert high[0] - low[0] < 0.02
