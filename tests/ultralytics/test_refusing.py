"""What Ultralytics would do with blocks if it were let: drop them without a word."""

import pytest

import foveate as fv
from foveate.errors import SiteError

# each builds a model, and some start a process: up to five seconds
pytestmark = [pytest.mark.ultralytics, pytest.mark.slow]


@pytest.fixture(params=["yolov8n", "yolo11n"])
def yolo(request, build):
    """A model with blocks."""
    yolo = build(request.param)
    fv.graft(yolo.model, "cbam", at="model.{4,6,9}", example=(1, 3, 64, 64))
    return yolo


def test_training_that_would_drop_the_blocks_is_refused(yolo, training):
    with pytest.raises(SiteError) as problem:
        yolo.train(**training)

    message = str(problem.value)
    assert "cbam after model.4" in message
    assert (
        "from ultralytics.models.yolo.detect.train import DetectionTrainer" in message
    )
    assert "trainer=fv.surgery.ultralytics.trainer(DetectionTrainer, model)" in message


def test_a_trainer_of_the_users_that_drops_the_blocks_is_refused(
    yolo, training, library
):
    class Users(library.Trainer):
        pass

    with pytest.raises(SiteError, match="Users would make it anew from its YAML"):
        yolo.train(trainer=Users, **training)


def test_training_of_a_checkpoint_with_blocks_is_refused_in_a_new_process(
    yolo, training, fresh, tmp_path
):
    yolo.save(tmp_path / "saved.pt")

    said = fresh(f"""
from ultralytics import YOLO
model = YOLO({str(tmp_path / "saved.pt")!r})
try:
    model.train(**{training!r})
except ValueError as problem:
    print(type(problem).__name__, problem)
""")

    assert said.startswith("SiteError YOLO.train: the model has blocks (cbam after")


def test_a_trainer_by_itself_does_not_drop_the_blocks_of_a_checkpoint(
    yolo, training, library, tmp_path
):
    yolo.save(tmp_path / "saved.pt")
    overrides = training | {"model": str(tmp_path / "saved.pt")}

    with pytest.raises(SiteError, match="load: the weights are of a model with blo"):
        library.Trainer(overrides=overrides).train()


def test_loading_a_checkpoint_with_blocks_into_a_plain_model_is_refused(
    yolo, library, tmp_path
):
    yolo.save(tmp_path / "saved.pt")
    plain = library.YOLO(yolo.model.yaml["yaml_file"])

    with pytest.raises(SiteError, match="or take them out of the other"):
        plain.load(tmp_path / "saved.pt")


def test_loading_a_checkpoint_with_blocks_into_a_model_with_them_loads_all(
    yolo, library, tmp_path
):
    yolo.model.model[4].foveate.after[0].amount.data.fill_(0.5)
    yolo.save(tmp_path / "saved.pt")
    other = library.YOLO(yolo.model.yaml["yaml_file"])
    fv.graft(other.model, fv.surgery.planned(yolo.model))

    other.load(tmp_path / "saved.pt")

    # a checkpoint is written in half precision
    found = other.model.model[4].foveate.after[0].amount
    assert found.detach().eq(0.5).all()


def test_loading_a_checkpoint_with_more_blocks_names_those_that_would_be_lost(
    yolo, library, tmp_path
):
    yolo.save(tmp_path / "saved.pt")
    fewer = library.YOLO(yolo.model.yaml["yaml_file"])
    fv.graft(fewer.model, "cbam", at="model.4", example=(1, 3, 64, 64))

    with pytest.raises(SiteError, match=r"\(cbam after model.6, cbam after model.9\)"):
        fewer.load(tmp_path / "saved.pt")


def test_tuning_that_would_drop_the_blocks_is_refused(yolo, training):
    with pytest.raises(SiteError, match="Tune the plain model, or call train"):
        yolo.tune(**training)


def test_a_model_whose_blocks_were_taken_out_trains_as_ever(yolo, training, tmp_path):
    fv.prune(yolo.model)

    yolo.train(**training, project=str(tmp_path))

    assert fv.surgery.planned(yolo.model) is None
