"""Blocks as rows of a YAML: they are built with the channels of the row before."""

import pytest
import torch
import yaml

from foveate import catalog
from foveate.blocks import CBAM, SqueezeExcite
from foveate.errors import OptionError
from foveate.surgery.ultralytics import register

pytestmark = pytest.mark.ultralytics

ONE_MAP = [
    card.name for card in catalog.find() if card.kind != "fusion" and not card.sized
]

ROWS = """
nc: 2
scales: {n: [0.33, 0.25, 1024]}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 1, FvCBAM, [ch, f, {reduction: 8}]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, 1, FvSqueezeExcite, [ch, f]]
  - [3, 1, FvSqueezeExcite, [ch, f]]
head:
  - [[2, 5], 1, Detect, [nc]]
"""


@pytest.fixture
def rows(tmp_path):
    """The file of a model whose width is a quarter of what its rows say."""
    path = tmp_path / "rowsn.yaml"
    path.write_text(ROWS)
    return path


def with_row(row):
    """Return a YAML with a row after one of 16 channels."""
    values = yaml.safe_load(ROWS)
    values["backbone"][2:] = [row, [-1, 1, "Conv", [128, 3, 2]]]
    values["head"] = [[[2, 3], 1, "Detect", ["nc"]]]
    return values


def test_names_are_those_of_the_classes(library):
    names = register()

    assert names["FvCBAM"] == "cbam"
    assert names["FvSqueezeExcite"] == "se"


def test_every_block_of_one_map_without_a_size_has_a_name(library):
    names = register()

    assert sorted(names.values()) == sorted(ONE_MAP)


def test_rows_are_blocks_of_the_channels_before(library, rows):
    register()

    layers = library.YOLO(rows).model.model

    # a quarter of 128 and of 256
    assert [type(layers[i]) for i in (2, 4, 5)] == [CBAM, SqueezeExcite, SqueezeExcite]
    assert [layers[i].channels for i in (2, 4, 5)] == [32, 64, 64]
    # 32 / 8
    assert layers[2].channel.fc1.out_channels == 4


@pytest.mark.parametrize("name", ONE_MAP)
def test_every_row_runs(library, name, images):
    names = {block: row for row, block in register().items()}
    values = with_row([-1, 1, names[name], ["ch", "f"]])
    model = library.tasks.DetectionModel(values, verbose=False).eval()

    # 64 / 4 and 64 / 8 places in each direction
    assert model(images)[0].shape == (2, 6, 16 * 16 + 8 * 8)


@pytest.mark.slow  # four seconds, for the new process
def test_a_model_with_rows_trains_and_is_read_in_a_new_process(
    library, rows, training, fresh, tmp_path
):
    register()
    yolo = library.YOLO(rows)
    before = {k: v.clone() for k, v in yolo.model.model[2].state_dict().items()}

    yolo.train(**training, project=str(tmp_path), name="run")

    after = yolo.model.model[2].state_dict()
    last = str(tmp_path / "run" / "weights" / "last.pt")
    said = fresh(f"""
from ultralytics import YOLO
model = YOLO({last!r}).model
print(type(model.model[2]).__name__, model(torch.zeros(1, 3, 64, 64))[0].shape[1])
""")
    assert any(not torch.equal(after[k], before[k]) for k in before)
    assert said.split() == ["CBAM", "6"]


def test_no_name_of_ultralytics_is_replaced(library):
    with pytest.raises(
        OptionError, match=r"Ultralytics has CBAM, .* already\. Use another"
    ):
        register(prefix="")

    assert not hasattr(library.tasks, "SqueezeExcite")


def test_names_may_be_registered_twice(library):
    assert register() == register()


def test_a_prefix_makes_names(library):
    with pytest.raises(OptionError, match=r"prefix='fv-' makes 'fv-.*', which is no"):
        register(prefix="fv-")


def test_a_prefix_that_is_no_text_is_refused(library):
    with pytest.raises(OptionError, match="prefix must be text, got None"):
        register(prefix=None)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([-1, 1, "FvCBAM", []], r"must be \[ch, f\], as they stand, .* got \[\]"),
        ([-1, 1, "FvCBAM", [64]], r"got \[64\]\. Write \[-1, 1, FvCBAM, \[ch, f\]\]"),
        ([-1, 1, "FvCBAM", ["ch", "f", 8]], r"got \[ch, -1, 8\]"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused(library, row, words):
    register()

    with pytest.raises(OptionError, match=words):
        library.tasks.DetectionModel(with_row(row), verbose=False)


def test_a_misspelt_option_is_refused(library):
    register()
    row = [-1, 1, "FvCBAM", ["ch", "f", {"reductoin": 8}]]

    with pytest.raises(TypeError, match=r"no option 'reductoin'\. Did you mean"):
        library.tasks.DetectionModel(with_row(row), verbose=False)
