"""Where a network is looked at, and that a gradient arrives there."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate import hosts
from foveate.errors import OptionError, SiteError
from foveate.explain.answers import answers_of
from foveate.explain.layers import chosen_layers, default_layers
from foveate.explain.targets import resolve

FULL = (224, 160)

DEFAULTS = {
    "timm:resnet18": ("layer4", (7, 8), (224, 256)),
    "timm:mobilenetv3_small_100": ("blocks.3", (14, 10), FULL),
    "timm:efficientnet_b0": ("blocks.6", (7, 7), (224, 224)),
    "timm:convnext_atto": ("stages.2", (14, 10), FULL),
    "timm:vgg11_bn": ("features.27", (14, 10), FULL),
    "timm:densenet121": ("features.norm5", (7, 8), (224, 256)),
    "timm:regnety_002": ("s4", (7, 8), (224, 256)),
    "timm:hrnet_w18_small": ("final_layer", (7, 8), (224, 256)),
    "timm:vit_tiny_patch16_224": ("blocks.11.norm1", (14, 14), (224, 224)),
    "timm:deit_tiny_distilled_patch16_224": ("blocks.11.norm1", (14, 14), (224, 224)),
    "timm:swin_tiny_patch4_window7_224": ("layers.3", (7, 7), (224, 224)),
    "timm:xcit_nano_12_p16_224": ("cls_attn_blocks.0.norm1", (14, 10), FULL),
    "timm:levit_128s": ("stages.1", (7, 7), (224, 224)),
    "timm:mvitv2_tiny": ("stages.3.blocks.1.norm1", (7, 7), (224, 224)),
    "torchvision:swin_t": ("features.5", (14, 10), FULL),
    "torchvision:squeezenet1_1": ("features.12", (13, 9), FULL),
    "torchvision:deeplabv3_resnet50": ("backbone.layer4", (8, 9), (64, 72)),
    "torchvision:lraspp_mobilenet_v3_large": ("backbone.6", (8, 9), (64, 72)),
    "smp:unet": ("encoder.layer2", (8, 12), (64, 96)),
    "resnet18": ("layer2", (12, 8), (96, 64)),
    "resnet18_fpn": ("smooth.0", (24, 16), (96, 64)),
}
"""By network, the layer, the size of its map and the size of the image."""

OPTIONS = {"timm:resnet18": {"zero_init_last": False}}

FAST = ("timm:resnet18", "timm:vit_tiny_patch16_224", "resnet18")


def networks():
    return [
        pytest.param(name, *DEFAULTS[name], id=name)
        if name in FAST
        else pytest.param(name, *DEFAULTS[name], id=name, marks=pytest.mark.slow)
        for name in DEFAULTS
    ]


def gradients(model, watched, x):
    """Return the gradient of the default target at each watched layer, as maps."""
    seen = []

    def keep(module, args, output):
        seen.append(output.clone())
        return seen[-1]

    handles = [module.register_forward_hook(keep) for module in watched.modules]
    output = model(x.requires_grad_())
    for handle in handles:
        handle.remove()
    answers = answers_of(model, output, images=len(x))
    value = resolve(answers, None)[0][0].value(answers.each[0])
    change = watched.transform or (lambda maps: maps)
    return [change(found) for found in torch.autograd.grad(value, seen)]


@pytest.mark.parametrize(("name", "layer", "grid", "size"), networks())
def test_the_default_layer_gets_a_gradient_of_sensible_size(
    timm, name, layer, grid, size
):
    torch.manual_seed(0)
    model = hosts.load(name, **OPTIONS.get(name, {})).eval()
    x = torch.rand(1, 3, *size)

    watched = default_layers(model, x)

    (gradient,) = gradients(model, watched, x)
    reached = gradient.abs().amax(dim=(0, 1)) > 0
    assert watched.paths == (layer,)
    assert gradient.shape[2:] == grid
    # rectifiers cut off some places
    assert reached.float().mean() > 0.05


def small(*layers):
    return nn.Sequential(*layers).eval()


def conv(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)


HEAD = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))


def test_a_network_without_stages_is_looked_at_in_its_last_map():
    model = small(conv(3, 4, 2), nn.ReLU(), conv(4, 6), nn.ReLU(), *HEAD)

    watched = default_layers(model, torch.rand(1, 3, 18, 14))

    assert watched.paths == ("3",)
    assert watched.modules == (model[3],)
    assert watched.reason == (
        "3, the last layer whose map has at least 7 rows and columns (9x7)"
    )


def test_of_maps_that_are_all_small_it_is_the_last_of_the_largest():
    model = small(conv(3, 4, 2), conv(4, 4), conv(4, 6, 2), *HEAD)

    watched = default_layers(model, torch.rand(1, 3, 10, 9))

    assert watched.paths == ("1",)
    assert watched.reason == "1, the last layer with the largest map (5x5)"


def test_of_stages_that_are_all_small_it_is_the_last_of_the_largest():
    model = fv.backbones.resnet10(width=8).eval()

    watched = default_layers(model, torch.rand(1, 3, 16, 20))

    assert watched.paths == ("layer1",)
    assert watched.reason.startswith("layer1, the stage with the largest map (4x5)")


def test_a_network_that_returns_maps_is_looked_at_where_it_is_deepest():
    model = small(conv(3, 4, 2), conv(4, 6, 2), nn.Upsample(scale_factor=4), conv(6, 2))

    watched = default_layers(model, torch.rand(1, 3, 32, 40))

    assert watched.paths == ("1",)


def test_a_layer_that_runs_several_times_is_passed_over():
    shared = nn.ReLU()
    model = small(conv(3, 6), shared, conv(6, 6), shared, *HEAD)

    assert default_layers(model, torch.rand(1, 3, 9, 9)).paths == ("2",)


def test_the_layer_of_a_grafted_network_is_one_of_the_host():
    model = fv.backbones.resnet10(width=8).eval()
    fv.graft(model, "cbam", at="layer3", example=(1, 3, 64, 64))

    watched = default_layers(model, torch.rand(1, 3, 128, 112))

    assert watched.paths == ("layer3",)


def test_a_block_that_was_grafted_can_be_asked_for():
    model = fv.backbones.resnet10(width=8).eval()
    fv.graft(model, "simam", at="layer3", example=(1, 3, 64, 64))
    (block,) = (each for each in model.modules() if isinstance(each, fv.blocks.SimAM))

    watched = chosen_layers(model, block, torch.rand(1, 3, 64, 64))

    assert watched.modules == (block,)
    assert watched.paths[0].startswith("layer3.")


def test_the_network_is_left_as_it_was():
    model = fv.backbones.resnet10(width=8).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    random = torch.get_rng_state()

    default_layers(model, torch.rand(1, 3, 33, 47, generator=torch.Generator()))

    assert all(torch.equal(value, before[k]) for k, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), random)


def test_what_was_compiled_in_place_is_looked_past_and_stays_compiled():
    model = small(conv(3, 6), nn.ReLU(), *HEAD)
    model.compile(backend="eager")
    compiled = model._compiled_call_impl

    watched = default_layers(model, torch.rand(1, 3, 9, 9))

    assert watched.paths == ("1",)
    assert model._compiled_call_impl is compiled


def test_wrappers_are_looked_through():
    model = small(conv(3, 6), nn.ReLU(), *HEAD)
    wrapped = torch.compile(nn.DataParallel(model), backend="eager")

    assert default_layers(wrapped, torch.rand(1, 3, 9, 9)).modules == (model[1],)


@pytest.mark.parametrize("asked", ["1", [1], "type:ReLU", "stage"], ids=str)
def test_layers_are_asked_for_by_name_module_or_selector(asked):
    model = fv.backbones.resnet10(width=8).eval()
    chosen = {
        "1": ("layer2", ("layer2",)),
        "[1]": ([model.layer3, "layer2"], ("layer3", "layer2")),
        "type:ReLU": ("layer[12]", ("layer1", "layer2")),
        "stage": ("stage:-1", ("layer4",)),
    }
    layers, paths = chosen[str(asked)]

    watched = chosen_layers(model, layers, torch.rand(1, 3, 64, 48))

    assert watched.paths == paths
    assert watched.modules == tuple(model.get_submodule(path) for path in paths)
    assert watched.reason == f"{', '.join(paths)}, as asked"
    assert watched.transform is None


@pytest.mark.parametrize(
    ("asked", "problem", "words"),
    [
        (
            "layer5",
            SiteError,
            r"target_layers: no layer matches 'layer5'\. Did you mean",
        ),
        (nn.Conv2d(3, 3, 1), OptionError, r"the Conv2d that was given is no layer"),
        ("fc", OptionError, r"fc \(Linear\) returns \(1, 1000\), which is no map"),
        ([], OptionError, r"got an empty list"),
        ([3], OptionError, r"target_layers: expected a pattern .* got 3 \(int\)"),
    ],
    ids=str,
)
def test_says_what_is_wrong_with_a_layer(asked, problem, words):
    model = fv.backbones.resnet10(width=8).eval()

    with pytest.raises(problem, match=words):
        chosen_layers(model, asked, torch.rand(1, 3, 64, 48))


def test_the_network_itself_is_no_layer_of_it():
    model = small(conv(3, 6), *HEAD)

    with pytest.raises(OptionError, match=r"is no layer within this Sequential"):
        chosen_layers(model, model, torch.rand(1, 3, 9, 9))


def test_a_layer_that_returns_several_things_is_named_with_them():
    class Twice(nn.Module):
        def forward(self, x):
            return x, {"mean": x.mean((2, 3))}

    class First(nn.Module):
        def forward(self, pair):
            return pair[0]

    model = small(conv(3, 6), Twice(), First(), *HEAD)

    with pytest.raises(
        OptionError,
        match=r"1 \(Twice\) returns tuple of \(1, 6, 9, 9\), dict with mean, which",
    ):
        chosen_layers(model, "1", torch.rand(1, 3, 9, 9))


def test_a_layer_that_does_not_run_is_refused():
    model = small(conv(3, 6), nn.ReLU(), *HEAD)
    model[0].register_module("idle", nn.Conv2d(6, 6, 1))

    with pytest.raises(OptionError, match=r"0\.idle does not run in evaluation"):
        chosen_layers(model, "0.idle", torch.rand(1, 3, 9, 9))


def test_a_given_reshape_transform_is_the_one_that_is_used():
    model = small(conv(3, 6), *HEAD)

    watched = chosen_layers(model, "3", torch.rand(1, 3, 9, 9), torch.relu)

    assert watched.transform is torch.relu


def test_an_image_that_the_network_does_not_take_is_an_error():
    with pytest.raises(
        OptionError, match=r"input_tensor: Sequential does not run with"
    ):
        default_layers(small(conv(3, 6), *HEAD), torch.rand(1, 5, 9, 9))


def test_a_network_of_one_layer_has_none_to_look_at():
    with pytest.raises(OptionError, match=r"Conv2d has no layers within it"):
        default_layers(conv(3, 4), torch.rand(1, 3, 9, 9))


def test_a_network_without_maps_asks_for_layers():
    model = small(nn.Flatten(), nn.Linear(243, 6), nn.Linear(6, 2))

    with pytest.raises(OptionError, match=r"no layer of Sequential returns a map"):
        default_layers(model, torch.rand(1, 3, 9, 9))


class Transformer(nn.Module):
    """Patches, a class token before them, and one layer of a transformer."""

    def __init__(self):
        super().__init__()
        self.patch_size = 8
        self.project = nn.Conv2d(3, 12, 8, stride=8)
        self.token = nn.Parameter(torch.zeros(1, 1, 12))
        self.before = nn.LayerNorm(12)
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        self.after = nn.LayerNorm(12)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = self.project(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        y = self.before(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return self.head(self.after(x)[:, 0])


def test_a_transformer_is_looked_at_before_its_last_attention():
    torch.manual_seed(0)
    model, x = Transformer().eval(), torch.rand(2, 3, 40, 24)

    watched = default_layers(model, x[:1])

    (gradient,) = gradients(model, watched, x)
    assert gradient.shape == (2, 12, 5, 3)
    assert (gradient[0].abs().amax(0) > 0).all()
    assert watched.reason == (
        "before, the norm before the last attention, whose tokens stand for places "
        "(5x3), and 1 other token left out"
    )


def test_tokens_of_a_layer_that_was_asked_for_become_maps_without_a_transform():
    model = Transformer().eval()

    watched = chosen_layers(model, model.after, torch.rand(1, 3, 40, 24))

    assert watched.transform(torch.zeros(4, 16, 12)).shape == (4, 12, 5, 3)


@pytest.fixture
def hiera(timm):
    return timm.create_model(
        "hiera_tiny_224", img_size=(128, 96), stages=(1, 1, 1, 1), embed_dim=24
    ).eval()


def test_tokens_of_hiera_are_looked_at_where_they_lie_row_after_row(hiera):
    torch.manual_seed(0)
    x = torch.rand(1, 3, 128, 96)
    changed = x.clone()
    changed[:, :, :24, -24:] += 5
    watched = default_layers(hiera, x)
    kept = []
    watched.modules[0].register_forward_hook(lambda *run: kept.append(run[2]))

    with torch.no_grad():
        hiera(x), hiera(changed)

    moved = watched.transform(kept[1] - kept[0]).abs().mean(dim=1)[0]
    assert moved.shape == (4, 3)
    assert moved.argmax() == 2


def test_tokens_of_hiera_are_refused_where_they_lie_by_windows(hiera):
    with pytest.raises(OptionError, match=r"no map of the image"):
        chosen_layers(hiera, "blocks.0", torch.rand(1, 3, 128, 96))
