"""``foveate look``: where networks look, in pictures and in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from foveate.cli._host import SettingWords
from foveate.cli._looks import (
    Output,
    look_at_test_images,
    look_with_model,
    look_with_runs,
)
from foveate.cli._words import class_of, options_of, pixel_of, size_of

__all__ = ["look"]

Method = Literal[
    "gradcam", "gradcam++", "layercam", "eigencam", "scorecam", "saliency", "none"
]
Scale = Literal["shared", "each"]

FORMATS = "png,svg,npz,json"

PLACES = 196
"""From so many places at most a pairwise block looks, for the page to click in."""


def look(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|RUNS",
            help="A model, as for the command cost, or the folder of a comparison, "
            "such as runs/quickstart: then every network of it looks.",
            show_default=False,
        ),
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGES]...",
            help="Files. Without any, a comparison is looked at on its test images.",
            show_default=False,
        ),
    ] = None,
    *,
    cam: Annotated[
        Method, typer.Option(help="What makes the class activation map.")
    ] = "layercam",
    blocks: Annotated[
        bool, typer.Option("--blocks", help="Show what blocks look at, too.")
    ] = False,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Where the map is taken, such as layer4; found if not given. Several "
            "times for several.",
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            metavar="CLASS",
            help="What the map speaks for, by number or name; the likeliest class or "
            "the best boxes if not given.",
        ),
    ] = "",
    size: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="What images are resized to: 224 (the shorter side) or 320x480.",
        ),
    ] = "",
    query: Annotated[
        str,
        typer.Option(
            metavar="ROW,COLUMN",
            help="The pixel of the images from which pairwise blocks look; the centre "
            "if not given.",
        ),
    ] = "",
    click: Annotated[
        bool,
        typer.Option(
            "--click",
            help="With --blocks: write a page for each image in which one clicks on a "
            "place and sees where it looks, in pairwise blocks. Takes a while.",
        ),
    ] = False,
    weights: Annotated[
        Path | None,
        typer.Option(help="A file of weights; one of fv.save brings its blocks."),
    ] = None,
    settings: SettingWords = None,
    most_boxes: Annotated[
        int, typer.Option(min=1, help="Of a detector: boxes in an image, at most.")
    ] = 3,
    least_score: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Of a detector: their scores, at least."),
    ] = 0.25,
    scale: Annotated[
        Scale,
        typer.Option(
            help="One scale for all maps, or each from its own lowest to its highest."
        ),
    ] = "shared",
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for the files; looks if not given."),
    ] = None,
    formats: Annotated[
        str, typer.Option(metavar="FORMATS", help="Which files to write.")
    ] = FORMATS,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show where a network looks, and what its blocks do, in images.

    Writes a grid of images and maps, an overlay for each map, charts of what blocks do
    to channels, and the numbers. A model has random weights unless a file of weights is
    given. An image that cannot be read is named and stops no other.
    """
    # a folder may bear the name of a network, such as one that --out made
    runs = Path(model) if Path(model, "grid.json").is_file() else None
    output = Output(
        out or Path("looks"), [form.strip() for form in formats.split(",")], scale, json
    )
    if runs is not None and (weights or settings):
        raise typer.BadParameter(
            f"{model} is a folder of runs, which have their own weights: leave out "
            "--weights and --set."
        )
    if not images:
        if runs is None:
            raise typer.BadParameter(
                f"which images? Name files after {model}, which is not the folder of "
                "a comparison."
            )
        _refuse_without_images(
            {
                "--blocks": blocks,
                "--target": target,
                "--size": size,
                "--query": query,
                "--click": click,
                "--scale each": scale == "each",
                "--out": out,
                "--formats": formats != FORMATS,
            }
        )
        if cam == "none":
            raise typer.BadParameter("test images are looked at by a --cam.")
        look_at_test_images(runs, cam, layer, json=json)
        return
    if not blocks:
        _refuse_without_blocks(
            {"--click": click, "--query": query, "--cam none": cam == "none"}
        )
    asked: dict[str, Any] = {
        "cam": None if cam == "none" else cam,
        "blocks": blocks,
        "target_layers": layer or None,
        "targets": class_of(target),
        "query": pixel_of(query),
        "places": PLACES if click else 0,
        "most_boxes": most_boxes,
        "least_score": least_score,
    }
    if size:
        asked["size"] = size_of(size)
    if runs is None:
        options = options_of(settings, "--set")
        look_with_model(model, images, asked, output, options=options, weights=weights)
    else:
        look_with_runs(runs, images, asked, output)


def _refuse_without_blocks(options: dict[str, object]) -> None:
    """Refuse what says nothing of a network of which no block is asked for."""
    for name, value in options.items():
        if value:
            raise typer.BadParameter(f"{name} is about blocks: give --blocks too.")


def _refuse_without_images(options: dict[str, object]) -> None:
    """Refuse what says nothing of the test images of a comparison."""
    given = [name for name, value in options.items() if value]
    if given:
        raise typer.BadParameter(
            f"{', '.join(given)}: of images that you name, and there are none. The "
            "test images of a comparison take --cam and --layer."
        )
