"""Score-CAM, against a slow loop and by hand."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from foveate._loading import load_file
from foveate.explain.activation import class_activation, heat_maps

small = load_file(Path(__file__).with_name("small.py"))
network = small.network
images = small.images


def test_scorecam_is_a_slow_loop_over_channels():
    model, (x,) = network(), images(1, 40, 30)
    kept = {}
    handle = model.layer3.register_forward_hook(lambda *a: kept.update(y=a[2]))
    with torch.no_grad():
        model(x[None])
    handle.remove()
    features = kept["y"][0]
    scores = []
    for channel in features:
        mask = interpolate(
            channel[None, None], (40, 30), mode="bilinear", align_corners=False
        )[0]
        if channel.max() == channel.min():
            scores.append(torch.tensor(-torch.inf))
            continue
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        with torch.no_grad():
            scores.append(model((x * mask)[None])[0, 2])
    weights = torch.stack(scores).double().softmax(0)
    want = (weights[:, None, None] * features).sum(0).relu()

    seen = class_activation(
        model,
        x[None],
        method="scorecam",
        target_layers="layer3",
        targets=2,
        batch_size=7,
    )

    np.testing.assert_allclose(seen.native[0][0], want.numpy(), rtol=1e-4, atol=1e-6)


def test_scorecam_leaves_out_channels_that_are_the_same_everywhere():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.same = nn.Conv2d(1, 3, 1)
            self.same.weight.data[:] = torch.tensor([1.0, 0.0, 0.0])[
                :, None, None, None
            ]
            self.same.bias.data[:] = torch.tensor([0.0, 9.0, 0.0])

        def forward(self, x):
            return self.same(x).sum(dim=(2, 3))

    x = torch.tensor([[[[0.0, 1.0], [2.0, 4.0]]]])

    seen = class_activation(
        Flat(), x, method="scorecam", target_layers="same", targets=0
    )

    # all of the weight is on the first channel
    np.testing.assert_allclose(seen.native[0], x[0], rtol=1e-6)


def test_scorecam_of_a_constant_map_is_empty():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 3))

    seen = class_activation(
        model, torch.ones(1, 1, 2, 2), method="scorecam", target_layers="0"
    )

    assert seen.heat(0).is_empty
    assert not seen.maps.any()


def test_heat_maps_of_scorecam_share_the_masked_images():
    model, x = network(), images(1)
    runs = []
    model.register_forward_hook(lambda *args: runs.append(len(args[1][0])))

    heat_maps(model, x, method="scorecam", targets=[[3, 0, 1]], target_layers="layer1")

    # one to find the layer, one for its maps, and then one for each of 8 channels
    assert sum(runs) <= 2 + 8
