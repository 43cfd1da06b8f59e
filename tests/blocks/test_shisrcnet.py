"""What only MSF, MFE and CSF promise; the rest is in tests/contracts."""

import math
import re

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.blocks import CSF, MFE, MSF
from foveate.errors import OptionError, ShapeError

ONE_IMAGE = "Expected more than 1 value per channel"


def count(block):
    return sum(p.numel() for p in block.parameters())


def maps_of(many, channels=8, size=(5, 7), batch=2):
    random = torch.Generator().manual_seed(2)
    shape = (many, batch, channels, *size)
    return list(torch.randn(shape, generator=random, dtype=torch.float64).unbind())


def perturbed(block):
    random = torch.Generator().manual_seed(1)
    for parameter in block.parameters():
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=random)
    for key, buffer in block.named_buffers():
        if key.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=random))
    return block.double().eval()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("msf", (20_608, 328_192, 1_311_744)),
        ("msf.official", (21_376, 331_264, 1_317_888)),
        ("mfe", (168_576, 2_689_536, 10_753_024)),
        ("mfe.official", (169_344, 2_692_608, 10_759_168)),
    ],
)
def test_has_as_many_parameters_as_the_official_code(name, parameters):
    counts = [count(fv.create(name, c, device="meta")) for c in (64, 256, 512)]

    assert tuple(counts) == parameters


@pytest.mark.parametrize("name", ["msf", "msf.official"])
@pytest.mark.parametrize("num_inputs", [2, 3, 4])
def test_equal_maps_are_only_projected(name, num_inputs):
    fusion = perturbed(fv.create(name, 8, num_inputs=num_inputs))
    (x,) = maps_of(1)

    y = fusion(*[x] * num_inputs)

    torch.testing.assert_close(y, fusion.project(x))


@pytest.mark.parametrize("num_inputs", [2, 3, 4])
def test_zero_weights_give_every_map_the_same_share(num_inputs):
    fusion = MSF(8, num_inputs=num_inputs).double().eval()
    for fc in fusion.fc:
        nn.init.zeros_(fc.weight)
    maps = maps_of(num_inputs)

    branch = fusion.maps(*maps)["branch"]

    assert branch.shape == (2, num_inputs, 8, 1, 1)
    torch.testing.assert_close(branch, torch.full_like(branch, 1 / num_inputs))
    mean = torch.stack(maps).mean(dim=0)
    torch.testing.assert_close(fusion(*maps), fusion.project(mean))


@pytest.mark.parametrize("name", ["msf", "msf.official"])
def test_maps_may_come_in_any_order_with_their_layers(name):
    fusion, maps = perturbed(fv.create(name, 8)), maps_of(4)
    order = [2, 0, 3, 1]
    twin = fv.create(name, 8).double().eval()
    twin.project.load_state_dict(fusion.project.state_dict())
    for ours, theirs in ((twin.fc, fusion.fc), (twin.fc_bn, fusion.fc_bn)):
        for place, layer in enumerate(ours):
            layer.load_state_dict(theirs[order[place]].state_dict())

    y = twin(*[maps[place] for place in order])

    torch.testing.assert_close(y, fusion(*maps))


def test_weights_of_msf_match_the_formula_by_hand():
    fusion = MSF(1, num_inputs=2).double().eval()
    for fc in fusion.fc:
        nn.init.constant_(fc.weight, math.log(3))
    maps = [torch.full((1, 1, 2, 3), value, dtype=torch.float64) for value in (0, 1)]

    branch = fusion.maps(*maps)["branch"].flatten()

    # sigmoid(0) = 1/2 and sigmoid(ln 3) = 3/4
    want = torch.tensor([0.5, 0.75], dtype=torch.float64).softmax(dim=0)
    torch.testing.assert_close(branch, want)


@pytest.mark.parametrize("num_inputs", [2, 4])
@pytest.mark.parametrize(("fc_norm", "least"), [(False, 0.0), (True, 0.5)])
def test_no_map_can_take_it_all(num_inputs, fc_norm, least):
    fusion = MSF(1, num_inputs=num_inputs, fc_norm=fc_norm).double().eval()
    for place, fc in enumerate(fusion.fc):
        nn.init.constant_(fc.weight, 1e6 if place == 0 else -1e6)
    maps = [torch.ones(1, 1, 2, 3, dtype=torch.float64)] * num_inputs

    branch = fusion.maps(*maps)["branch"].flatten()

    # sigmoids from 0 to 1, or from 1/2 behind a ReLU
    others = (num_inputs - 1) * math.exp(least)
    assert branch[0].item() == pytest.approx(math.e / (math.e + others))


def test_the_bounds_of_four_maps_are_those_of_the_docstring():
    assert math.e / (math.e + 3) == pytest.approx(0.475, abs=1e-3)
    assert 1 / (1 + 3 * math.e) == pytest.approx(0.109, abs=1e-3)
    root = math.sqrt(math.e)
    assert root / (root + 3) == pytest.approx(0.355, abs=1e-3)
    assert 1 / (1 + 3 * root) == pytest.approx(0.168, abs=1e-3)


@pytest.mark.parametrize("name", ["msf", "mfe"])
def test_the_official_form_cuts_its_logits_at_zero(name):
    block = fv.create(f"{name}.official", 8).double().eval()
    fusion = block if name == "msf" else block.msf
    for norm in fusion.fc_bn:
        nn.init.constant_(norm.bias, -100)

    branch = block.maps(*maps_of(4 if name == "msf" else 1))["branch"]

    torch.testing.assert_close(branch, torch.full_like(branch, 0.25))


def test_fc_has_a_bias_only_with_its_norm():
    assert MSF(8).fc[0].bias is None
    assert len(MSF(8).fc_bn) == 0
    assert MSF(8, fc_norm=True).fc[0].bias is not None


@pytest.mark.parametrize("many", [0, 1, 3, 5])
def test_msf_wants_as_many_maps_as_it_was_built_for(many):
    with pytest.raises(ShapeError, match=rf"^MSF: takes 4 maps, got {many}\.$"):
        MSF(8).double()(*maps_of(many))


def test_msf_wants_two_maps_or_more():
    with pytest.raises(OptionError, match=r"num_inputs must be at least 2, got 1\."):
        MSF(8, num_inputs=1)


@pytest.mark.parametrize(
    ("name", "options"), [("msf", {"num_inputs": 2}), ("csf", {})], ids=["msf", "csf"]
)
def test_aligns_sizes_and_channels(name, options):
    fusion = fv.create(name, 8, align="first", in_channels=(8, 12), **options)
    fusion.double().eval()

    y = fusion(*maps_of(1, 8, (7, 5)), *maps_of(1, 12, (4, 3)))

    assert y.shape == (2, 8, 7, 5)
    assert "align.project.1.weight" in fusion.state_dict()


@pytest.mark.parametrize("name", ["msf.official", "mfe.official", "csf"])
def test_refuses_one_image_in_training(name):
    block = fv.create(name, 8).double().train()
    maps = maps_of(getattr(block, "num_inputs", 1), batch=1)

    assert block.training_batch == 2
    with pytest.raises(ValueError, match=ONE_IMAGE):
        block(*maps)


@pytest.mark.parametrize("name", ["msf", "mfe"])
def test_trains_on_one_image_without_the_norm(name):
    block = fv.create(name, 8).double().train()

    y = block(*maps_of(getattr(block, "num_inputs", 1), batch=1))

    assert block.training_batch == 1
    assert y.isfinite().all()


@pytest.mark.parametrize("name", ["msf", "mfe", "csf"])
def test_prints_nothing(name, capsys):
    block = fv.create(name, 8).double().eval()

    block(*maps_of(getattr(block, "num_inputs", 1)))

    assert capsys.readouterr() == ("", "")


def test_each_convolution_of_mfe_reads_the_one_before_and_the_input():
    block = perturbed(MFE(8))
    (x,) = maps_of(1)

    weights = block.maps(x)["branch"]
    answer, total = block.branches[0](x), x
    for place in range(4):
        total = total + weights[:, place] * answer
        if place < 3:
            answer = block.branches[place + 1](answer + x)

    torch.testing.assert_close(block(x), block.msf.project(total))


@pytest.mark.parametrize("dilations", [(1,), [2, 4], (1, 2, 3, 4, 5)], ids=repr)
def test_mfe_has_one_convolution_more_than_dilations(dilations):
    block = MFE(8, dilations=dilations).double().eval()

    found = [branch.conv.dilation[0] for branch in block.branches]
    assert found == [1, *dilations]
    assert block.maps(*maps_of(1))["branch"].shape[1] == 1 + len(dilations)


@pytest.mark.parametrize("dilations", [(), "248", 2, None], ids=repr)
def test_mfe_wants_one_dilation_or_more(dilations):
    words = (
        r"dilations must be a sequence of 1 or more whole numbers, such as \(2, 4, 8"
    )

    with pytest.raises(OptionError, match=words):
        MFE(8, dilations=dilations)


def test_mfe_rejects_a_dilation_of_zero():
    with pytest.raises(OptionError, match=r"dilations must be greater than 0, got 0\."):
        MFE(8, dilations=(2, 0))


def test_csf_has_as_many_parameters_as_its_layers():
    # 64 -> 16 -> 64 and two heads of 64, each with a bias and a BatchNorm
    widths = [(64, 16), (16, 64), (64, 64), (64, 64)]
    layers = [read * write + 3 * write for read, write in widths]

    assert count(CSF(64)) == sum(layers)
    assert count(CSF(64, upsample=2)) == sum(layers) + 4 * 64 * 64 + 3 * 64


def test_csf_has_the_bottleneck_of_the_official_network():
    assert CSF(128).fc1.conv.out_channels == 32


@pytest.mark.parametrize("upsample", [1, 2])
def test_csf_names_its_layers(upsample):
    layers = {key.rpartition(".")[0] for key in CSF(8, upsample=upsample).state_dict()}

    names = ["fc1", "fc2", "heads.0", "heads.1"] + ["up"] * (upsample - 1)
    assert layers == {f"{name}.{part}" for name in names for part in ("conv", "bn")}


def test_equal_maps_come_out_of_csf_as_they_are():
    fusion = perturbed(CSF(8))
    (x,) = maps_of(1)

    torch.testing.assert_close(fusion(x, x), x)


def test_zero_heads_of_csf_give_the_mean():
    fusion = perturbed(CSF(8))
    for head in fusion.heads:
        nn.init.zeros_(head.bn.weight)
        nn.init.zeros_(head.bn.bias)
    first, second = maps_of(2)

    torch.testing.assert_close(fusion(first, second), (first + second) / 2)


def test_csf_chooses_one_map_for_a_channel_if_its_head_says_so():
    fusion = perturbed(CSF(8))
    with torch.no_grad():
        fusion.heads[0].bn.bias[3] = 1e4
        fusion.heads[1].bn.bias[5] = 1e4
    first, second = maps_of(2)

    y = fusion(first, second)

    assert y[:, 3].equal(first[:, 3])
    assert y[:, 5].equal(second[:, 5])


def test_csf_sees_only_the_sum_of_the_means():
    fusion, (first, second) = perturbed(CSF(8)), maps_of(2)

    swapped = fusion.maps(second, first)["branch"]

    torch.testing.assert_close(swapped, fusion.maps(first, second)["branch"])


@pytest.mark.parametrize(("height", "width"), [(3, 5), (1, 1), (4, 1)])
def test_csf_enlarges_a_map_of_half_the_size(height, width):
    fusion = perturbed(CSF(8, upsample=2))
    (fine,) = maps_of(1, size=(2 * height, 2 * width))
    (coarse,) = maps_of(1, size=(height, width))

    y = fusion(fine, coarse)

    branch, enlarged = fusion.maps(fine, coarse)["branch"], fusion.up(coarse)
    assert y.shape == fine.shape
    torch.testing.assert_close(y, branch[:, 0] * fine + branch[:, 1] * enlarged)


def test_csf_says_which_sizes_upsampling_takes():
    words = (
        "CSF: input 2 is (2, 8, 4, 3), input 1 is (2, 8, 7, 5). With upsample=2, input "
        "1 must be twice as high and wide as input 2."
    )

    with pytest.raises(ShapeError, match=re.escape(words)):
        CSF(8, upsample=2).double()(*maps_of(1, size=(7, 5)), *maps_of(1, size=(4, 3)))


def test_csf_cuts_an_odd_map_to_size_if_told_to():
    fusion = CSF(8, upsample=2, align="first", in_channels=(8, 12)).double().eval()

    y = fusion(*maps_of(1, 8, (7, 5)), *maps_of(1, 12, (4, 3)))

    assert y.shape == (2, 8, 7, 5)


@pytest.mark.parametrize("upsample", [1, 2])
def test_csf_wants_two_maps(upsample):
    with pytest.raises(ShapeError, match=r"^CSF: takes 2 maps, got 3\.$"):
        CSF(8, upsample=upsample).double()(*maps_of(3))


def test_csf_names_a_map_of_another_type_before_it_enlarges_it():
    first, second = maps_of(2)

    with pytest.raises(ShapeError, match=r"^CSF: input 2 is .*float32"):
        CSF(8, upsample=2).double()(first, second.float())


def test_csf_enlarges_by_two_or_not_at_all():
    with pytest.raises(OptionError, match=r"^CSF: upsample must be 1 or 2, got 4\.$"):
        CSF(8, upsample=4)


@pytest.mark.parametrize("name", ["msf", "csf"])
def test_keeps_float32_under_autocast(name):
    fusion = fv.create(
        name, 8, align="first", in_channels=(4, 4, 4, 4)[: 4 if name == "msf" else 2]
    )
    maps = [x.float() for x in maps_of(fusion.num_inputs, 4)]

    with torch.autocast("cpu", torch.bfloat16):
        y = fusion.eval()(*maps)

    assert y.dtype == torch.float32
