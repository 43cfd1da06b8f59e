"""Small blocks, each with one defect that is found in public code."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

CASES = []


@dataclass(frozen=True)
class Case:
    """A block, the one check that must fail, words to be said, what is told."""

    block: type[nn.Module]
    finds: str
    says: str
    told: dict[str, object]


def defect(finds, *, says, **told):
    def add(block):
        CASES.append(Case(block, finds, says, told))
        return block

    return add


class Sick(nn.Module):
    """A channel gate without defect, for the others to spoil."""

    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def gate(self, x):
        return self.fc(x.mean(dim=(2, 3), keepdim=True)).sigmoid()

    def forward(self, x):
        return x * self.gate(x)


@defect("answers", says="forward returns a tuple of 2, not a tensor")
class ReturnsTwo(Sick):
    def forward(self, x):
        return x * self.gate(x), self.gate(x)


@defect("answers", says="values are NaN")
class LogarithmOfAnything(Sick):
    def forward(self, x):
        return self.fc(x.log())


@defect("answers", says="missing 1 required positional argument")
class WantsTwo(Sick):
    def forward(self, x, other):
        return x * self.gate(other)


@defect("keeps_shape", says="(2, 16, 16, 12) in, (2, 16, 1, 1) out")
class GateAlone(Sick):
    def forward(self, x):
        return self.gate(x)


@defect("any_size", says="7x7: RuntimeError")
class HalvesAndDoubles(Sick):
    def forward(self, x):
        small = self.fc(functional.avg_pool2d(x, 2))
        return x * functional.interpolate(small, scale_factor=2).sigmoid()


@defect("any_size", says="answers others without a word", size=(16, 12))
class KnowsOnlyTheProduct(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Linear(16 * 12, 16 * 12)

    def forward(self, x):
        return x * self.fc(x.mean(dim=1).flatten(1)).sigmoid().reshape_as(x[:, :1])


@defect("tiny_maps", says="1x1: 32 of 32 values are NaN")
class DividesByOneLess(nn.Module):
    """Takes no channels, as SimAM does in its authors' code."""

    def __init__(self, e_lambda=1e-4):
        super().__init__()
        self.e_lambda = e_lambda

    def forward(self, x):
        others = x.shape[2] * x.shape[3] - 1
        far = (x - x.mean(dim=(2, 3), keepdim=True)).float().square()
        variance = far.sum(dim=(2, 3), keepdim=True) / others
        return x * (far / (4 * (variance + self.e_lambda)) + 0.5).sigmoid().to(x.dtype)


@defect("few_channels", says="EmptyBottleneck(8) has empty layers")
class EmptyBottleneck(nn.Module):
    def __init__(self, channel, reduction=16):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channel, channel // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channel // reduction, channel, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        gate = self.fc(x.mean(dim=(2, 3)))
        return x * gate[:, :, None, None]


@defect("few_channels", says="ZeroDivisionError")
class DividesByGroups(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.repeats = channels // (channels // 16)


@defect("every_layer_is_registered", says="self.branches[0] holds a Conv2d")
class HiddenLayers(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.branches = [
            nn.Conv2d(channels, channels, k, padding=k // 2) for k in (1, 3)
        ]

    def forward(self, x):
        return x * sum(branch(x) for branch in self.branches).sigmoid()


@defect(
    "every_tensor_is_registered",
    says="self.offset is a tensor of (1, 16, 1, 1), torch.float32, cpu",
)
class HiddenTensor(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.offset = torch.rand(1, channels, 1, 1)

    def forward(self, x):
        return x * self.gate(x + self.offset)


@defect("blocks_share_nothing", says="norm.weight")
class SharedDefault(Sick):
    def __init__(self, channels, norm=nn.BatchNorm2d(16)):  # noqa: B008
        super().__init__(channels)
        self.norm = norm if channels == 16 else nn.BatchNorm2d(channels)

    def forward(self, x):
        return x * self.gate(self.norm(x))


@defect("prints_nothing", says="1 lines, the last: 'torch.Size([2, 16, 1, 1])'")
class Prints(Sick):
    def forward(self, x):
        gate = self.gate(x)
        print(gate.shape)  # noqa: T201
        return x * gate


@defect("leaves_input_alone", says="values of input 1 have changed")
class WritesIntoItsInput(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(x) * self.gate(x)


@defect("leaves_input_alone", says="values of input 2 have changed", inputs=2)
class WritesIntoTheSecond(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, fine, coarse):
        coarse += fine
        return self.fc(coarse)


@defect(
    "no_layers_made_in_forward",
    says="new layers: Conv2d; new names: conv, conv.bias, conv.weight",
)
class MakesLayersLate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = None

    def forward(self, x):
        if self.conv is None:
            self.conv = nn.Conv2d(x.shape[1], x.shape[1], 1)
        return x * self.conv(x).sigmoid()


@defect("no_layers_made_in_forward", says="new layers: BatchNorm2d; new names: none")
class MakesLayersEachTime(Sick):
    def forward(self, x):
        return x * self.gate(nn.BatchNorm2d(x.shape[1]).to(x)(x))


@defect("no_state_in_forward", says="copy.deepcopy then fails: RuntimeError")
class KeepsItsGate(Sick):
    def forward(self, x):
        self.attention = self.gate(x)
        return x * self.attention


@defect("no_state_in_forward", says="changed: self.gates")
class CollectsItsGates(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.gates = []

    def forward(self, x):
        self.gates.append(self.gate(x))
        return x * self.gates[-1]


@defect("no_state_in_forward", says="changed: calls")
class CountsInEvaluation(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x * self.gate(x)


@defect("uses_no_unset_memory", says="values are NaN")
class AddsUnsetMemory(Sick):
    def forward(self, x):
        # so much that the system gives new pages, which are 0 by chance: the defect
        # shows in no other check
        unset = x.new_empty(1 << 24)
        return x * self.gate(x) + unset[:1]


@defect("repeatable", says="answers the same input differently")
class DropsAlways(Sick):
    def forward(self, x):
        return x * self.gate(functional.dropout(x, 0.1))


@defect("functionalizes", says="the same without in-place writes")
class ShiftsInPlace(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.quarter = channels // 4
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        y, q = self.fc(x), self.quarter
        y[:, :q, 1:] = y[:, :q, :-1]
        y[:, q : 2 * q, :-1] = y[:, q : 2 * q, 1:]
        y[:, 2 * q : 3 * q, :, 1:] = y[:, 2 * q : 3 * q, :, :-1]
        y[:, 3 * q :, :, :-1] = y[:, 3 * q :, :, 1:]
        return y


@defect("keeps_dtype", says="torch.bfloat16 in, torch.float32 out")
class MasksInFloat32(Sick):
    def forward(self, x):
        mask = torch.ones(x.shape[2], x.shape[3], device=x.device)
        # a plain 1 would do; the type of the mask is what is wrong
        return x * self.gate(x) * mask


@defect("half_precision_numbers", says="torch.float16: off by")
class SumsSquaresInHalf(Sick):
    def forward(self, x):
        norm = (x.square().sum(dim=(2, 3), keepdim=True) + 1e-3).sqrt()
        return x * self.fc(norm / norm.mean(dim=1, keepdim=True)).sigmoid()


@defect("passes_gradients", says="input 1: None")
class DetachesItsInput(Sick):
    def forward(self, x):
        return x.detach() * self.gate(x.detach())


@defect("passes_gradients", says="modified by an inplace operation")
class ChangesWhatWasSaved(Sick):
    def forward(self, x):
        gate = self.gate(x)
        y = x * gate
        gate.mul_(2)
        return y


@defect(
    "every_parameter_learns", says="none, or 0 throughout: spare.bias, spare.weight"
)
class UnusedLayer(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.spare = nn.Conv2d(channels, channels, 1)


@defect("every_parameter_learns", says="none, or 0 throughout: strength")
class ScaleThroughData(Sick):
    """An exporter cannot follow .data either, for the same reason."""

    def __init__(self, channels):
        super().__init__(channels)
        self.strength = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x):
        return x * self.gate(x) * self.strength.data


@defect("every_parameter_learns", says="1 of 3 parameters get no gradient")
class ScalesByData(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x):
        return x * self.gate(x * self.scale.detach())


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        gate = x.sigmoid()
        return slope * gate * (1 - gate)  # the derivative of the sigmoid alone


@defect("gradients_are_right", says="backward by hand: Swish")
class WrongBackward(Sick):
    def forward(self, x):
        return Swish.apply(self.fc(x))


@defect("finite_on_hard_input", says="all values 0, evaluation")
class DividesByTheLargest(Sick):
    def forward(self, x):
        return x * self.gate(x / x.abs().amax(dim=(2, 3), keepdim=True))


@defect("finite_on_hard_input", says="The gradient of the input is not finite")
class RootOfVariance(Sick):
    def forward(self, x):
        spread = x.var(dim=(2, 3), keepdim=True, unbiased=False).sqrt()
        return x * self.fc(spread).sigmoid()


@defect("channels_last", says="Use .reshape(...) instead")
class ViewsAll(Sick):
    def forward(self, x):
        largest = x.view(x.shape[0], -1).abs().mean(dim=1)
        return x * self.gate(x) * (1 + largest)[:, None, None, None]


@defect("keeps_memory_format", says="a matter of speed")
class ReshapesOnTheWayOut(Sick):
    def forward(self, x):
        batch, channels, height, width = x.shape
        rows = x.reshape(batch, channels, height * width)
        gate = self.gate(x).flatten(2)
        return (rows * gate).reshape(batch, channels, height, width).contiguous()


@defect("strided_input", says="Use .reshape(...) instead")
class ViewsPlaces(Sick):
    def forward(self, x):
        batch, channels, _, _ = x.shape
        largest = x.view(batch, channels, -1).amax(dim=2)
        return x * self.fc(largest[:, :, None, None]).sigmoid()


@defect("images_are_independent", says="image 1 of 3, alone against within the batch")
class SoftmaxOverTheBatch(Sick):
    def forward(self, x):
        return x * self.fc(x.mean(dim=(2, 3), keepdim=True)).softmax(dim=0)


@defect("images_are_independent", says="cannot answer a single image")
class SqueezesTheBatch(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x):
        mean = x.mean(dim=(2, 3), keepdim=True).squeeze()
        gate = self.fc(mean.unsqueeze(1)).squeeze(1).sigmoid()
        return x * gate.reshape(*x.shape[:2], 1, 1)


@defect("one_image_in_training", says="Expected more than 1 value per channel")
class NormalizesOnePlace(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.norm = nn.BatchNorm2d(channels)

    def gate(self, x):
        return self.norm(self.fc(x.mean(dim=(2, 3), keepdim=True))).sigmoid()


@defect("alive_at_start", says="answers 0 to everything")
class StartsAtZero(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.gamma * x * self.gate(x)


@defect("alive_at_start", says="cannot begin to learn")
class StartsBothAtZero(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        nn.init.zeros_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.gamma * self.fc(x)


@defect(
    "gate_not_saturated_at_start",
    says="16x12: 100% of the gate are within 0.001 of 0 or 1",
)
class StartsOpen(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        nn.init.constant_(self.fc.bias, 10)


@defect("gate_not_saturated_at_start", says="The gate of a new block is stuck")
class SumsOverPlaces(Sick):
    def gate(self, x):
        return self.fc(x.abs().sum(dim=(2, 3), keepdim=True)).sigmoid()


@defect("deepcopy_and_pickle", says="pickle fails")
class KeepsALambda(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.shape = lambda gate: gate.sigmoid()

    def gate(self, x):
        return self.shape(self.fc(x.mean(dim=(2, 3), keepdim=True)))


@defect("state_dict_round_trip", says="saved and loaded answers otherwise")
class DrawsAnOrder(Sick):
    def __init__(self, channels):
        super().__init__(channels)
        self.order = torch.randperm(channels).tolist()

    def forward(self, x):
        return x * self.gate(x[:, self.order])


@defect("runs_on_any_device", says="Expected all tensors to be on the same device")
class MasksOnTheCpu(Sick):
    def forward(self, x):
        mask = torch.ones(x.shape[2], x.shape[3], dtype=x.dtype)
        return x * self.gate(x * mask)


@torch.compiler.assume_constant_result
def threads():
    return torch.get_num_threads()


@defect("same_with_any_threads", says="4 threads against one")
class WorksByThread(Sick):
    """Stands for a race, which no test can be sure to win."""

    def gate(self, x):
        parts = x.mean(dim=(2, 3), keepdim=True).chunk(threads(), dim=1)
        means = [p.mean(dim=1, keepdim=True).expand_as(p) for p in parts]
        return self.fc(torch.cat(means, dim=1)).sigmoid()


@defect("runs_under_autocast", says="index_add_(): self")
class AddsWhatAutocastRounded(Sick):
    def forward(self, x):
        order = torch.arange(x.shape[1], device=x.device).flip(0)
        return (x + 0).index_add_(1, order, self.fc(x))


@defect("deterministic_algorithms", says="does not have a deterministic implementation")
class UnpoolsMaxima(Sick):
    def forward(self, x):
        peaks, places = functional.max_pool2d(x, 3, 1, 1, return_indices=True)
        return x * self.gate(x) + functional.max_unpool2d(peaks, places, 3, 1, 1)


@defect("compiles", says="data-dependent")
class LooksAtValues(Sick):
    def forward(self, x):
        if torch.isnan(x).any():
            raise ValueError("NaN in the input")
        return x * self.gate(x)


@defect("exports", says="does not export")
class SharesByData(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        share = self.norm.weight.data.abs() / self.norm.weight.data.abs().sum()
        return x * (self.norm(x) * share[:, None, None]).sigmoid()


@defect("exports", says="does not export")
class LoopsOverRows(Sick):
    def forward(self, x):
        rows = [x[:, :, i].mean(dim=2) for i in range(x.shape[2])]
        means = torch.stack(rows, dim=2)[:, :, :, None]
        return x * self.fc(means).sigmoid()


@defect("exports_to_onnx", says="The ONNX model answers otherwise")
class PoolsAdaptively(Sick):
    def forward(self, x):
        rows = functional.adaptive_avg_pool2d(x, (x.shape[2], 1))
        return x * self.fc(rows).sigmoid()


@defect("images_are_independent", says="depends on the others in the batch", inputs=2)
class MixesFusedImages(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, maps):
        x, other = maps
        gate = self.fc(torch.cat([x, other], dim=1)).softmax(dim=0)
        return x * gate + other * (1 - gate)
