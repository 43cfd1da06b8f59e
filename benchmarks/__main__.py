"""``python -m benchmarks``: measure, write the results, write the page."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmarks import measuring, rendering, results, running, textbook

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
PATHS = ("fastest", "reference", "native", "triton", "eager")
PAGE_OF = ("cpu", "float32", "fastest")
RESULTS = ROOT / "benchmarks" / "results"
QUICK = (*measuring.PASSES, "safm", "soca")
"""Blocks that take no seconds."""
DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def main() -> None:
    """Read the options and run."""
    options = _parser().parse_args()
    if options.render is not None:
        _write_page(results.load(options.render))
        return
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    request = _request(options)
    keep = None
    if options.output is not None:
        keep = partial(results.save, path=options.output)
    found = running.run(request, keep)
    print(rendering.render(found))
    if options.output is not None:
        results.save(found, options.output)
    elif request == running.Request(settings=request.settings, path=request.path):
        results.save(found, RESULTS / f"{found.machine.slug}.json")
        machine = found.machine
        if (machine.device, machine.dtype, machine.path) == PAGE_OF:
            _write_page(found)


def _request(options: argparse.Namespace) -> running.Request:
    settings = measuring.Settings(device=options.device, dtype=DTYPES[options.dtype])
    request = running.Request(settings=settings, path=options.path)
    if options.quick:
        request = replace(
            request,
            blocks=QUICK,
            shapes=running.SHAPES[:1],
            sections=("blocks", "saved"),
            compiled=False,
            contracts=False,
            settings=replace(settings, seconds=0.8),
        )
    given = {
        "blocks": options.blocks,
        "shapes": options.shapes,
        "sections": options.sections,
    }
    return replace(request, **{k: v for k, v in given.items() if v is not None})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="the light gates at one shape, nothing compiled, own tests only",
    )
    parser.add_argument("--blocks", type=_names(textbook.FORMS), help="such as se,cbam")
    parser.add_argument("--shapes", type=_shapes, help="such as 8x256x56x56,1x64x9x7")
    parser.add_argument(
        "--sections",
        type=_names(running.SECTIONS),
        help=f"of {','.join(running.SECTIONS)}",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--threads", type=int, help="default: those of torch")
    parser.add_argument(
        "--path",
        choices=PATHS,
        default="fastest",
        help="run ours on this path of the operations only",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="write the results there, as JSON; a full run writes them to "
        "benchmarks/results/, and the page docs/performance.md",
    )
    parser.add_argument(
        "--render", type=Path, help="measure nothing: write the page from this file"
    )
    return parser


def _names(known: object) -> object:
    def names(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        for name in found:
            if name not in known:
                message = f"no {name!r}; there are {', '.join(known)}"
                raise argparse.ArgumentTypeError(message)
        return found

    return names


def _shapes(text: str) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(n) for n in shape.split("x")) for shape in text.split(","))


def _write_page(found: results.Results) -> None:
    page = PAGE.read_text(encoding="utf-8")
    tables = rendering.render(found)
    PAGE.write_text(rendering.place(page, tables), encoding="utf-8")


if __name__ == "__main__":
    main()
