"""Ultralytics as it is installed, offline, and images to train on for a second."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageDraw

from foveate._loading import load_file

HERE = Path(__file__).parent
SIDE = 64

PRELUDE = f"""
import sys
sys.path[:0] = [{str(HERE.parent)!r}, {str(HERE)!r}]
import conftest, operators
held = operators.lend(conftest.OPERATORS)
import torch
torch.set_num_threads(1)
"""


@pytest.fixture(scope="session")
def library(timm, tmp_path_factory):
    """What the tests need of Ultralytics, which is kept off any network."""
    held = load_file(HERE / "operators.py").lend(())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOLO_OFFLINE", "true")
        patch.setenv("YOLO_AUTOINSTALL", "false")
        patch.setenv("YOLO_VERBOSE", "false")
        patch.setenv("YOLO_CONFIG_DIR", str(tmp_path_factory.mktemp("settings")))
        from ultralytics import YOLO  # isort: skip
        from ultralytics.models.yolo.detect import DetectionTrainer
        from ultralytics.nn import tasks

        yield SimpleNamespace(YOLO=YOLO, Trainer=DetectionTrainer, tasks=tasks)
    del held


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Sixteen images, each of a box and a disc, as Ultralytics reads them."""
    root = tmp_path_factory.mktemp("scenes")
    random = np.random.default_rng(0)
    for folder in ("images", "labels"):
        (root / folder).mkdir()
    for number in range(16):
        image = Image.new("RGB", (SIDE, SIDE), (30, 30, 40))
        pen = ImageDraw.Draw(image)
        lines = []
        for kind, draw in enumerate((pen.rectangle, pen.ellipse)):
            x, y = random.integers(0, 36, size=2).tolist()
            w, h = random.integers(12, 28, size=2).tolist()
            draw([x, y, x + w, y + h], fill=tuple(random.integers(90, 255, 3).tolist()))
            place = ((x + w / 2) / SIDE, (y + h / 2) / SIDE, w / SIDE, h / SIDE)
            lines.append(" ".join(map(str, (kind, *place))))
        image.save(root / "images" / f"{number}.png")
        (root / "labels" / f"{number}.txt").write_text("\n".join(lines))
    data = {"path": str(root), "train": "images", "val": "images"}
    (root / "data.yaml").write_text(yaml.safe_dump(data | {"names": ["box", "disc"]}))
    return root / "data.yaml"


@pytest.fixture(scope="session")
def running(scenes):
    """Arguments of every run."""
    return {
        "data": str(scenes),
        "imgsz": SIDE,
        "batch": 8,
        "device": "cpu",
        "workers": 0,
        "plots": False,
        "verbose": False,
    }


@pytest.fixture(scope="session")
def training(running):
    """Arguments of one epoch, of two steps."""
    return running | {
        "epochs": 1,
        "nbs": 8,
        "warmup_epochs": 0,
        "amp": False,
        "exist_ok": True,
    }


@pytest.fixture
def fresh(library):
    """A function that runs code in a new process and returns what it printed."""

    def run(code):
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + code],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"YOLO_VERBOSE": "false"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def images():
    """Random images, ``(2, 3, 64, 64)``."""
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def build(library, images):
    """A function that returns a new ``YOLO`` whose outputs depend on its maps.

    As it comes, its maps are so small and its scores so low that no output would show
    a change of a map.
    """

    def new(name):
        torch.manual_seed(0)
        yolo = library.YOLO(f"{name}.yaml")
        yolo.model.train()
        with torch.no_grad():
            for _ in range(30):
                yolo.model(images)
            for branch in yolo.model.model[-1].cv3:
                branch[-1].bias.zero_()
                branch[-1].weight.mul_(1000)
        yolo.model.eval()
        return yolo

    return new
