"""Kernels in Triton: interpreted on a CPU, and compiled for a GPU that is not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from foveate._loading import load_file

HERE = Path(__file__).parent


def test_operations_run_where_triton_is_not_installed():
    code = (
        "import sys; sys.modules['triton'] = None;"
        "import torch; from foveate import ops;"
        "assert ops.simam(torch.ones(1, 2, 3, 3), 0.1).shape == (1, 2, 3, 3);"
        "assert 'foveate.ops.kernels.triton' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0


@pytest.mark.slow
def test_kernels_agree_with_their_references_in_the_interpreter():
    pytest.importorskip("triton")
    # read when Triton is imported, so it takes a process of its own
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, HERE / "interpreted.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


class Hopper:
    """Stands for a driver: says what to compile for, and has no device."""

    def get_current_target(self):
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)

    def get_current_device(self):
        return "none"

    def get_current_stream(self, device):
        return None


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """Compile what is launched, for compute capability 9.0, instead of running it."""
    triton = pytest.importorskip("triton")
    if triton.knobs.runtime.interpret:
        pytest.skip("the environment asks for the interpreter")
    kernels = {}
    kind = triton.runtime.jit.JITFunction
    run = kind.run

    def compile_only(kernel, *args, grid, warmup, **kwargs):
        binary = run(kernel, *args, grid=grid, warmup=True, **kwargs)
        kernels[kernel.fn.__qualname__, len(kernels)] = binary

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kind, "run", compile_only)
    monkeypatch.setattr(triton.runtime.driver, "_active", Hopper())
    return kernels


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_kernels_compile_to_machine_code(compiled, dtype):
    cases = load_file(HERE / "cases.py")

    for case in cases.CASES:
        for shape in ((2, 16, 56, 56), case.large):
            inputs = case.inputs(cases.maps(shape, dtype))
            found = case.forward(*inputs)
            case.backward([torch.ones_like(y) for y in found], inputs, found)

    assert all(binary.asm["cubin"] for binary in compiled.values())
