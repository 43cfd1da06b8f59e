"""Conversions that put other layers into a host keep its blocks, or say that not."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import SiteError

convert = nn.SyncBatchNorm.convert_sync_batchnorm


def of_norms(cell):
    """Return the sites that are a BatchNorm."""
    layers = dict(cell.host().named_modules())
    return [path for path in cell.sites if isinstance(layers[path], nn.BatchNorm2d)]


def test_blocks_beside_norms_outlive_their_conversion(host_cell, timm, images):
    host = host_cell.host()
    norms = of_norms(host_cell)
    host_cell.graft(host, at=[path for path in host_cell.sites if path not in norms])
    want = host_cell.answer(host_cell.rouse(host), images)

    # torch's own does not know norms with an activation
    converted = timm.layers.convert_sync_batchnorm(host).eval()

    assert host_cell.answer(converted, images).equal(want)


def test_a_converted_host_takes_blocks_after_its_norms(new_cell, images):
    cell = new_cell("timm:resnet18", "cbam")
    host = convert(cell.host())
    want = cell.answer(host, images)

    cell.graft(host)

    assert cell.answer(host, images).equal(want)


@pytest.mark.parametrize(
    "use", [nn.Module.train, nn.Module.eval, nn.Module.float], ids=lambda f: f.__name__
)
def test_a_block_whose_norm_was_exchanged_is_not_lost_in_silence(new_cell, use, timm):
    host = new_cell("timm:resnet18", "cbam").grafted()

    converted = convert(host)

    with pytest.raises(SiteError, match=r"cbam.* was exchanged.* Convert .* first"):
        use(converted)


def test_a_block_whose_hook_was_handed_on_without_it_is_not_lost_in_silence():
    host = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8)).eval()
    fv.graft(host, "se", at="1", example=(1, 3, 4, 4))
    hooks = host[1]._forward_hooks

    # as torch.ao.quantization.fuse_modules does
    host[0].register_forward_hook(*hooks.values())
    host[1] = nn.Identity()

    with pytest.raises(SiteError, match=r"this Conv2d was put .* Fuse the host first"):
        host(torch.zeros(1, 3, 4, 4))
