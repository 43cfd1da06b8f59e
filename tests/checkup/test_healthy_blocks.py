"""Blocks written elsewhere, in other styles, that are not to be blamed."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from foveate.checkup import doctor


class SE(nn.Module):
    """As it is written everywhere, with a bottleneck of at least one channel."""

    def __init__(self, channel, reduction=16):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channel, max(channel // reduction, 1), bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(max(channel // reduction, 1), channel, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.fc(self.avg_pool(x).view(b, c)).view(b, c, 1, 1)
        return x * y.expand_as(x)


class CoordAtt(nn.Module):
    """Takes channels in and channels out."""

    def __init__(self, inp, oup, reduction=32):
        super().__init__()
        mip = max(8, inp // reduction)
        self.conv1 = nn.Conv2d(inp, mip, 1)
        self.bn1 = nn.BatchNorm2d(mip)
        self.conv_h = nn.Conv2d(mip, oup, 1)
        self.conv_w = nn.Conv2d(mip, oup, 1)

    def forward(self, x):
        _, _, h, w = x.size()
        rows = x.mean(dim=3, keepdim=True)
        columns = x.mean(dim=2, keepdim=True).permute(0, 1, 3, 2)
        both = functional.hardswish(self.bn1(self.conv1(torch.cat([rows, columns], 2))))
        rows, columns = torch.split(both, [h, w], dim=2)
        columns = self.conv_w(columns.permute(0, 1, 3, 2)).sigmoid()
        return x * self.conv_h(rows).sigmoid() * columns


class SimAM(nn.Module):
    """Takes no channels, and works in float32 within."""

    def __init__(self, e_lambda=1e-4):
        super().__init__()
        self.e_lambda = e_lambda

    def forward(self, x):
        others = torch.sym_max(x.shape[2] * x.shape[3] - 1, 1)
        far = (x.float() - x.float().mean(dim=(2, 3), keepdim=True)).square()
        variance = far.sum(dim=(2, 3), keepdim=True) / others
        return x * (far / (4 * (variance + self.e_lambda)) + 0.5).sigmoid().to(x.dtype)


class TokenAttention(nn.Module):
    """Looks at places as tokens; refuses widths that its heads do not divide."""

    def __init__(self, dim, heads=4):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)

    def forward(self, x):
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        y, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return x + y.transpose(1, 2).reshape(x.shape)


class NonLocal(nn.Module):
    """Starts switched off."""

    def __init__(self, in_channels):
        super().__init__()
        self.query = nn.Conv2d(in_channels, max(in_channels // 8, 1), 1)
        self.key = nn.Conv2d(in_channels, max(in_channels // 8, 1), 1)
        self.value = nn.Conv2d(in_channels, in_channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        query = self.query(x).flatten(2).transpose(1, 2)
        weights = (query @ self.key(x).flatten(2)).softmax(dim=-1)
        y = self.value(x).flatten(2) @ weights.transpose(1, 2)
        return x + self.gamma * y.reshape(x.shape)


class GeneralizedMean(nn.Module):
    """Has a parameter that must stay positive."""

    def __init__(self, channels):
        super().__init__()
        self.power = nn.Parameter(torch.full((1,), 3.0))
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        powers = x.clamp(min=1e-6).pow(self.power)
        mean = powers.mean(dim=(2, 3), keepdim=True).pow(1 / self.power)
        return x * self.fc(mean).sigmoid()


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        gate = x.sigmoid()
        return slope * gate * (1 + x * (1 - gate))


class BackwardByHand(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return Swish.apply(self.fc(x))


class StopsAGradient(nn.Module):
    """Cuts a gradient off on purpose, by detach and by no_grad."""

    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        logits = self.fc(x)
        with torch.no_grad():
            strength = x.abs().mean(dim=(1, 2, 3), keepdim=True)
        return x * (logits - logits.detach().amax(1, keepdim=True) + strength).sigmoid()


class DropsInTraining(nn.Module):
    """Drops channels, and images, by chance while it learns."""

    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)
        self.drop = nn.Dropout2d(0.2)

    def forward(self, x):
        y = self.drop(self.fc(x))
        if self.training:
            keep = torch.rand(x.shape[0], 1, 1, 1, device=x.device) < 0.8
            y = y * keep.to(x.dtype)
        return x + y


class FrozenFilter(nn.Module):
    """Has weights that are not to learn, an index, and a number in a tensor."""

    def __init__(self, channels):
        super().__init__()
        filters = torch.full((channels, 1, 3, 3), 1 / 9)
        self.filters = nn.Parameter(filters, requires_grad=False)
        self.register_buffer("order", torch.arange(channels).flip(0), persistent=False)
        self.temperature = torch.tensor(2.0)
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        blurred = functional.conv2d(x, self.filters, padding=1, groups=x.shape[1])
        return x * (self.fc(blurred[:, self.order]) / self.temperature).sigmoid()


class WeightNormed(nn.Module):
    """PyTorch itself refuses to pickle it."""

    def __init__(self, channels):
        super().__init__()
        conv = nn.Conv2d(channels, channels, 1)
        self.conv = nn.utils.parametrizations.weight_norm(conv)

    def forward(self, x):
        return x * self.conv(x).sigmoid()


class LazyGate(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.LazyConv2d(16, 1)

    def forward(self, x):
        return x * self.conv(x).sigmoid()


class WeightedSum(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weights = nn.Parameter(torch.ones(2))
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, fine, coarse):
        first, second = self.weights.softmax(dim=0)
        return self.conv(first * fine + second * coarse)


class WeightedSumOfList(WeightedSum):
    def forward(self, maps):
        fine, coarse = maps
        return super().forward(fine, coarse)


class AssertsItsGroups(nn.Module):
    """Says only in forward that its channels do not fit."""

    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv1d(8, 8, 1)

    def forward(self, x):
        batch, channels, _, _ = x.shape
        assert channels % 8 == 0
        mean = x.mean(dim=(2, 3)).reshape(batch, 8, channels // 8)
        return x * self.fc(mean).sigmoid().reshape(batch, channels, 1, 1)


def conv_norm_act(channels):
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


CASES = [
    (SE, "SE(16)", {}),
    (SE, "SE(16, reduction=4)", {"options": {"reduction": 4}}),
    (CoordAtt, "CoordAtt(16, 16)", {}),
    (SimAM, "SimAM()", {}),
    (SimAM, "SimAM(e_lambda=0.1)", {"options": {"e_lambda": 0.1}}),
    (TokenAttention, "TokenAttention(16)", {}),
    (NonLocal, "NonLocal(16)", {}),
    (GeneralizedMean, "GeneralizedMean(16)", {}),
    (BackwardByHand, "BackwardByHand(16)", {}),
    (StopsAGradient, "StopsAGradient(16)", {}),
    (DropsInTraining, "DropsInTraining(16)", {}),
    (FrozenFilter, "FrozenFilter(16)", {}),
    (WeightNormed, "WeightNormed(16)", {}),
    (LazyGate, "LazyGate()", {}),
    (WeightedSum, "WeightedSum(16)", {"inputs": 2}),
    (WeightedSumOfList, "WeightedSumOfList(16)", {"inputs": 2}),
    (AssertsItsGroups, "AssertsItsGroups(16)", {}),
    (conv_norm_act, "conv_norm_act(16)", {}),
    (partial(nn.BatchNorm2d, eps=1e-3), "BatchNorm2d(16)", {}),
    (nn.Identity, "Identity()", {}),
    (nn.PReLU, "PReLU()", {}),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("block", "built", "told"), CASES, ids=[built for _, built, _ in CASES]
)
def test_is_healthy(block, built, told):
    diagnosis = doctor(block, channels=16, **told)

    assert diagnosis.healthy, str(diagnosis)
    assert diagnosis.built == built
    assert not any("check itself broke" in f.cause for f in diagnosis.not_run)
