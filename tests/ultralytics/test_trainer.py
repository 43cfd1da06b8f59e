"""The model that a trainer makes: its plan, and the weights that it begins with."""

from copy import deepcopy

import pytest
import torch
import yaml

import foveate as fv
from foveate.errors import OptionError, SiteError, WeightsError
from foveate.surgery import planned
from foveate.surgery.ultralytics import trainer

pytestmark = pytest.mark.ultralytics

SITES = "model.{4,9}"
EXAMPLE = (1, 3, 64, 64)
AMOUNT = "model.4.foveate.after.0.amount"


def is_block(name):
    return "foveate" in name.split(".")


def plan_for(yolo, block="cbam"):
    return fv.plan(yolo.model, block, at=SITES, example=EXAMPLE)


@pytest.fixture
def make(library, training, tmp_path):
    """A function that returns the model that a trainer makes for its two classes."""

    def new(plan=None, *, first=None, cfg="yolo11n.yaml", weights=None):
        grafting = trainer(library.Trainer, plan, weights=first)
        settings = {"model": "yolo11n.yaml", "project": str(tmp_path)}
        made = grafting(overrides=training | settings)
        return made.get_model(cfg=cfg, weights=weights, verbose=False)

    return new


@pytest.fixture
def yolo(build):
    return build("yolo11n")


@pytest.mark.parametrize("given", ["path", "state dict", "module", "YOLO"])
def test_weights_of_the_host_are_taken_from(given, yolo, make, library, tmp_path):
    yolo.save(tmp_path / "host.pt")
    want = library.YOLO(tmp_path / "host.pt").model.state_dict()
    forms = {
        "path": tmp_path / "host.pt",
        "state dict": want,
        "module": library.YOLO(tmp_path / "host.pt").model,
        "YOLO": library.YOLO(tmp_path / "host.pt"),
    }

    model = make(plan_for(yolo), first=forms[given])

    got = model.state_dict()
    # the head has two classes instead of eighty
    body = [k for k in want if not k.startswith("model.23.")]
    assert all(torch.equal(got[k], want[k]) for k in body)


def test_weights_that_ultralytics_has_at_hand_are_taken(yolo, make):
    want = yolo.model.state_dict()

    model = make(plan_for(yolo), weights=yolo.model)

    got = model.state_dict()
    body = [k for k in want if not k.startswith("model.23.")]
    assert all(torch.equal(got[k], want[k]) for k in body)


def test_a_grafted_model_stands_for_its_plan_and_its_weights(yolo, make):
    fv.graft(yolo.model, "cbam", at=SITES, example=EXAMPLE)
    want = deepcopy(yolo.model.state_dict())

    model = make(yolo)

    got = model.state_dict()
    assert planned(model) == planned(yolo.model)
    assert all(torch.equal(got[k], want[k]) for k in want if is_block(k))


def test_another_block_gets_no_part_of_the_weights(yolo, make, build):
    fv.graft(yolo.model, "cbam", at=SITES, example=EXAMPLE)
    with torch.no_grad():
        yolo.model.get_parameter(AMOUNT).fill_(0.5)

    # both have an amount of the same shape, which means something else for each
    model = make(plan_for(build("yolo11n"), "se"), first=yolo)

    assert not model.get_parameter(AMOUNT).any()


def test_a_layer_in_whose_place_a_block_stands_is_kept(yolo, make):
    want = deepcopy(yolo.model.model[10].state_dict())
    fv.graft(yolo.model, "se", at="model.10", example=EXAMPLE, position="replace")

    model = make(yolo)
    fv.prune(model)

    got = model.model[10].state_dict()
    assert all(torch.equal(got[k], want[k]) for k in want)


def test_a_plan_may_be_a_file(yolo, make, tmp_path):
    plan = plan_for(yolo)
    plan.save(tmp_path / "plan.yaml")

    model = make(tmp_path / "plan.yaml")

    assert planned(model) == plan


def test_a_yaml_may_hold_the_plan(yolo, make, tmp_path):
    plan = plan_for(yolo)
    cfg = {**yolo.model.yaml, "foveate": plan.plain()}
    # Ultralytics reads the scale off the name of a file, and leaves it out to find it
    (tmp_path / "yolo11.yaml").write_text(yaml.safe_dump(cfg))

    model = make(cfg=str(tmp_path / "yolo11n.yaml"))

    assert planned(model) == plan


def test_the_plan_is_kept_in_the_yaml_of_the_new_model_alone(yolo, make):
    plan = plan_for(yolo)

    model = make(plan, cfg=yolo.model.yaml)

    assert model.yaml["foveate"] == plan.plain()
    assert "foveate" not in yolo.model.yaml


def test_what_was_grafted_anew_counts_more_than_the_plan_in_the_yaml(yolo, make):
    yolo.model.yaml["foveate"] = plan_for(yolo, "cbam").plain()
    plan = fv.graft(yolo.model, "se", at="model.6", example=EXAMPLE)

    model = make(cfg=yolo.model.yaml, weights=yolo.model)

    assert planned(model) == plan


def test_a_plan_for_another_model_is_refused(build, make):
    plan = fv.plan(build("yolov8n").model, "cbam", at="model.4", example=EXAMPLE)

    with pytest.raises(SiteError, match=r"for maps of \[64\] channels, .* has \[128\]"):
        make(plan)


def test_without_any_plan_there_is_an_error(make):
    with pytest.raises(OptionError, match="there is no plan, as none was given and"):
        make()


def test_weights_of_which_none_fits_are_refused(yolo, make):
    state = {"other.weight": torch.zeros(3)}

    with pytest.raises(WeightsError, match="none of the 1 tensors of the state dict"):
        make(plan_for(yolo), first=state)
