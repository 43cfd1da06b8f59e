"""Parameters, multiply-accumulates and other work, against numbers by hand."""

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

import foveate
from foveate import backbones, blocks
from foveate.errors import OptionError
from foveate.profile import block_cost, count

SHAPE = (1, 8, 6, 5)
TOKENS = 6 * 5
CHANNELS = 8


class Tokens(nn.Module):
    """Give a layer the places of a map as tokens, ``(B, H * W, C)``."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x.flatten(2).transpose(1, 2))


class SelfAttention(nn.MultiheadAttention):
    """Attention whose queries, keys and values are one map."""

    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class Call(nn.Module):
    """Call a function; it has no parameters."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def macs(model, shape=SHAPE):
    return count(model, shape).macs


@pytest.mark.parametrize(
    ("conv", "want"),
    [
        (nn.Conv2d(8, 4, 3, padding=1), 4 * 8 * 9 * 30),
        (nn.Conv2d(8, 4, 1, bias=False), 4 * 8 * 30),
        (nn.Conv2d(8, 8, 3, padding=1, groups=8), 8 * 9 * 30),
        (nn.Conv2d(8, 4, 3, stride=2, padding=1), 4 * 8 * 9 * 3 * 3),
        (nn.ConvTranspose2d(8, 4, 2, stride=2), 4 * 8 * 4 * 30),
    ],
)
def test_a_convolution_by_hand(conv, want):
    assert macs(conv) == want


def test_work_grows_with_the_batch():
    conv = nn.Conv2d(8, 4, 3)

    assert macs(conv, (7, 8, 6, 5)) == 7 * macs(conv)


def test_a_linear_layer_by_hand():
    assert macs(nn.Linear(5, 11)) == 8 * 6 * 5 * 11


def test_products_of_matrices_by_hand():
    assert macs(Call(lambda x: x @ x.transpose(2, 3))) == 8 * 6 * 5 * 6


def test_products_with_a_vector_by_hand():
    vector = torch.ones(5)
    bias = torch.ones(6)

    assert macs(Call(lambda x: x @ vector)) == 8 * 6 * 5
    assert macs(Call(lambda x: torch.addmv(bias, x[0, 0], vector))) == 6 * 5
    assert macs(Call(lambda x: torch.dot(x[0, 0, 0], vector))) == 5


def test_elementwise_work_and_pooling_are_no_macs():
    model = nn.Sequential(
        nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), foveate.create("simam", 8)
    )

    assert macs(model) == 0


def test_elementwise_work_and_pooling_stand_beside_by_hand():
    model = nn.Sequential(
        nn.BatchNorm2d(8),  # reads 8 * 6 * 5
        nn.ReLU(),  # writes as many
        nn.MaxPool2d(2),  # reads as many
        nn.Sigmoid(),  # writes 8 * 3 * 2
    )

    found = count(model, SHAPE)

    assert (found.elementwise, found.pooling) == (240 + 48, 240 + 240)


def test_views_and_products_are_no_elementwise_work():
    model = Tokens(nn.Linear(CHANNELS, 4, bias=False))

    assert count(model, SHAPE).elementwise == 0


def test_copies_and_resizing_are_elementwise_work():
    def enlarge(x):
        wide = nn.functional.interpolate(x, scale_factor=2)  # writes 4 * 240
        return torch.cat([wide, wide], dim=1)  # writes 8 * 240

    assert count(Call(enlarge), SHAPE).elementwise == 12 * 240


def test_simam_is_no_macs_and_not_free():
    found = count(foveate.create("simam", 8), SHAPE)

    # its mean and its variance read the map; what it writes is six maps: difference,
    # square, quotient, sum, sigmoid, product; and for each of 8 channels, three numbers
    assert found.macs == 0
    assert found.pooling == 2 * 240
    assert found.elementwise == 6 * 240 + 3 * 8


def test_what_has_no_formula_is_listed():
    def strange(x):
        return x.sort().values + torch.linalg.inv(x[..., :5, :5])[..., :1, :]

    found = count(Call(lambda x: strange(x + torch.eye(6, 5))), SHAPE)

    assert found.not_counted == ("aten.linalg_inv_ex", "aten.sort")


def test_a_kernel_hides_no_work():
    # 64 channels of 64 places: enough for every compiled kernel
    block = foveate.create("cbam", 64)

    found = count(block, (1, 64, 64, 64))
    with foveate.ops.using("reference"):
        reference = count(block, (1, 64, 64, 64))

    assert found == reference
    assert found.not_counted == ()


def test_inference_mode_of_the_caller_changes_no_number():
    model = Tokens(nn.Sequential(nn.LayerNorm(CHANNELS), nn.Linear(CHANNELS, 4)))
    want = count(model, SHAPE)

    with torch.inference_mode():
        found = count(model, SHAPE)

    assert found == want
    # only the norm reads the map
    assert found.pooling == 240


def test_every_block_is_counted_whole():
    unknown = {
        card.name: names
        for card in foveate.catalog.find()
        if (names := block_cost(card.name, 64, (9, 7)).not_counted)
    }

    assert unknown == {}


@pytest.mark.parametrize(("heads", "causal"), [(1, False), (2, False), (4, True)])
def test_scaled_dot_product_attention_by_hand(heads, causal):
    def attend(x):
        tokens = x.flatten(2).unflatten(1, (heads, -1)).transpose(2, 3)
        return scaled_dot_product_attention(tokens, tokens, tokens, is_causal=causal)

    # each head: queries times keys, then weights times values
    assert macs(Call(attend)) == heads * 2 * TOKENS * TOKENS * (CHANNELS // heads)


def test_queries_keys_and_values_of_three_sizes_by_hand():
    def attend(x):
        query = x.flatten(2).transpose(1, 2)[:, None]
        key = query[:, :, :7]
        value = key
        return scaled_dot_product_attention(query, key, value)

    assert macs(Call(attend)) == TOKENS * 7 * CHANNELS * 2


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_multi_head_attention_by_hand(heads):
    model = Tokens(SelfAttention(CHANNELS, heads, batch_first=True))

    # queries, keys, values and the result are projected; then the two products
    projections = 4 * TOKENS * CHANNELS**2
    products = 2 * TOKENS**2 * CHANNELS
    assert macs(model) == projections + products


def test_multi_head_attention_counts_alike_without_its_fast_path():
    fast = Tokens(SelfAttention(CHANNELS, 2, batch_first=True))
    slow = Tokens(SelfAttention(CHANNELS, 2, batch_first=True))
    torch.backends.mha.set_fastpath_enabled(False)

    try:
        found = macs(slow)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)

    assert found == macs(fast)


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_transformer_layer_by_hand(norm_first):
    layer = nn.TransformerEncoderLayer(
        CHANNELS, 2, dim_feedforward=13, batch_first=True, norm_first=norm_first
    )

    attention = 4 * TOKENS * CHANNELS**2 + 2 * TOKENS**2 * CHANNELS
    feed_forward = 2 * TOKENS * CHANNELS * 13
    assert macs(Tokens(layer)) == attention + feed_forward


def resnet_macs(depths, *, size, stride_at_3x3):
    """Return the work of a ResNet of bottlenecks, convolution by convolution."""
    size //= 2
    work = size**2 * 64 * 3 * 49
    size //= 2
    before = 64
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for block in range(depth):
            inner = size
            if stage and not block:
                size //= 2
                inner = inner if stride_at_3x3 else size
            work += inner**2 * before * width
            work += size**2 * width * width * 9
            work += size**2 * width * 4 * width
            work += size**2 * before * 4 * width if not block else 0
            before = 4 * width
    return work + before * 1000


@pytest.mark.parametrize(
    ("stride_at", "published"), [("3x3", 4_089_184_256), ("1x1", 3_857_973_248)]
)
def test_resnet50_costs_what_its_convolutions_do(stride_at, published):
    with torch.device("meta"):
        model = backbones.resnet50(stride_at=stride_at)

    found = count(model, (1, 3, 224, 224))

    assert found.parameters == 25_557_032
    assert found.macs == published
    assert found.macs == resnet_macs(
        (3, 4, 6, 3), size=224, stride_at_3x3=stride_at == "3x3"
    )


def test_a_network_costs_the_same_on_the_meta_device_as_on_the_processor():
    with torch.device("meta"):
        abstract = backbones.resnet10(width=8, attention="cbam")
    real = backbones.resnet10(width=8, attention="cbam")

    assert count(abstract, (2, 3, 33, 47)) == count(real, (2, 3, 33, 47))


def test_squeeze_and_excitation_by_hand():
    # two projections between 64 and 4 channels
    assert macs(foveate.create("se", 64), (1, 64, 16, 12)) == 2 * 64 * 4


def test_criss_cross_attention_by_hand():
    # three projections of 64 channels to 8, 8 and 64, and for each of 192 places its
    # products with the 12 of its column and the 16 of its row
    products = 192 * (16 + 12) * (8 + 64)

    found = macs(foveate.create("criss_cross", 64), (1, 64, 16, 12))

    assert found == 192 * 64 * (8 + 8 + 64) + products == 1_370_112


def test_second_order_channel_attention_by_hand():
    # the covariance, six products and six more of an iteration for the square root of a
    # matrix of 64 x 64, and two projections between 64 and 8
    found = macs(foveate.create("soca", 64), (1, 64, 16, 12))

    assert found == 192 * 64**2 + 12 * 64**3 + 2 * 64 * 8


def test_a_shared_parameter_counts_once():
    first = nn.Linear(5, 5)
    second = nn.Linear(5, 5)
    second.weight = first.weight

    assert count(nn.Sequential(first, second), SHAPE).parameters == 25 + 5 + 5


def test_frozen_parameters_count_and_statistics_do_not():
    model = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4)).requires_grad_(False)

    assert count(model, SHAPE).parameters == 8 * 4 + 4 + 4 + 4


def test_a_model_without_parameters_costs_none():
    assert count(nn.ReLU(), SHAPE).parameters == 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_input_has_the_precision_of_the_model(dtype):
    seen = []
    model = nn.Conv2d(8, 4, 1).to(dtype)
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].dtype))

    count(model, SHAPE)

    assert seen == [dtype]


def test_modes_statistics_and_random_numbers_are_left_alone():
    torch.manual_seed(0)
    model = backbones.resnet10(width=8)
    model.train()
    model.layer2.eval()
    model.layer3[0].bn1.eval()
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()

    count(nn.Sequential(model, Call(lambda x: x + torch.rand(1))), (1, 3, 32, 32))

    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(model.state_dict()[key], state[key]) for key in state)
    assert torch.equal(torch.get_rng_state(), random)


def test_modes_come_back_when_the_model_fails():
    model = nn.Sequential(nn.Dropout(), nn.Conv2d(3, 4, 1))

    with pytest.raises(OptionError, match=r"does not run with .* to have 3 channels"):
        count(model, SHAPE)

    assert all(module.training for module in model.modules())


@pytest.mark.parametrize(
    "shape", [(8, 6, 5), 224, "1234", (1, 8, 0, 5), (1, 8, 6, 5.0), (True, 8, 6, 5)]
)
def test_a_shape_that_is_not_four_sizes_is_refused(shape):
    with pytest.raises(OptionError, match=r"^count: a shape must be \(B, C, H, W\)"):
        count(nn.ReLU(), shape)


@pytest.mark.parametrize("shape", [[1, 8, 6, 5], torch.Size([1, 8, 6, 5])])
def test_a_shape_may_be_a_list_or_of_torch(shape):
    assert macs(nn.Conv2d(8, 4, 1), shape) == 4 * 8 * 30


def test_no_shape_is_refused():
    with pytest.raises(OptionError, match=r"a shape must be .* got \(\)"):
        count(nn.ReLU())


def test_a_fusion_takes_a_shape_for_each_map():
    fusion = blocks.Add(8, align="first", in_channels=(8, 4))

    found = count(fusion, SHAPE, (1, 4, 3, 2))

    assert found.macs == 8 * 4 * 3 * 2
