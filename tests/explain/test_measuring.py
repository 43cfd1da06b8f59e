"""Gates of other libraries' attention, measured in a network."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.explain.blocks import block_maps


@pytest.mark.parametrize("kind", ["SEModule", "EcaModule", "EffectiveSEModule"])
def test_measured_channel_gates_are_those_of_timm(timm, kind, net):
    layer = getattr(timm.layers, kind)(8)
    host = nn.Sequential(net(), layer).eval()
    x, kept = torch.randn(2, 3, 9, 13), {}
    layer.gate.register_forward_hook(lambda *a: kept.update(gate=a[2]))

    seen = block_maps(host, x)

    (gates,) = seen.gates
    want = kept["gate"].detach().reshape(2, 8)
    np.testing.assert_allclose(gates.values, want, rtol=1e-5)
    assert (gates.block, gates.source) == (kind, "effective channel")
    assert seen.looked == ((), ())
    assert "they explain 100 %" in seen.said[0]


def test_the_parts_of_timms_cbam_are_measured_exactly(timm, net):
    layer = timm.layers.cbam.CbamModule(8, rd_channels=4)
    nn.init.normal_(layer.spatial.conv.bn.weight)
    host = nn.Sequential(net(), layer).eval()
    x = torch.randn(2, 3, 9, 13)

    seen = block_maps(host, x)

    with torch.no_grad():
        scaled = layer.channel(host[0](x))
        pooled = [scaled.mean(1, keepdim=True), scaled.amax(1, keepdim=True)]
        want = layer.spatial.conv(torch.cat(pooled, dim=1)).sigmoid()
    (heat,) = seen.looked[1]
    np.testing.assert_allclose(heat.values, want[1, 0], rtol=1e-4)
    assert (heat.where, heat.source) == ("1.spatial", "effective spatial")
    assert [gates.where for gates in seen.gates] == ["1.channel"]


class Layer(nn.Module):
    """Attention as a library has it: it does what a function says."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(x)


def known(answer):
    """Return a layer whose class bears the name of one of torchvision's."""
    kind = type("SqueezeExcitation", (Layer,), {"__module__": "torchvision.ops"})
    return nn.Sequential(kind(answer))


def test_a_module_of_the_users_that_was_grafted_is_measured(net, graft):
    host = graft(net(4), nn.BatchNorm2d, "2", start="paper")
    scale = torch.tensor([0.5, 1.0, 2.0, -1.0])
    host[2].foveate.after[0].block.weight.data = scale

    seen = block_maps(host, torch.randn(1, 3, 9, 13))

    (gates,) = seen.gates
    np.testing.assert_allclose(gates.values[0], scale / (1 + 1e-5) ** 0.5, rtol=1e-5)
    assert (gates.where, gates.block) == ("after 2", "BatchNorm2d")


def test_a_layer_that_changes_its_input_in_place_is_measured():
    seen = block_maps(known(lambda x: x.mul_(0.25)), torch.randn(1, 3, 5, 7))

    np.testing.assert_allclose(seen.gates[0].values, 0.25, rtol=1e-6)
    assert "multiplies all of an image by one number" in seen.said[0]


def test_a_block_grafted_after_a_layer_is_not_measured_with_it(graft):
    host = known(lambda x: 0.5 * x)
    graft(host, "simam", "0", start="paper")

    seen = block_maps(host, torch.randn(1, 3, 5, 7))

    measured, full = sorted(seen.gates, key=lambda gates: gates.where)
    np.testing.assert_allclose(measured.values, 0.5, rtol=1e-6)
    assert (measured.where, full.where) == ("0", "after 0")


def test_a_layer_that_keeps_no_shape_is_told():
    seen = block_maps(known(lambda x: x[:, :, ::2]), torch.randn(1, 3, 5, 7))

    assert seen.gates == ()
    assert seen.said[0].startswith("0 (SqueezeExcitation): left out, as not one map")


def test_layers_of_one_class_share_a_sentence():
    gates = torch.rand(1, 3, 1, 1)
    host = nn.Sequential(*(known(lambda x: gates * x) for _ in range(6)))

    said = block_maps(host, torch.randn(1, 3, 5, 7)).said

    assert said == (
        "SqueezeExcitation (0.0, 1.0, 2.0, 3.0 and 2 more): channel gates measured "
        "from what goes in and comes out; they explain 100 % of what the layer does "
        "beyond multiplying an image by one number.",
    )


def test_channels_and_places_of_only_zeros_are_told():
    x = torch.rand(2, 3, 5, 7)
    x[1, 2], x[0, :, 4, 6] = 0, 0
    gates = torch.rand(2, 1, 5, 7)

    seen = block_maps(known(lambda x: gates * x), x)

    assert len(seen.looked[0]) == 1
    assert any("channels that come in as only 0" in said for said in seen.said)
    assert any("places that come in as only 0" in said for said in seen.said)


def test_an_image_of_only_zeros_has_no_measured_map():
    x = torch.rand(2, 3, 5, 7)
    x[0] = 0
    gates = torch.rand(2, 1, 5, 7)

    seen = block_maps(known(lambda x: gates * x), x)

    assert [len(heat) for heat in seen.looked] == [0, 1]


def test_a_layer_that_gets_only_zeros_is_told():
    seen = block_maps(known(lambda x: 0.5 * x), torch.zeros(1, 3, 5, 7))

    assert seen.gates == ()
    assert "gets only zeros" in seen.said[0]


def test_whether_gates_are_shown_is_decided_over_all_images():
    gates = torch.rand(1, 3, 1, 1)

    # the gates of the first image alone would be one number
    seen = block_maps(
        known(lambda x: x * (gates if x[0, 0, 0, 0] > 0 else 0.5)),
        [-torch.rand(1, 3, 5, 7) - 0.1, torch.rand(1, 3, 5, 7)],
    )

    assert seen.gates[0].values.shape == (2, 3)
    assert "explain 100 %" in seen.said[0]
