"""Ultralytics, as far as it can be tested without: the rest is a group of its own."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import MissingExtraError, OptionError, RecordError, SiteError
from foveate.surgery.ultralytics import register, trainer

EXAMPLE = (1, 4, 8, 8)


class Base:
    """Stands for a trainer of Ultralytics."""

    def get_model(self, cfg=None, weights=None, verbose=True):
        model = Network()
        model.yaml = cfg
        return model


class Network(nn.Module):
    """Stands for a model of Ultralytics, which writes its YAML on it."""

    def __init__(self):
        super().__init__()
        self.yaml = {}
        self.model = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU())

    def forward(self, x):
        return self.model(x)


def grafted():
    model = Network()
    fv.graft(model, "se", at="model.1", example=EXAMPLE)
    return model


@pytest.fixture
def engine(monkeypatch):
    """The module of Ultralytics whose class makes a model anew when it trains."""

    class Model:
        task = "detect"

        def __init__(self, model):
            self.model = model
            self.task_map = {"detect": {"trainer": Base}}

        def train(self, trainer=None, **settings):
            return trainer, settings

        def tune(self, **settings):
            return settings

    module = ModuleType("ultralytics.engine.model")
    module.Model = Model
    monkeypatch.setitem(sys.modules, "ultralytics.engine.model", module)
    return module


@pytest.fixture
def missing(monkeypatch):
    """A process in which Ultralytics is not installed."""
    for name in [n for n in sys.modules if n.partition(".")[0] == "ultralytics"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ultralytics", None)


def test_training_with_a_trainer_that_drops_the_blocks_is_refused(engine):
    yolo = engine.Model(grafted())

    with pytest.raises(SiteError, match=r"has blocks \(se after model\.1\), and Base"):
        yolo.train(epochs=1)


def test_training_with_a_trainer_that_keeps_the_blocks_goes_through(engine):
    model = grafted()
    keeping = trainer(Base, model)

    assert engine.Model(model).train(trainer=keeping, epochs=1) == (
        keeping,
        {"epochs": 1},
    )


def test_training_of_a_model_without_blocks_goes_through(engine):
    grafted()

    assert engine.Model(Network()).train(epochs=1) == (None, {"epochs": 1})


def test_tuning_a_model_with_blocks_is_refused(engine):
    yolo = engine.Model(grafted())

    with pytest.raises(SiteError, match=r"tune: the model has blocks \(se after"):
        yolo.tune(iterations=1)


def test_methods_are_wrapped_once(engine):
    grafted()
    wrapped = engine.Model.train

    grafted()

    assert engine.Model.train is wrapped


def test_reading_a_model_with_blocks_wraps_the_methods(engine, tmp_path):
    torch.save(grafted(), tmp_path / "model.pt")
    del engine.Model.train.foveate_guarded
    plain = engine.Model.train

    torch.load(tmp_path / "model.pt", weights_only=False)

    assert engine.Model.train is not plain


def test_a_trainer_grafts_what_the_base_makes():
    plan = fv.plan(Network(), "se", at="model.1", example=EXAMPLE)

    model = trainer(Base, plan)().get_model(cfg={})

    assert fv.surgery.planned(model).places == plan.places


def test_a_trainer_says_that_it_had_no_weights(caplog):
    plan = fv.plan(Network(), "se", at="model.1", example=EXAMPLE)

    with caplog.at_level("INFO", logger="foveate"):
        trainer(Base, plan)().get_model(cfg={})

    assert caplog.messages == [
        "foveate: grafted to model.1. No weights were given, so all begin at random."
    ]


def test_training_from_nothing_takes_no_weights():
    model = grafted()
    made = trainer(Base, model)()
    made.args = SimpleNamespace(pretrained=False)

    got = made.get_model(cfg={}).state_dict()

    assert not torch.equal(got["model.0.weight"], model.state_dict()["model.0.weight"])


@pytest.mark.parametrize("base", [Base(), "DetectionTrainer", int])
def test_what_is_no_trainer_is_refused(base):
    with pytest.raises(OptionError, match="expected a trainer class of Ultralytics"):
        trainer(base)


def test_a_model_in_the_place_of_the_trainer_is_named_by_its_class():
    with pytest.raises(OptionError, match=r"got 'ReLU'\.$"):
        trainer(nn.ReLU())


def test_a_trainer_that_grafts_already_is_refused():
    with pytest.raises(OptionError, match="GraftedBase grafts already"):
        trainer(trainer(Base))


def test_a_model_without_blocks_is_no_plan():
    with pytest.raises(OptionError, match="Network has no blocks, so there is no plan"):
        trainer(Base, Network())


def test_a_model_of_another_library_is_no_plan():
    with pytest.raises(OptionError, match=r"expected a model of Ultralytics, .* ReLU"):
        trainer(Base, nn.ReLU())


def test_a_plan_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(RecordError, match=r"cannot read .*plan\.yaml"):
        trainer(Base, tmp_path / "plan.yaml")


def test_weights_that_are_none_are_refused():
    made = trainer(Base, grafted(), weights={"epoch": 3})()

    with pytest.raises(OptionError, match="expected a state dict of tensors, got a"):
        made.get_model(cfg={})


def test_rows_need_ultralytics(missing):
    with pytest.raises(MissingExtraError, match="with: pip install ultralytics"):
        register()
