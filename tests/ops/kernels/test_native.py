"""Kernels in C are compiled once, and where they cannot be, words say why."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from foveate import ops
from foveate.ops.kernels import native

LOAD = """
import pathlib, sys
from foveate.ops.kernels import native
native.SOURCES = pathlib.Path(sys.argv[1])
print(native.why_not())
"""

needs_compiler = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)


@pytest.fixture(autouse=True)
def _nothing_loaded():
    native.library.cache_clear()
    yield
    native.library.cache_clear()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder for compiled kernels."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("FOVEATE_CACHE", str(folder))
    return folder


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder of one kernel, which takes no time to compile, in place of ours."""
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "one.c").write_text("int fv_one(void) { return 1; }\n")
    monkeypatch.setattr(native, "SOURCES", folder)
    return folder


@pytest.fixture
def no_compiler(monkeypatch):
    """A machine without one."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)


@pytest.fixture
def compiler_log(tmp_path, monkeypatch):
    """A file to which the compiler adds a line at each call."""
    wrapper, log = tmp_path / "logged", tmp_path / "log"
    real = native._compiler()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real[0]} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("CC", str(wrapper))
    return log


def count_compiled(log):
    """Return how many times sources were compiled, and not a version asked for."""
    return log.read_text().count(" -o ")


def load_anew():
    native.library.cache_clear()
    return native.why_not()


def choice():
    return ops.explain(ops.simam, torch.ones(1, 4, 32, 33), 1e-4)[0]


@pytest.mark.usefixtures("no_compiler")
def test_no_compiler_is_a_reason_and_the_reference_runs(cache):
    found = choice()

    assert found.path == "reference"
    assert found.refusals["native"] == (
        "there is no C compiler: neither $CC, nor cc, gcc or clang"
    )
    assert not cache.exists()


@pytest.mark.usefixtures("no_compiler", "cache")
def test_a_kernel_without_a_compiler_is_an_error_that_says_so():
    with pytest.raises(RuntimeError, match="fv_simam cannot run: there is no C comp"):
        native.call("fv_simam")


def test_the_environment_can_turn_kernels_off(monkeypatch):
    monkeypatch.setenv("FOVEATE_NATIVE", "off")

    assert choice().refusals["native"] == "the environment says FOVEATE_NATIVE=off"


def test_another_system_is_a_reason(monkeypatch):
    monkeypatch.setattr(native.platform, "system", lambda: "Windows")

    why = native.why_not()

    assert why == "kernels in C are compiled on Linux only, this is Windows"


@needs_compiler
@pytest.mark.usefixtures("cache")
def test_a_compiler_that_fails_is_quoted(tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no such flag >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", f"{broken} -flag")

    assert native.why_not() == "compiling them failed: no such flag"
    assert choice().path == "reference"


@needs_compiler
@pytest.mark.usefixtures("sources")
def test_what_was_compiled_is_loaded_the_second_time(cache, compiler_log):
    assert load_anew() is None
    assert load_anew() is None

    assert count_compiled(compiler_log) == 1
    assert [file.suffix for file in cache.iterdir()] == [".so"]


@needs_compiler
@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("part", [0, 100, 8_000])
def test_a_file_that_was_cut_off_is_compiled_anew(cache, compiler_log, part):
    load_anew()
    (file,) = cache.iterdir()
    whole = file.stat().st_size
    # another file, as this process has the first one in its memory
    start = file.read_bytes()[:part]
    file.unlink()
    file.write_bytes(start)

    assert load_anew() is None

    assert native.library().fv_one() == 1
    assert count_compiled(compiler_log) == 2
    assert file.stat().st_size == whole


@needs_compiler
@pytest.mark.usefixtures("sources")
def test_a_folder_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(native.tempfile, "tempdir", str(temporary))

    found = native.library()

    assert found.fv_one() == 1
    assert not list(temporary.iterdir())


@pytest.mark.slow
@needs_compiler
def test_processes_that_start_together_leave_one_whole_file(cache, sources):
    command = [sys.executable, "-c", LOAD, str(sources)]

    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate()[0].strip() for process in started]

    assert said == ["None", "None"]
    assert [file.suffix for file in cache.iterdir()] == [".so"]
    assert load_anew() is None


def test_the_folder_is_the_one_that_the_environment_names(monkeypatch):
    monkeypatch.delenv("FOVEATE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/nowhere")

    assert native.folder() == Path("/nowhere/.cache/foveate")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert native.folder() == Path("/caches/foveate")
    monkeypatch.setenv("FOVEATE_CACHE", "/named")
    assert native.folder() == Path("/named")


@pytest.mark.slow
def test_an_import_compiles_nothing(tmp_path):
    wrapper, log = tmp_path / "logged", tmp_path / "log"
    wrapper.write_text(f"#!/bin/sh\necho called >> {log}\nexit 1\n")
    wrapper.chmod(0o755)
    surroundings = os.environ | {
        "CC": str(wrapper),
        "FOVEATE_CACHE": str(tmp_path / "cache"),
    }

    subprocess.run(
        [sys.executable, "-c", "import foveate.ops"], env=surroundings, check=True
    )

    assert not log.exists()
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_a_first_call_does_not_wake_the_compiler_of_torch():
    code = """
        import sys, torch, foveate as fv
        x = torch.randn(2, 64, 32, 32)
        fv.create("cbam", 64)(x)
        fv.create("simam", 64)(x)
        assert "torch._dynamo" not in sys.modules
    """

    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
