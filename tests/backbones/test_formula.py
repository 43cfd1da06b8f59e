"""The networks compute what their papers write, in float64, against plain functions."""

import pytest
import torch
from torch.nn.functional import batch_norm, conv2d, max_pool2d, relu

from foveate.backbones import ResNet

DEPTHS = (2, 1, 1, 1)


def bn(x, state, name):
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return batch_norm(x, mean, var, weight, bias, eps=1e-5)


def conv(x, state, name, stride=1):
    weight = state[f"{name}.weight"]
    return conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)


def basic(x, state, at, stride):
    """Return relu(bn2(W2 relu(bn1(W1 x))) + S x)."""
    out = relu(bn(conv(x, state, f"{at}.conv1", stride), state, f"{at}.bn1"))
    out = bn(conv(out, state, f"{at}.conv2"), state, f"{at}.bn2")
    return relu(out + projected(x, state, at, stride))


def bottleneck(x, state, at, stride):
    """Return relu(bn3(W3 relu(bn2(W2 relu(bn1(W1 x))))) + S x)."""
    out = relu(bn(conv(x, state, f"{at}.conv1"), state, f"{at}.bn1"))
    out = relu(bn(conv(out, state, f"{at}.conv2", stride), state, f"{at}.bn2"))
    out = bn(conv(out, state, f"{at}.conv3"), state, f"{at}.bn3")
    return relu(out + projected(x, state, at, stride))


def projected(x, state, at, stride):
    if f"{at}.downsample.0.weight" not in state:
        return x
    return bn(conv(x, state, f"{at}.downsample.0", stride), state, f"{at}.downsample.1")


def basic_v2(x, state, at, stride):
    """Return x + W2 relu(bn2(W1 relu(bn1(x)))), projecting relu(bn1(x))."""
    active = relu(bn(x, state, f"{at}.bn1"))
    out = conv(active, state, f"{at}.conv1", stride)
    out = conv(relu(bn(out, state, f"{at}.bn2")), state, f"{at}.conv2")
    return out + projected_v2(x, active, state, at, stride)


def bottleneck_v2(x, state, at, stride):
    """Return x + W3 relu(bn3(W2 relu(bn2(W1 relu(bn1(x))))))."""
    active = relu(bn(x, state, f"{at}.bn1"))
    out = conv(active, state, f"{at}.conv1")
    out = conv(relu(bn(out, state, f"{at}.bn2")), state, f"{at}.conv2", stride)
    out = conv(relu(bn(out, state, f"{at}.bn3")), state, f"{at}.conv3")
    return out + projected_v2(x, active, state, at, stride)


def projected_v2(x, active, state, at, stride):
    if f"{at}.downsample.0.weight" not in state:
        return x
    return conv(active, state, f"{at}.downsample.0", stride)


def network(x, state, residual, *, pre_activation):
    out = conv(x, state, "conv1", stride=2)
    if not pre_activation:
        out = relu(bn(out, state, "bn1"))
    out = max_pool2d(out, 3, stride=2, padding=1)
    stages = []
    for stage, depth in enumerate(DEPTHS, 1):
        for block in range(depth):
            stride = 2 if stage > 1 and block == 0 else 1
            out = residual(out, state, f"layer{stage}.{block}", stride)
        stages.append(out)
    if pre_activation:
        out = relu(bn(out, state, "norm"))
    pooled = out.sum(dim=(2, 3)) / (out.shape[2] * out.shape[3])
    return stages, pooled @ state["fc.weight"].T + state["fc.bias"]


def with_random_state(model):
    """Fill every weight and statistic, so that none can be left out unseen."""
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif value.is_floating_point():
            value.add_(torch.randn_like(value), alpha=0.1)
    return model


@pytest.mark.parametrize(
    ("residual", "options"),
    [
        (basic, {}),
        (bottleneck, {"bottleneck": True}),
        (basic_v2, {"pre_activation": True}),
        (bottleneck_v2, {"bottleneck": True, "pre_activation": True}),
    ],
)
def test_logits_and_stages_are_those_of_the_formula(residual, options):
    torch.manual_seed(0)
    model = ResNet(DEPTHS, width=6, num_classes=5, **options)
    model = with_random_state(model.double().eval())
    x = torch.randn(2, 3, 37, 50, dtype=torch.float64)

    stages, logits = network(
        x,
        model.state_dict(),
        residual,
        pre_activation=options.get("pre_activation", False),
    )

    torch.testing.assert_close(model(x), logits, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(list(model.features(x)), stages, rtol=1e-10, atol=1e-10)
