"""A look at the blocks of a network leaves no trace."""

import numpy as np
import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError
from foveate.explain.blocks import block_maps


def traces(model):
    """Return all that a look may not change."""
    return [
        (
            path,
            module.training,
            len(module._forward_hooks),
            len(module._forward_pre_hooks),
            [(n, b.clone()) for n, b in module.named_buffers(recurse=False)],
            [(p.requires_grad, p.grad) for p in module.parameters(recurse=False)],
        )
        for path, module in model.named_modules()
    ]


def same(before, after):
    for (*first, buffers, _), (*second, others, _) in zip(before, after, strict=True):
        assert first == second
        for (_, one), (_, two) in zip(buffers, others, strict=True):
            torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert [each[-1] for each in before] == [each[-1] for each in after]


@pytest.mark.parametrize("name", ["se", "criss_cross", "cbam"])
def test_the_network_is_left_as_it_was(name, net, graft):
    host = graft(net(), name, "2").train()
    host[1].eval()
    before, random = traces(host), torch.get_rng_state()

    block_maps(host, torch.randn(2, 3, 9, 13, generator=torch.Generator()))

    same(before, traces(host))
    assert torch.get_rng_state().equal(random)


def test_the_network_is_left_as_it_was_on_an_error(net, graft):
    host = graft(net(), "se", "2").train()
    before = traces(host)

    with pytest.raises(
        OptionError, match=r"Sequential does not run with images \(1, 4"
    ):
        block_maps(host, torch.randn(1, 4, 9, 13))

    same(before, traces(host))


def test_an_interruption_frees_the_hooks(monkeypatch, net, graft):
    host = graft(net(), "se", "2")
    before = traces(host)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("foveate.explain.gathering.views_of", stop)
    with pytest.raises(KeyboardInterrupt):
        block_maps(host, torch.randn(1, 3, 9, 13))

    same(before, traces(host))


def test_images_are_left_as_they_were():
    host = nn.Sequential(nn.ReLU(inplace=True), fv.create("se", 3, reduction=1)).eval()
    x = torch.randn(1, 3, 9, 13)
    kept = x.clone()

    block_maps(host, x)

    assert x.equal(kept)


def test_a_compiled_network_is_looked_through(net, graft):
    host = graft(net(), "se", "2").eval()
    x = torch.randn(1, 3, 9, 13)

    seen = block_maps(torch.compile(host, backend="eager"), x)

    want = block_maps(host, x)
    np.testing.assert_array_equal(seen.gates[0].values, want.gates[0].values)
    assert seen.gates[0].where == "after 2"


def test_a_network_compiled_in_place_is_looked_into(net, graft):
    host = graft(net(), "se", "2").eval()
    host.compile(backend="eager")

    seen = block_maps(host, torch.randn(1, 3, 9, 13))

    assert len(seen.gates) == 1


def test_under_inference_mode_maps_are_seen(net, graft):
    host = graft(net(), "cbam", "2")

    with torch.inference_mode():
        seen = block_maps(host, torch.randn(1, 3, 9, 13))

    assert len(seen.looked[0]) == 1
