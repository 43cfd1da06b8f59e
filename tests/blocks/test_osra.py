"""What only overlapping spatial reduction attention promises; see tests/contracts."""

import itertools
import re

import pytest
import torch
from torch import nn
from torch.nn import functional

import foveate as fv
from foveate.blocks import OSRA
from foveate.errors import OptionError, ShapeError


def perturbed(channels=16, *, training=False, **options):
    torch.manual_seed(0)
    block = OSRA(channels, **options).double().train(training)
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    for key, buffer in block.named_buffers():
        if key.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand_like(buffer))
    return block


def normal(*shape):
    return torch.randn(shape, dtype=torch.float64)


def reduced_by_formula(block, x):
    """Return the map that places look at, by the formula of the paper."""
    reduced = x
    if block.sr_ratio > 1:
        side = block.sr_ratio + 3
        first = functional.conv2d(
            functional.pad(x, (side // 2,) * 4),
            block.sr.conv1.weight,
            stride=block.sr_ratio,
            groups=block.channels,
        )
        active = functional.gelu(normalised(block.sr.bn1, first))
        scaled = active * block.sr.conv2.weight.reshape(1, -1, 1, 1)
        reduced = normalised(block.sr.bn2, scaled)
    local = block.local_conv
    return reduced + functional.conv2d(
        functional.pad(reduced, (1,) * 4),
        local.weight,
        local.bias,
        groups=block.channels,
    )


def normalised(norm, x):
    mean, scale, weight, bias = (
        value.reshape(1, -1, 1, 1)
        for value in (
            norm.running_mean,
            (norm.running_var + norm.eps).rsqrt(),
            norm.weight,
            norm.bias,
        )
    )
    return (x - mean) * scale * weight + bias


def by_formula(block, x, encoding=0):
    """Return the weights of all places, ``(B, heads, N, M)``, and the output."""
    reduced = reduced_by_formula(block, x)
    queries = torch.einsum("oc,bcij->boij", block.q.weight[:, :, 0, 0], x)
    queries = queries + block.q.bias.reshape(1, -1, 1, 1)
    both = torch.einsum("oc,bcij->boij", block.kv.weight[:, :, 0, 0], reduced)
    both = both + block.kv.bias.reshape(1, -1, 1, 1)
    channels, heads = block.channels, block.num_heads
    queries, keys, values = (
        part.flatten(2).unflatten(1, (heads, channels // heads))
        for part in (queries, both[:, :channels], both[:, channels:])
    )
    logits = torch.einsum("bhdn,bhdm->bhnm", queries, keys)
    weights = (logits / (channels // heads) ** 0.5 + encoding).softmax(dim=3)
    y = torch.einsum("bhnm,bhdm->bhdn", weights, values)
    return weights, y.reshape(x.shape)


@pytest.mark.parametrize(
    ("channels", "sr_ratio", "parameters"),
    [
        (64, 2, 15_040),
        (256, 2, 207_616),
        (512, 2, 808_448),
        (64, 1, 13_120),
        (256, 1, 199_936),
        (512, 1, 793_088),
    ],
)
def test_has_as_many_parameters_as_the_official_code(channels, sr_ratio, parameters):
    block = OSRA(channels, sr_ratio=sr_ratio)

    assert sum(p.numel() for p in block.parameters()) == parameters


@pytest.mark.parametrize("sr_ratio", [2, 3, 4, 8])
def test_a_reduction_learns_its_kernel_and_two_norms(sr_ratio):
    block = OSRA(16, sr_ratio=sr_ratio)

    want = 3 * 16**2 + 16 * ((sr_ratio + 3) ** 2 + 18)
    assert sum(p.numel() for p in block.parameters()) == want


def test_has_the_keys_of_the_official_code_by_layer():
    keys = {key.rpartition(".")[0] for key in OSRA(16).state_dict()}

    assert keys == {
        "q",
        "kv",
        "local_conv",
        "sr.conv1",
        "sr.bn1",
        "sr.conv2",
        "sr.bn2",
    }


@pytest.mark.parametrize("sr_ratio", [1, 2, 3])
def test_costs_as_the_formula_says(sr_ratio):
    block = OSRA(16, num_heads=2, sr_ratio=sr_ratio)

    cost = fv.cost(block, (2, 16, 5, 7))

    places, seen = 35, {1: 35, 2: 3 * 4, 3: 2 * 3}[sr_ratio]
    reduction = 16 * (sr_ratio + 3) ** 2 + 16 if sr_ratio > 1 else 0
    layers = places * 16**2 + seen * (reduction + 9 * 16 + 2 * 16**2)
    assert cost.macs == 2 * (layers + 2 * places * seen * 16)


@pytest.mark.parametrize("sr_ratio", [2, 4, 8])
@pytest.mark.parametrize(("height", "width"), [(5, 8), (16, 17), (1, 1)])
def test_an_even_reduction_rounds_up(height, width, sr_ratio):
    block = OSRA(8, sr_ratio=sr_ratio).eval()

    places = block.maps(torch.randn(1, 8, height, width))["attention"].shape[2:]

    assert places == (-(-height // sr_ratio), -(-width // sr_ratio))


@pytest.mark.parametrize("sr_ratio", [3, 5])
@pytest.mark.parametrize(("height", "width"), [(5, 9), (15, 16), (1, 1)])
def test_an_odd_reduction_adds_one(height, width, sr_ratio):
    block = OSRA(8, sr_ratio=sr_ratio).eval()

    places = block.maps(torch.randn(1, 8, height, width))["attention"].shape[2:]

    assert places == (height // sr_ratio + 1, width // sr_ratio + 1)


@pytest.mark.parametrize("sr_ratio", [1, 2, 3, 4])
def test_answers_as_the_formula_says(sr_ratio):
    block, x = perturbed(num_heads=4, sr_ratio=sr_ratio), normal(2, 16, 5, 7)

    _, want = by_formula(block, x)

    torch.testing.assert_close(block(x), want, rtol=0, atol=1e-11)


def test_the_map_of_each_place_is_its_row_of_the_formula():
    block, x = perturbed(num_heads=4), normal(2, 16, 5, 4)
    encoding = normal(1, 4, 20, 6)

    want, _ = by_formula(block, x, encoding)

    for row, column in itertools.product(range(5), range(4)):
        maps = block.maps(x, query=(row, column), relative_pos_enc=encoding)
        one = want[:, :, row * 4 + column].reshape(2, 4, 3, 2)
        torch.testing.assert_close(maps["attention"], one, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(5, 7), (4, 6), (1, 1)])
def test_a_map_is_that_of_the_centre_unless_told(height, width):
    block, x = perturbed(), normal(1, 16, height, width)

    found = block.maps(x)["attention"]

    centre = (height // 2, width // 2)
    assert found.equal(block.maps(x, query=centre)["attention"])


@pytest.mark.parametrize("query", [(5, 0), (0, 7), (-1, 0), (0, -1)])
def test_rejects_a_query_outside_of_the_map(query):
    words = (
        "OSRA: query must be (row, column) within the 5x7 map, from (0, 0) to (4, 6), "
        f"got {query}."
    )

    with pytest.raises(ShapeError, match=rf"^{re.escape(words)}$"):
        OSRA(8).eval().maps(torch.zeros(1, 8, 5, 7), query=query)


def test_queries_of_zero_see_the_mean_of_the_values():
    block, x = perturbed(), normal(2, 16, 5, 7)
    nn.init.zeros_(block.q.weight)
    nn.init.zeros_(block.q.bias)

    y = block(x)

    values = block.kv(reduced_by_formula(block, x))[:, 16:]
    want = values.mean(dim=(2, 3), keepdim=True).expand_as(x)
    torch.testing.assert_close(y, want)


@pytest.mark.parametrize("num_heads", [1, 4])
def test_without_a_reduction_it_is_plain_multi_head_attention(num_heads):
    block, x = perturbed(num_heads=num_heads, sr_ratio=1), normal(2, 16, 3, 5)
    nn.init.zeros_(block.local_conv.weight)
    nn.init.zeros_(block.local_conv.bias)
    plain = nn.MultiheadAttention(16, num_heads, batch_first=True).double().eval()
    plain.in_proj_weight.data = torch.cat([block.q.weight, block.kv.weight])[:, :, 0, 0]
    plain.in_proj_bias.data = torch.cat([block.q.bias, block.kv.bias])
    nn.init.eye_(plain.out_proj.weight)
    nn.init.zeros_(plain.out_proj.bias)
    tokens = x.flatten(2).transpose(1, 2)

    y = block(x)

    want, _ = plain(tokens, tokens, tokens)
    torch.testing.assert_close(y, want.transpose(1, 2).reshape(x.shape))


def test_a_scale_of_zero_looks_everywhere_alike():
    block, x = perturbed(qk_scale=0), normal(2, 16, 5, 7)

    attention = block.maps(x)["attention"]

    torch.testing.assert_close(attention, torch.full_like(attention, 1 / 12))
    torch.testing.assert_close(block(x), block(x)[:, :, :1, :1].expand_as(x))


def test_a_scale_multiplies_the_products():
    block, x = perturbed(num_heads=4, qk_scale=1.5), normal(2, 16, 5, 7)
    usual = perturbed(num_heads=4)
    usual.q.weight.data *= 3  # 1.5 / 4 ** -0.5
    usual.q.bias.data *= 3

    torch.testing.assert_close(block(x), usual(x))


def test_an_encoding_is_added_to_the_scaled_products():
    block, x = perturbed(num_heads=4), normal(2, 16, 5, 7)
    encoding = normal(1, 4, 35, 12)

    y = block(x, encoding)

    torch.testing.assert_close(y, by_formula(block, x, encoding)[1])
    assert not y.allclose(block(x))


def test_an_encoding_of_a_constant_changes_nothing():
    block, x = perturbed(num_heads=4), normal(2, 16, 5, 7)
    encoding = normal(1, 4, 35, 1).expand(-1, -1, -1, 12)

    torch.testing.assert_close(block(x, encoding), block(x))


@pytest.mark.parametrize(("places", "seen"), [(20, 6), (70, 24), (35, 6), (9, 12)])
def test_an_encoding_of_another_size_is_resized(places, seen):
    block, x = perturbed(num_heads=4), normal(2, 16, 5, 7)
    encoding = normal(1, 4, places, seen)

    y = block(x, relative_pos_enc=encoding)

    resized = functional.interpolate(encoding, size=(35, 12), mode="bicubic")
    torch.testing.assert_close(y, block(x, resized))


def test_an_encoding_learns():
    block, x = perturbed(num_heads=4), normal(2, 16, 5, 7)
    encoding = normal(1, 4, 20, 6).requires_grad_()

    block(x, encoding).square().sum().backward()

    assert encoding.grad.ne(0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_an_encoding_of_half_precision_keeps_the_type(dtype):
    block = perturbed(num_heads=4).to(dtype)
    x, encoding = normal(2, 16, 5, 7).to(dtype), normal(1, 4, 20, 6).to(dtype)

    y = block(x, encoding)

    assert y.dtype == dtype
    want = block.double()(x.double(), encoding.double())
    torch.testing.assert_close(y.double(), want, rtol=5e-2, atol=5e-2)


@pytest.mark.parametrize("shape", [(1, 2, 35, 12), (2, 4, 35, 12), (4, 35, 12)])
def test_rejects_an_encoding_of_other_heads(shape):
    words = (
        "OSRA: relative_pos_enc must be (1, 4, N, M), one plane for each of the 4 "
        f"heads, got {shape}."
    )

    with pytest.raises(ShapeError, match=rf"^{re.escape(words)}$"):
        perturbed(num_heads=4)(normal(2, 16, 5, 7), torch.zeros(shape))


def test_checks_the_map_that_comes_with_an_encoding():
    with pytest.raises(ShapeError, match=r"^OSRA: expects \(B, 16, H, W\)"):
        perturbed()(normal(2, 8, 5, 7), torch.zeros(1, 8, 35, 12))


def test_drops_weights_in_training_only():
    # no reduction, whose BatchNorm differs in training
    block, x = perturbed(sr_ratio=1, attn_drop=0.5), normal(2, 16, 5, 7)
    calm = perturbed(sr_ratio=1)(x)

    evaluated = block.eval()(x)
    trained = block.train()(x)

    assert evaluated.equal(calm)
    assert not trained.allclose(calm)


def test_dropping_keeps_the_mean_of_the_output():
    block = perturbed(8, sr_ratio=1, attn_drop=0.25, training=True)
    x = normal(1, 8, 3, 5)

    mean = block(x.expand(4000, -1, -1, -1)).mean(dim=0)

    torch.testing.assert_close(mean, block.eval()(x)[0], rtol=0.1, atol=0.1)


def test_a_new_block_has_gelu_and_a_copied_one_relu():
    official, copied = OSRA(16), fv.create("osra.relu", 16)

    assert type(official.sr.act) is nn.GELU
    assert type(copied.sr.act) is nn.ReLU


def test_gelu_and_relu_answer_differently():
    copied, x = fv.create("osra.relu", 16).double().eval(), normal(2, 16, 5, 7)
    block = OSRA(16).double().eval()
    block.load_state_dict(copied.state_dict(), strict=True)

    assert not block(x).allclose(copied(x))


def test_the_defaults_of_the_official_code_reduce_nothing():
    block = fv.create("osra.official", 16)

    assert (block.num_heads, block.sr_ratio) == (1, 1)
    assert not any(key.startswith("sr") for key in block.state_dict())


@pytest.mark.parametrize("size", [(2, 1), (1, 1)])
def test_one_image_that_reduces_to_one_place_does_not_train(size):
    block = OSRA(8).train()

    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        block(torch.zeros(1, 8, *size))


def test_rejects_channels_that_do_not_divide_into_heads():
    words = (
        r"^OSRA: channels must be a multiple of 8 \(num_heads\), got 20\. "
        r"Nearest that fit: 16 or 24\.$"
    )

    with pytest.raises(OptionError, match=words):
        OSRA(20)


@pytest.mark.parametrize("value", [1, 1.5, -0.1, True, float("nan")], ids=repr)
def test_rejects_a_share_to_drop_that_leaves_nothing(value):
    words = rf"^OSRA: attn_drop must be a number from 0 to below 1, got {value}\.$"

    with pytest.raises(OptionError, match=words):
        OSRA(8, attn_drop=value)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), True], ids=repr)
def test_rejects_a_scale_that_is_no_number(value):
    words = rf"^OSRA: qk_scale must be a finite number or None, got {value}\.$"

    with pytest.raises(OptionError, match=words):
        OSRA(8, qk_scale=value)


def test_shows_its_options():
    assert repr(OSRA(64, num_heads=4)).startswith(
        "OSRA(\n  64, num_heads=4, sr_ratio=2, qk_scale=0.25\n"
    )
