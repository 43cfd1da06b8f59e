"""The guide's code runs as it stands, but for the number of epochs."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from foveate.surgery import planned

# the code is run: ten seconds
pytestmark = [pytest.mark.ultralytics, pytest.mark.slow]

GUIDE = Path(__file__).parents[2] / "docs" / "ultralytics.md"


def test_the_code_of_the_guide_runs(build, scenes, training, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build("yolo11n").save("yolo11n.pt")
    shutil.copy(scenes, "data.yaml")
    Image.new("RGB", (64, 64)).save("image.png")
    parts = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    code = "\n".join(parts).replace("epochs=100", "**quick")
    known = {"quick": {k: v for k, v in training.items() if k != "data"}}

    exec(code, known)  # noqa: S102

    places = [place.path for place in planned(known["model"].model).places]
    assert places == ["model.4", "model.6", "model.9"]
    assert code.count("**quick") == 3
