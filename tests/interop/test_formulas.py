"""Layouts without recorded answers, checked by the formula of their keys."""

import torch
from torch.nn import functional

import foveate as fv
from foveate.interop import dump, load


def filled(block, source):
    """Return the state dict of others with random values."""
    torch.manual_seed(0)
    return {
        key: torch.rand(value.shape).double() + 0.5
        if key.endswith("running_var")
        else torch.randn(value.shape).double()
        for key, value in dump(block, source).items()
        if not key.endswith("num_batches_tracked")
    }


def new_map(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def normed(x, state, name):
    layer = [state[f"{name}.{leaf}"] for leaf in ("running_mean", "running_var")]
    return functional.batch_norm(
        x, *layer, state[f"{name}.weight"], state[f"{name}.bias"]
    )


def convolved(x, state, name, **options):
    weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
    return functional.conv2d(x, weight, bias, **options)


def cbam(x, state, first, second, spatial, *, maximum_first):
    """Return CBAM without BatchNorm, by the names of its layers."""
    pooled = [x.mean(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)]
    logits = sum(
        convolved(convolved(p, state, first).relu(), state, second) for p in pooled
    )
    x = x * logits.sigmoid()
    mean, maximum = x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)
    stacked = torch.cat([maximum, mean] if maximum_first else [mean, maximum], dim=1)
    return x * convolved(stacked, state, spatial, padding=3).sigmoid()


def test_cbam_whose_code_adds_the_input():
    block = fv.create(
        "cbam",
        16,
        bias=False,
        spatial_norm=False,
        spatial_bias=True,
        residual=True,
    ).double()
    theirs, x = filled(block, "collections.residual"), new_map(2, 16, 5, 7)

    load(block, theirs)

    want = x + cbam(x, theirs, "ca.se.0", "ca.se.2", "sa.conv", maximum_first=True)
    torch.testing.assert_close(block(x), want)


def test_cbam_whose_code_keeps_its_halves_beside_each_other():
    block = fv.create("cbam.conv", 16).double()
    theirs, x = filled(block, "collections.halves"), new_map(2, 16, 5, 7)

    load(block, theirs)

    want = cbam(x, theirs, "ca.fc.0", "ca.fc.2", "sa.conv1", maximum_first=False)
    torch.testing.assert_close(block(x), want)


def test_coordinate_attention_of_the_mobile_network():
    block = fv.create("coordinate", 16).double().eval()
    theirs, x = filled(block, "official.mbv2"), new_map(2, 16, 5, 7)

    load(block, theirs)

    rows, columns = x.mean(dim=3, keepdim=True), x.mean(dim=2, keepdim=True)

    def gate(pooled, name):
        hidden = normed(convolved(pooled, theirs, "conv1"), theirs, "bn1")
        return convolved(functional.hardswish(hidden), theirs, name).sigmoid()

    want = x * gate(rows, "conv2") * gate(columns, "conv3")
    torch.testing.assert_close(block(x), want)


def test_the_reduction_of_osra_as_the_authors_nest_it():
    block = fv.create("osra", 16, num_heads=1, sr_ratio=2).double().eval()
    theirs, x = filled(block, "official"), new_map(2, 16, 6, 8)

    load(block, theirs)

    small = convolved(x, theirs, "sr.0.conv", stride=2, padding=2, groups=16)
    small = functional.gelu(normed(small, theirs, "sr.0.bn"))
    small = normed(convolved(small, theirs, "sr.1.conv", groups=16), theirs, "sr.1.bn")
    small = small + convolved(small, theirs, "local_conv", padding=1, groups=16)
    key, value = convolved(small, theirs, "kv").flatten(2).chunk(2, dim=1)
    query = convolved(x, theirs, "q").flatten(2)
    weights = (query.transpose(1, 2) @ key / 4).softmax(dim=2)
    want = (value @ weights.transpose(1, 2)).reshape(x.shape)
    torch.testing.assert_close(block(x), want)


def test_csf_of_the_authors():
    block = fv.create("csf", 16, upsample=2).double().eval()
    theirs = filled(block, "official")
    high, low = new_map(2, 16, 6, 10), new_map(2, 16, 3, 5)

    load(block, theirs)

    up = functional.conv_transpose2d(
        low, theirs["Up.0.weight"], theirs["Up.0.bias"], stride=2
    )
    up = normed(up, theirs, "Up.1").relu()

    def layer(x, name):
        return normed(convolved(x, theirs, f"{name}.0"), theirs, f"{name}.1").relu()

    pooled = (high + up).mean(dim=(2, 3), keepdim=True)
    hidden = layer(layer(pooled, "layer1.0.conv"), "layer1.1.conv")
    logits = torch.stack([layer(hidden, "SE1.conv"), layer(hidden, "SE2.conv")])
    first, second = logits.softmax(dim=0)
    torch.testing.assert_close(block(high, low), first * high + second * up)


def test_sk_of_the_release():
    block = fv.create("sk", 16, groups=4, min_channels=8).double().eval()
    theirs, x = filled(block, "official"), new_map(2, 16, 5, 7)

    load(block, {f"conv2_1/{key}": value for key, value in theirs.items()})

    def branch(name, dilation):
        out = convolved(x, theirs, name, padding=dilation, dilation=dilation, groups=4)
        return normed(out, theirs, f"{name}/bn").relu()

    branches = torch.stack([branch("3x3g32", 1), branch("3x3g32d2", 2)])
    pooled = branches.sum(dim=0).mean(dim=(2, 3), keepdim=True)
    hidden = normed(convolved(pooled, theirs, "B_fc1"), theirs, "B_fc1/bn").relu()
    logits = convolved(hidden, theirs, "B_fc2").reshape(2, 2, 16, 1, 1)
    shares = logits.softmax(dim=1).transpose(0, 1)
    torch.testing.assert_close(block(x), (shares * branches).sum(dim=0))
