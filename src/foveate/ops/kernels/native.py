"""Kernels in C: compiled once by the machine's own compiler, called through ctypes.

Installing needs no compiler. At first use, if there is one, the files in ``c/`` are
compiled, in about a second, for the processor at hand and kept in the user's cache.
Without one the operations run their references, and ``ops.explain`` says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["call", "folder", "library", "why_not"]

SOURCES = Path(__file__).with_name("c")
FLAGS = (
    "-O3",
    "-std=gnu11",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp",
    "-fPIC",
    "-shared",
)
LONGEST_S = 120
LONGEST_MESSAGE = 300


def why_not() -> str | None:
    """Return None if the kernels can be called, else why they cannot."""
    found = library()
    return found if isinstance(found, str) else None


def call(kernel: str, *values: Tensor | float | None) -> None:
    """Run a kernel on as many threads as torch uses.

    Args:
        kernel: The name of a function in ``c/``.
        *values: Its arguments but the last, the number of threads: a tensor is passed
            as the address of its first value, None as no address, whole numbers as
            ``int64_t``, others as ``double``.
    """
    reason = why_not()
    if reason is not None:
        raise RuntimeError(f"ops: the kernel {kernel} cannot run: {reason}.")
    threads = ctypes.c_int64(torch.get_num_threads())
    getattr(library(), kernel)(*map(_as_c, values), threads)


@functools.cache
def library() -> ctypes.CDLL | str:
    """Return the compiled kernels, or why there are none."""
    if os.environ.get("FOVEATE_NATIVE", "on") == "off":
        return "the environment says FOVEATE_NATIVE=off"
    if platform.system() != "Linux":
        return f"kernels in C are compiled on Linux only, this is {platform.system()}"
    try:
        compiler = _compiler()
        if compiler is None:
            return "there is no C compiler: neither $CC, nor cc, gcc or clang"
        return _loaded(compiler)
    # no home is a RuntimeError, an open quotation mark in $CC a ValueError
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as problem:
        said = getattr(problem, "stderr", "") or str(problem)
        return f"compiling them failed: {said.strip()[:LONGEST_MESSAGE]}"


def folder() -> Path:
    """Return where compiled kernels are kept.

    ``$FOVEATE_CACHE`` says where, else ``$XDG_CACHE_HOME/foveate`` or
    ``~/.cache/foveate``.
    """
    named = os.environ.get("FOVEATE_CACHE")
    if named:
        return Path(named)
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "foveate"


def _as_c(
    value: Tensor | float | None,
) -> ctypes.c_void_p | ctypes.c_double | ctypes.c_int64:
    if isinstance(value, Tensor):
        return ctypes.c_void_p(value.data_ptr())
    if isinstance(value, float):
        return ctypes.c_double(value)
    return ctypes.c_void_p() if value is None else ctypes.c_int64(value)


def _compiler() -> list[str] | None:
    for named in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        words = shlex.split(named)
        if words and shutil.which(words[0]):
            return words
    return None


def _loaded(compiler: list[str]) -> ctypes.CDLL:
    """Return the kernels of these sources, for this compiler and processor."""
    command = [*compiler, *FLAGS, _for_this_processor()]
    key = hashlib.sha256(repr([command, _version(compiler), _processor()]).encode())
    for source in sorted(SOURCES.iterdir()):
        key.update(source.read_bytes())
    kept = folder() / f"kernels-{key.hexdigest()[:16]}.so"
    with contextlib.suppress(OSError):
        # a file that was cut off lacks its last bytes, and would end the process
        if kept.read_bytes().endswith(key.digest()):
            return ctypes.CDLL(str(kept))
    # where the folder cannot be written they are compiled anew in each process
    with tempfile.TemporaryDirectory(dir=_folder_if_writable()) as made:
        target = _compile(command, Path(made) / kept.name)
        with target.open("ab") as file:
            file.write(key.digest())
        # loaded, it stays in memory when the file has gone
        found = ctypes.CDLL(str(target))
        with contextlib.suppress(OSError):
            # whole or not there, also for processes that start at the same time
            target.replace(kept)
        return found


def _folder_if_writable() -> Path | None:
    with contextlib.suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
    return folder() if os.access(folder(), os.W_OK) else None


def _compile(command: list[str], target: Path) -> Path:
    files = [str(source) for source in sorted(SOURCES.glob("*.c"))]
    subprocess.run(  # noqa: S603
        [*command, "-o", str(target), *files, "-lm"],
        check=True,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    return target


def _for_this_processor() -> str:
    return "-mcpu=native" if platform.machine() == "aarch64" else "-march=native"


def _version(compiler: list[str]) -> str:
    return subprocess.run(  # noqa: S603
        [*compiler, "--version"],
        check=True,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    ).stdout


def _processor() -> str:
    """Return what the processor can do: a home may be shared by several machines."""
    text = Path("/proc/cpuinfo").read_text()
    lines = {line for line in text.splitlines() if line.startswith(("flags", "Feat"))}
    return f"{platform.machine()} {sorted(lines)}"
