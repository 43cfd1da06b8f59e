"""The keys of a checkpoint are torchvision's, with attention and without."""

import pytest
import torch

from foveate import backbones

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def norm(name, channels):
    sizes = (channels,), (channels,), (channels,), (channels,), ()
    return {f"{name}.{part}": size for part, size in zip(NORM, sizes, strict=True)}


def torchvision_shapes(depths, *, bottleneck):
    """Return every key of torchvision's ResNet and the shape of its value."""
    shapes = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}
    before = 64
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        out = 4 * width if bottleneck else width
        for block in range(depth):
            at = f"layer{stage + 1}.{block}"
            if bottleneck:
                convs = [(width, before, 1), (width, width, 3), (out, width, 1)]
            else:
                convs = [(width, before, 3), (width, width, 3)]
            for number, (o, i, k) in enumerate(convs, 1):
                shapes[f"{at}.conv{number}.weight"] = (o, i, k, k)
                shapes |= norm(f"{at}.bn{number}", o)
            if block == 0 and (stage > 0 or before != out):
                shapes[f"{at}.downsample.0.weight"] = (out, before, 1, 1)
                shapes |= norm(f"{at}.downsample.1", out)
            before = out
    return shapes | {"fc.weight": (1000, before), "fc.bias": (1000,)}


def shapes_of(model):
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "depths", "bottleneck", "keys"),
    [
        ("resnet18", (2, 2, 2, 2), False, 122),
        ("resnet34", (3, 4, 6, 3), False, 218),
        ("resnet50", (3, 4, 6, 3), True, 320),
        ("resnet101", (3, 4, 23, 3), True, 626),
    ],
)
def test_keys_and_shapes_are_those_of_torchvision(name, depths, bottleneck, keys):
    want = torchvision_shapes(depths, bottleneck=bottleneck)

    with torch.device("meta"):
        model = backbones.create(name)

    assert len(want) == keys
    assert shapes_of(model) == want
    assert list(model.state_dict()) == list(want)


def test_keys_of_the_second_version():
    with torch.device("meta"):
        model = backbones.resnet50v2()

    keys = [key for key in model.state_dict() if key.endswith(".weight")]

    assert keys[:9] == [
        "conv1.weight",
        "layer1.0.bn1.weight",
        "layer1.0.conv1.weight",
        "layer1.0.bn2.weight",
        "layer1.0.conv2.weight",
        "layer1.0.bn3.weight",
        "layer1.0.conv3.weight",
        "layer1.0.downsample.0.weight",
        "layer1.1.bn1.weight",
    ]
    assert keys[-2:] == ["norm.weight", "fc.weight"]


def test_a_checkpoint_with_the_keys_of_torchvision_loads_strictly(tmp_path):
    shapes = torchvision_shapes((2, 2, 2, 2), bottleneck=False)
    saved = {
        name: torch.full(size, 0.5) if size else torch.tensor(7)
        for name, size in shapes.items()
    }
    torch.save(saved, tmp_path / "resnet18.pth")
    model = backbones.resnet18()

    model.load_state_dict(torch.load(tmp_path / "resnet18.pth"))

    assert torch.equal(model.layer4[1].conv2.weight, torch.full((512, 512, 3, 3), 0.5))
    assert model.layer2[0].downsample[1].num_batches_tracked == 7


@pytest.mark.parametrize("attention", ["se", "cbam", "eca", "coordinate", "shuffle"])
def test_a_plain_checkpoint_lacks_only_the_attention(kind, tiny, attention):
    plain = tiny(**kind, width=16)
    model = tiny(**kind, width=16, attention=attention)

    missing, unexpected = model.load_state_dict(plain.state_dict(), strict=False)

    assert unexpected == []
    assert missing
    assert all(".attention." in key for key in missing)


def test_a_plain_checkpoint_loads_strictly_with_attention_that_learns_nothing(tiny):
    plain = tiny()

    tiny(attention="simam").load_state_dict(plain.state_dict())


def test_a_checkpoint_with_attention_loads_strictly(kind, tiny):
    trained = tiny(**kind, attention="cbam").double().eval()
    with torch.no_grad():
        for value in trained.parameters():
            value.add_(0.1)
    model = tiny(**kind, attention="cbam").double().eval()
    x = torch.randn(1, 3, 32, 40, dtype=torch.float64)

    model.load_state_dict(trained.state_dict())

    assert torch.equal(model(x), trained(x))
