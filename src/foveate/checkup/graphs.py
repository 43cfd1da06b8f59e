"""Whether a block becomes one graph: compiled, exported, and as ONNX."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from foveate.checkup._blame import BlockError, blaming
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._numbers import must_agree, shape_text
from foveate.checkup._patient import Patient
from foveate.errors import MissingExtraError

__all__ = ["CHECKS"]

EXAMPLE = (2, (6, 10))
OTHERS = ((3, (9, 4)), (1, (5, 13)))
TOLERANCE = 1e-3


@check(
    title="Compiles to one graph",
    protects="torch.compile breaks its graph at an if on values, such as a check for "
    "NaN: each break costs the speed that it was to bring.",
    cure="Replace an if on values by torch.where, and .item() by the tensor itself; "
    "check values in the caller.",
    rests_on=("prints_nothing", "functionalizes", "any_size"),
)
def compiles(patient: Patient) -> tuple[str, ...]:
    """Compile without a break, and compare the numbers at several sizes."""
    supported = torch._dynamo.is_dynamo_supported  # type: ignore[attr-defined]  # noqa: SLF001
    if not supported():
        raise NotExaminedError("PyTorch cannot compile with this version of Python.")
    block = patient.block()
    graphs: list[object] = []
    compiled = _compiled(patient, block, graphs)
    for batch, size in (EXAMPLE, OTHERS[0]):
        maps = patient.maps(batch, size)
        copies = [_free(x.clone(), patient) for x in maps]
        try:
            with torch.no_grad(), blaming():
                found = compiled(*copies)
        except BlockError as problem:
            raise Fault("It does not compile to one graph.", problem.seen) from None
        must_agree(
            found,
            patient.answer(block, maps),
            patient.tolerance,
            "Compiled, it answers otherwise.",
            f"on {shape_text(maps[0])}:",
        )
    return (f"Compiled {len(graphs)} times for 2 shapes.",)


@check(
    title="Exports with batch and sides left free",
    protects="A size that becomes a Python number, such as int(H) or a loop over rows, "
    "is fixed in the exported program: it runs at one size only.",
    cure="Use x.shape[2] as it is: no int(), no loop or if on a size, torch.sym_max "
    "instead of max, torch.arange instead of torch.linspace. Use .detach() instead of "
    ".data.",
    # what is reached by .data is hidden from gradients and exporters alike
    rests_on=("compiles", "images_are_independent", "every_parameter_learns"),
)
def exports(patient: Patient) -> None:
    """Export with torch.export, and compare the numbers at other sizes."""
    block = patient.block(torch.float32)
    run = _exported(patient, block).module()
    for batch, size in OTHERS:
        maps = patient.maps(batch, size, dtype=torch.float32)
        try:
            with torch.no_grad(), blaming():
                found = run(*[x.clone() for x in maps])
        except BlockError as problem:
            raise Fault(
                "What it exports to does not take other sizes.",
                f"on {shape_text(maps[0])}: {problem.says}",
            ) from None
        must_agree(
            found,
            patient.answer(block, maps),
            TOLERANCE,
            "Exported, it answers otherwise.",
            f"on {shape_text(maps[0])}:",
        )


@check(
    title="Exports to ONNX with batch and sides left free",
    protects="adaptive_avg_pool2d(x, (H, 1)) becomes a pooling whose window is that of "
    "the example: at another size the ONNX model is wrong without a word.",
    cure="Pool by x.mean(dim=3, keepdim=True) or x.amax(...); use operations that ONNX "
    "has.",
    rests_on=("exports", "leaves_input_alone"),
)
def exports_to_onnx(patient: Patient) -> None:
    """Export to ONNX, and compare with ONNX Runtime at other sizes."""
    block = patient.block(torch.float32)
    run = _onnx(patient, block)
    for batch, size in OTHERS:
        maps = patient.maps(batch, size, dtype=torch.float32)
        try:
            with blaming():
                found = run(maps)
        except BlockError as problem:
            raise Fault(
                "The ONNX model does not take other sizes.",
                f"on {shape_text(maps[0])}: {problem.says}",
            ) from None
        must_agree(
            found,
            patient.answer(block, maps),
            TOLERANCE,
            "The ONNX model answers otherwise.",
            f"on {shape_text(maps[0])}, exported from batch {EXAMPLE[0]}, "
            f"{EXAMPLE[1][0]}x{EXAMPLE[1][1]}:",
        )


def _compiled(
    patient: Patient, block: nn.Module, graphs: list[object]
) -> Callable[..., Tensor]:
    def backend(graph: torch.fx.GraphModule, _examples: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    def forward(*maps: Tensor) -> Tensor:
        return patient.call(block, maps)

    # PyTorch keeps what it compiled with a code: with this copy it is gone afterwards
    code = forward.__code__.replace(co_name="doctor")
    own = FunctionType(code, globals(), "doctor", None, forward.__closure__)
    compiled: Callable[..., Tensor] = torch.compile(
        own, fullgraph=True, backend=backend
    )
    return compiled


def _free(x: Tensor, patient: Patient) -> Tensor:
    for axis in _free_axes(patient):
        torch._dynamo.maybe_mark_dynamic(x, axis)  # noqa: SLF001
    return x


def _free_axes(patient: Patient) -> tuple[int, ...]:
    return (0, 2, 3) if patient.size is None else (0,)


class _OneByOne(nn.Module):
    """A block that takes its maps one by one, whatever it takes itself."""

    def __init__(self, patient: Patient, block: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.arguments = patient.arguments

    def forward(self, *maps: Tensor) -> Tensor:
        """Return the answer of the block."""
        answer: Tensor = self.block(*self.arguments(maps))
        return answer


def _exported(patient: Patient, block: nn.Module) -> ExportedProgram:
    batch, size = EXAMPLE
    maps = tuple(patient.maps(batch, size, dtype=torch.float32))
    free = dict.fromkeys(_free_axes(patient), Dim.DYNAMIC)
    shapes = {"maps": (free,) * patient.inputs}
    whole = _OneByOne(patient, block)
    try:
        with torch.no_grad(), blaming():
            return torch.export.export(whole, maps, dynamic_shapes=shapes, strict=False)
    except BlockError as problem:
        raise Fault("It does not export.", problem.seen) from None


def _onnx(patient: Patient, block: nn.Module) -> Callable[[list[Tensor]], Tensor]:
    """Return what ONNX Runtime answers for ``block``, exported from one shape."""
    try:
        import onnxruntime  # type: ignore[import-untyped]
        import onnxscript  # noqa: F401
    except ImportError as missing:
        raise NotExaminedError(
            str(MissingExtraError.of("onnx", missing.name or "onnx"))
        ) from None
    program = _exported(patient, block)
    try:
        with torch.no_grad(), blaming():
            exported = torch.onnx.export(program, dynamo=True, verbose=False)
            model = exported.model_proto.SerializeToString()  # type: ignore[union-attr]
            settings = onnxruntime.SessionOptions()
            settings.log_severity_level = 4  # what it says comes as an exception too
            session = onnxruntime.InferenceSession(
                model, settings, providers=["CPUExecutionProvider"]
            )
    except BlockError as problem:
        raise Fault("It does not export to ONNX.", problem.says) from None
    names = [entry.name for entry in session.get_inputs()]

    def run(maps: list[Tensor]) -> Tensor:
        feed = dict(zip(names, [x.numpy() for x in maps], strict=True))
        return torch.from_numpy(session.run(None, feed)[0])

    return run


CHECKS: tuple[Check, ...] = (compiles, exports, exports_to_onnx)
