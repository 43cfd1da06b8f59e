"""Maps of blocks are those of what each block truly gets."""

import numpy as np
import pytest
import torch
from torch import nn

import foveate as fv
from foveate import catalog
from foveate.explain.blocks import block_maps, raw_block_maps

FUSIONS = catalog.names(kind="fusion")


@pytest.mark.parametrize("name", fv.names())
def test_every_block_is_asked_of_what_it_truly_gets(name, host_of):
    host, x = host_of(name), torch.randn(2, 3, 10, 14)

    raw = raw_block_maps(host, x)

    with torch.no_grad():
        want = host.block.maps(*host.features(x))
    assert raw["block"].keys() == want.keys()
    for key, value in want.items():
        torch.testing.assert_close(raw["block"][key], value, rtol=0, atol=0)


@pytest.mark.parametrize("name", fv.names())
def test_every_map_of_the_catalogue_has_a_view(name, host_of):
    host, x = host_of(name), torch.randn(2, 3, 10, 14)

    seen = block_maps(host, x)

    assert len(seen.looked) == 2
    shown = (*seen.looked[0], *seen.gates, *seen.branches)
    assert shown
    assert not any("left out" in said for said in seen.said)
    assert {each.where for each in shown} == {"block"}
    for each in (*seen.gates, *seen.branches):
        assert each.values.shape[0] == 2
        assert each.values.dtype == np.float32
        assert each.block == type(host.block).__name__
    for weights in seen.branches:
        np.testing.assert_allclose(weights.values.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", [n for n in fv.names() if n not in FUSIONS])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_and_channels_last_are_seen(name, dtype, host_of):
    host = host_of(name).to(dtype).to(memory_format=torch.channels_last)

    seen = block_maps(host, torch.randn(1, 3, 10, 14))

    assert seen.looked[0] or seen.gates or seen.branches


@pytest.mark.parametrize("name", [n for n in fv.names() if not catalog.card(n).sized])
def test_maps_of_one_place_are_seen(name, host_of):
    host = host_of(name)

    seen = block_maps(host, torch.randn(1, 3, 1, 1))

    assert seen.looked[0] or seen.gates or seen.branches


def test_the_gates_of_cbam_are_right_by_hand():
    block = fv.create("cbam", 2, reduction=1, kernel_size=1, spatial_norm=False)
    for parameter in block.parameters():
        parameter.data.zero_()
    # the mean of the channels, as the pooled maps are the mean and the maximum
    block.spatial.conv.weight.data[0, 0] = 1.0
    host = nn.Sequential(nn.Identity(), block).eval()
    x = torch.tensor([[[[4.0, 0.0]], [[8.0, -4.0]]]])

    seen = block_maps(host, x)

    np.testing.assert_allclose(seen.gates[0].values, [[0.5, 0.5]])
    # halved, the channels are (2, 0) and (4, -2), and their means 3 and -1
    want = [[1 / (1 + np.exp(-3.0)), 1 / (1 + np.exp(1.0))]]
    np.testing.assert_allclose(seen.looked[0][0].values, want, rtol=1e-6)
    assert seen.looked[0][0].source == "spatial"


def test_blocks_come_in_the_order_in_which_the_network_runs_them(net, graft):
    host = graft(net(), "se", ["1", "2"], start="paper")
    graft(host, "spatial", "2", position="before", start="paper")

    seen = block_maps(host, torch.randn(1, 3, 9, 13))

    assert list(raw_block_maps(host, torch.randn(1, 3, 9, 13))) == [
        "after 1",
        "before 2",
        "after 2",
    ]
    assert [gates.where for gates in seen.gates] == ["after 1", "after 2"]


@pytest.mark.parametrize("start", ["identity", "gate", "paper"])
@pytest.mark.parametrize("position", ["after", "before", "replace"])
def test_grafts_of_every_start_and_position_are_seen(start, position, net, graft):
    host = graft(net(), "cbam", "2", position=position, start=start)

    seen = block_maps(host, torch.randn(2, 3, 9, 13))

    assert [heat.where for heat in seen.looked[1]] == [f"{position} 2"]
    assert seen.gates[0].where == f"{position} 2"


def test_a_blend_that_lets_nothing_in_is_told(net, graft):
    host = graft(net(), "se", "2")

    before = block_maps(host, torch.randn(1, 3, 9, 13)).said
    host[2].foveate.after[0].amount.data[3] = 0.5
    after = block_maps(host, torch.randn(1, 3, 9, 13)).said

    assert before[0].startswith("after 2 (SqueezeExcite): not let in yet: the amount")
    assert after == ()


def test_opened_gates_are_told(net, graft):
    host = graft(net(), "se", "2", start="gate")

    said = block_maps(host, torch.randn(1, 3, 9, 13)).said

    assert "a gate of one half changes nothing" in said[0]


def test_several_positions_of_one_layer_are_told_apart(net, graft):
    host = graft(net(), "se", "2", position="before")
    graft(host, "eca", "2", position="after")

    seen = block_maps(host, torch.randn(1, 3, 9, 13))

    assert [(g.where, g.block) for g in seen.gates] == [
        ("before 2", "SqueezeExcite"),
        ("after 2", "ECA"),
    ]


def test_a_block_that_runs_twice_is_seen_twice(net):
    block = fv.create("se", 8)
    host = nn.Sequential(net(), block, nn.ReLU(), block).eval()

    seen = block_maps(host, torch.randn(3, 3, 9, 13))

    assert [g.where for g in seen.gates] == ["1", "1 (call 2)"]
    assert [g.values.shape for g in seen.gates] == [(3, 8), (3, 8)]


def test_built_in_attention_and_fusions_are_seen():
    host = fv.backbones.create("resnet10_fpn", width=16, fusion="gated").eval()

    seen = block_maps(host, torch.randn(1, 3, 96, 64))

    assert [b.where for b in seen.branches] == ["joins.2", "joins.1", "joins.0"]
    assert [h.source for h in seen.looked[0]] == ["branch 1", "branch 2"] * 3


def test_images_of_several_sizes_come_one_by_one(net, graft):
    host = graft(net(), "cbam", "2")
    images = (torch.randn(1, 3, height, 13) for height in (9, 1, 22))

    seen = block_maps(host, images)

    assert [maps[0].values.shape for maps in seen.looked] == [(5, 7), (1, 7), (11, 7)]
    assert seen.gates[0].values.shape == (3, 8)


def test_a_batch_is_seen_as_its_images_are(net, graft):
    host, x = graft(net(), "cbam", "2"), torch.randn(5, 3, 9, 13)

    batch = block_maps(host, x, batch_size=2)
    each = block_maps(host, x.split(1))

    np.testing.assert_allclose(batch.gates[0].values, each.gates[0].values, rtol=1e-5)
    for one, other in zip(batch.looked, each.looked, strict=True):
        np.testing.assert_allclose(one[0].values, other[0].values, rtol=1e-5)


@pytest.mark.parametrize("name", ["criss_cross", "osra"])
def test_a_pairwise_block_looks_from_the_place_that_is_asked(name, host_of):
    host, x = host_of(name), torch.randn(1, 3, 10, 14)

    seen = block_maps(host, x, query=(0.99, 0.3))

    # of 5 rows and 7 columns: the last, and the third, from 2/7 to 3/7
    with torch.no_grad():
        maps = host.block.maps(*host.features(x), query=(4, 2))
    heat = seen.looked[0][0]
    np.testing.assert_allclose(heat.values, maps["attention"].mean(1)[0], rtol=1e-6)
    assert heat.query == pytest.approx((4.5 / 5, 2.5 / 7))
    assert heat.values.sum() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("query", [None, (0.5, 0.5)])
def test_a_pairwise_block_looks_from_the_centre_unless_told(query, host_of):
    host = host_of("criss_cross")

    seen = block_maps(host, torch.randn(1, 3, 10, 14), query=query)

    assert seen.looked[0][0].query == pytest.approx((0.5, 0.5))


def test_the_edges_of_the_image_are_places_of_the_map(host_of):
    host, x = host_of("criss_cross"), torch.randn(1, 3, 10, 14)

    first = block_maps(host, x, query=(0, 0)).looked[0][0]
    last = block_maps(host, x, query=(1, 1)).looked[0][0]

    assert first.query == pytest.approx((0.1, 1 / 14))
    assert last.query == pytest.approx((0.9, 13 / 14))
