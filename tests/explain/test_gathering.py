"""What cannot be shown of a block is said, and what cannot be asked is refused."""

import numpy as np
import pytest
import torch

import foveate as fv
from foveate import blocks
from foveate.errors import OptionError, ShapeError, SiteError
from foveate.explain.blocks import BlockGathering, block_maps


def test_a_network_without_blocks_is_told_what_would_work(net):
    seen = block_maps(net(), torch.randn(2, 3, 9, 13))

    assert seen.looked == ((), ())
    assert "Sequential has no blocks" in seen.said[0]
    assert "fv.graft(model, 'cbam'" in seen.said[0]


def test_a_block_that_does_not_run_is_told(host_class):
    host = host_class(fv.create("se", 32), 32)
    host.spare = fv.create("eca", 32)

    seen = block_maps(host, torch.randn(1, 3, 10, 14))

    assert seen.said == ("spare (ECA): did not run on these images.",)


def test_a_block_on_crops_belongs_to_no_image(host_class):
    class Crops(host_class):
        def features(self, x):
            return [self.stems[0](x).repeat(3, 1, 1, 1)]

    seen = block_maps(Crops(fv.create("se", 8), 8), torch.randn(2, 3, 10, 14))

    assert seen.gates == ()
    assert "more or fewer maps than images" in seen.said[0]


def test_a_map_of_a_users_block_that_fits_nothing_is_told(host_class):
    class Novel(blocks.Block):
        channels = None

        def transform(self, x):
            return x

        def maps(self, x):
            return {"novel": x[0, 0, 0]}

    seen = block_maps(host_class(Novel(), 4), torch.randn(1, 3, 10, 14))

    assert seen.said == (
        "block (Novel): map 'novel' (7) left out, as it is not known how to show it.",
    )


def test_a_users_block_may_run_itself_for_its_maps(host_class):
    class Selfish(blocks.Block):
        channels = None

        def transform(self, x):
            return 0.5 * x

        def maps(self, x):
            return {"full": self(x) / x}

    seen = block_maps(host_class(Selfish(), 4), torch.randn(1, 3, 10, 14))

    np.testing.assert_allclose(seen.gates[0].values, 0.5, rtol=1e-6)
    assert [gates.where for gates in seen.gates] == ["block"]


def test_numbers_that_are_not_finite_name_the_block(net, graft):
    host = graft(net(), "se", "2")
    host[2].weight.data[0] = torch.inf

    with pytest.raises(ShapeError, match=r"after 2 \(SqueezeExcite\).*float32"):
        block_maps(host, torch.randn(1, 3, 9, 13))


def test_at_restricts_the_blocks():
    host = fv.backbones.resnet10(width=8, attention="cbam").eval()
    x = torch.randn(1, 3, 33, 49)

    by_stage = block_maps(host, x, at="layer[34]")
    by_type = block_maps(host, x, at=["type:CBAM", "layer1"])

    assert [g.where for g in by_stage.gates] == [
        "layer3.0.attention",
        "layer4.0.attention",
    ]
    assert len(by_type.gates) == 4


def test_at_that_means_no_block_is_an_error(net, graft):
    host = graft(net(), "se", "2")

    with pytest.raises(OptionError, match=r"'1' means has no attention.*after 2"):
        block_maps(host, torch.randn(1, 3, 9, 13), at="1")
    with pytest.raises(SiteError, match="no layer matches 'layer9'"):
        block_maps(host, torch.randn(1, 3, 9, 13), at="layer9")


@pytest.mark.parametrize(
    "query", [(2, 0.5), (0.5,), "ab", 3, (float("nan"), 0), (True, 0)]
)
def test_a_query_that_is_no_place_is_an_error(query, host_of):
    with pytest.raises(OptionError, match=r"query must be \(row, column\) as shares"):
        block_maps(host_of("osra"), torch.randn(1, 3, 10, 14), query=query)


@pytest.mark.parametrize(
    "images", [torch.randn(3, 9, 13), [torch.randn(3, 9, 13)], ["a"]]
)
def test_what_is_no_batch_of_images_is_an_error(images, host_of):
    with pytest.raises(ShapeError, match=r"images must be a tensor \(N, C, H, W\)"):
        block_maps(host_of("se"), images)


def test_no_image_at_all_is_an_error(host_of):
    with pytest.raises(OptionError, match="expected one image or more, got none"):
        block_maps(host_of("se"), [])


def test_bad_numbers_are_errors(host_of):
    host, x = host_of("se"), torch.randn(1, 3, 10, 14)

    with pytest.raises(OptionError, match=r"table_places must be .* got -1"):
        block_maps(host, x, table_places=-1)
    with pytest.raises(OptionError, match="batch_size must be greater than 0"):
        block_maps(host, x, batch_size=0)


def test_a_network_without_values_is_refused(host_of):
    with pytest.raises(OptionError, match="on the meta device"):
        block_maps(host_of("se").to("meta"), torch.randn(1, 3, 10, 14))


def test_each_image_may_have_a_place_of_its_own_that_looks(host_of):
    gathering = BlockGathering(host_of("criss_cross"))

    gathering.add(torch.randn(1, 3, 10, 14), query=(0, 0))
    gathering.add(torch.randn(2, 3, 6, 14), query=(1, 0.5))

    queries = [heat[0].query for heat in gathering.finish().looked]
    assert queries[0] == pytest.approx((0.1, 1 / 14))
    assert queries[1:] == [pytest.approx((5 / 6, 0.5))] * 2


def test_a_block_that_runs_for_some_images_only_is_told(host_class):
    class Choosy(host_class):
        def forward(self, x):
            (features,) = self.features(x)
            return self.block(features) if x.mean() > 0 else features

    host = Choosy(fv.create("se", 8), 8)
    ones = torch.ones(1, 3, 10, 14)

    seen = block_maps(host, [ones, -ones, ones])

    assert seen.gates[0].values.shape == (2, 8)
    assert "block (SqueezeExcite): ran for 2 of the 3 images." in seen.said


def test_what_was_gathered_can_be_asked_for_twice(net, graft):
    gathering = BlockGathering(graft(net(), "cbam", "2"))
    gathering.add(torch.randn(1, 3, 9, 13))

    first, second = gathering.finish(), gathering.finish()

    assert first.said == second.said
    assert len(first.looked[0]) == len(second.looked[0]) == 1
