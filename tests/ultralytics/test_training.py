"""Training a model with blocks: what is learned, kept, resumed and frozen."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch

import foveate as fv
from foveate.errors import SiteError
from foveate.surgery import planned
from foveate.surgery.ultralytics import trainer

# each trains for an epoch or starts a process: up to five seconds
pytestmark = [pytest.mark.ultralytics, pytest.mark.slow]

MODELS = ["yolov8n", "yolo11n"]
SITES = "model.{4,9}"
EXAMPLE = (1, 3, 64, 64)
AMOUNT = "model.4.foveate.after.0.amount"


def is_block(name):
    return "foveate" in name.split(".")


def plan_for(yolo):
    return fv.plan(yolo.model, "cbam", at=SITES, example=EXAMPLE)


def state_of(path):
    """Return the weights in a checkpoint, as Ultralytics wrote them."""
    kept = torch.load(path, weights_only=False)
    return (kept["ema"] or kept["model"]).float().state_dict()


@pytest.fixture(scope="module", params=MODELS)
def trained(request, library, training, tmp_path_factory):
    """One epoch with a plan, and the weights that it began with."""
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    yolo = library.YOLO(f"{request.param}.yaml")
    plan = plan_for(yolo)
    # two classes, as the images have, so that all weights fit
    cfg = deepcopy(yolo.model.yaml) | {"nc": 2}
    host = library.tasks.DetectionModel(cfg, verbose=False)
    first = deepcopy(host.state_dict())
    said = []
    grafting = trainer(library.Trainer, plan, weights=host)
    with pytest.MonkeyPatch.context() as patch:
        log = SimpleNamespace(info=said.append, warning=said.append)
        patch.setattr("foveate.surgery.ultralytics._trainer._logger", lambda _: log)
        yolo.train(trainer=grafting, **training, project=str(folder), name="run")
    return SimpleNamespace(
        yolo=yolo, plan=plan, first=first, said=said, folder=folder / "run"
    )


def test_the_trained_model_has_the_blocks(trained):
    assert planned(trained.yolo.model).places == trained.plan.places


def test_training_has_changed_the_blocks(trained):
    amount = trained.yolo.model.state_dict()[AMOUNT]

    assert (amount != 0).all()


def test_all_weights_of_the_host_were_loaded_and_the_log_says_so(trained):
    count = len(trained.first)

    assert trained.said == [
        f"foveate: grafted to model.4, model.9. DetectionModel: {count} of the host's "
        f"{count} tensors and 0 of 2 blocks fit."
    ]


def test_the_checkpoint_keeps_the_plan_as_plain_values(trained):
    for name in ("last.pt", "best.pt"):
        kept = torch.load(trained.folder / "weights" / name, weights_only=False)

        assert (kept["ema"] or kept["model"]).yaml["foveate"] == trained.plan.plain()


def test_a_checkpoint_answers_alike_in_a_new_process(
    trained, images, fresh, library, tmp_path
):
    last = trained.folder / "weights" / "last.pt"
    want = library.YOLO(last).model(images)[0].detach()
    torch.save((images, want), tmp_path / "seen.pt")

    said = fresh(f"""
from ultralytics import YOLO
x, want = torch.load({str(tmp_path / "seen.pt")!r})
print(torch.equal(YOLO({str(last)!r}).model(x)[0], want))
""")

    assert said.split() == ["True"]


def test_a_trained_model_validates_and_predicts(trained, running, images, library):
    yolo = library.YOLO(trained.folder / "weights" / "last.pt")

    scores = yolo.val(**running, project=str(trained.folder)).results_dict
    results = yolo.predict(images, verbose=False)

    assert 0 <= scores["fitness"] <= 1
    assert len(results) == 2


def test_a_trained_model_is_trained_on_with_its_blocks(
    trained, library, training, tmp_path
):
    yolo = library.YOLO(trained.folder / "weights" / "last.pt")
    before = {k: v.detach().clone() for k, v in yolo.model.named_parameters()}

    # a rate of nothing: what it ends with is what was loaded
    still = training | {"lr0": 0.0, "optimizer": "SGD", "warmup_bias_lr": 0.0}
    yolo.train(trainer=trainer(library.Trainer), **still, project=str(tmp_path))

    after = dict(yolo.model.named_parameters())
    assert all(torch.equal(after[k], before[k]) for k in before if is_block(k))


def test_a_run_that_was_stopped_is_resumed_with_its_blocks(library, training, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(_):
        raise StoppedError

    yolo = library.YOLO("yolo11n.yaml")
    grafting = trainer(library.Trainer, plan_for(yolo))
    yolo.add_callback("on_model_save", stop)
    two = training | {"epochs": 2, "project": str(tmp_path), "name": "run"}
    with pytest.raises(StoppedError):
        yolo.train(trainer=grafting, **two)
    last = tmp_path / "run" / "weights" / "last.pt"
    before = state_of(last)

    again = library.YOLO(last)
    seen = {}
    again.add_callback(
        "on_train_start",
        lambda t: seen.update(
            epoch=t.start_epoch, amount=t.ema.ema.get_parameter(AMOUNT).clone()
        ),
    )
    again.train(trainer=trainer(library.Trainer), resume=True)

    assert seen["epoch"] == 1
    assert torch.equal(seen["amount"], before[AMOUNT])
    assert not torch.equal(again.model.state_dict()[AMOUNT], before[AMOUNT])


def test_resuming_with_the_usual_trainer_is_refused(trained, library):
    yolo = library.YOLO(trained.folder / "weights" / "last.pt")

    with pytest.raises(SiteError, match="the model has blocks"):
        yolo.train(resume=True)


@pytest.mark.parametrize("model", MODELS)
def test_freezing_layers_leaves_their_blocks_to_train(
    model, library, training, tmp_path
):
    yolo = library.YOLO(f"{model}.yaml")
    # each has a BatchNorm, whose statistics must be learned as well
    fv.graft(yolo.model, "coordinate", at="model.{2,4}", example=EXAMPLE)
    fv.graft(yolo.model, "cbam", at="model.{4.cv2,4.m.0,12}", example=EXAMPLE)
    before = {k: v.clone() for k, v in yolo.model.state_dict().items()}
    frozen = tuple(f"model.{i}." for i in range(10))

    grafting = trainer(library.Trainer, yolo)
    arguments = training | {"freeze": 10, "project": str(tmp_path)}
    yolo.train(trainer=grafting, **arguments)

    after = yolo.trainer.model.state_dict()
    changed = {k for k in before if not torch.equal(before[k], after[k])}
    hosts = {k for k in before if k.startswith(frozen) and not is_block(k)}
    amounts = {k for k in before if k.endswith("amount")}
    statistics = {k for k in before if is_block(k) and k.endswith("running_mean")}
    assert changed & hosts == set()
    assert amounts | statistics <= changed
    assert len(statistics) == 5
    assert yolo.trainer.args.freeze == 10


def test_freezing_spares_blocks_beside_a_parameter_of_the_layer_itself(library):
    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            return x * self.scale

    model = torch.nn.Module()
    model.model = torch.nn.Sequential(Scaled(), torch.nn.Conv2d(4, 4, 1))
    model.forward = model.model.forward
    fv.graft(model, "se", at="model.0", example=(1, 4, 8, 8))
    made = trainer(library.Trainer).__new__(trainer(library.Trainer))
    made.model = model
    patterns = ["model.0."]

    made.freeze_layer_names = patterns

    assert patterns == ["model.0.scale"]


def test_a_worker_process_rebuilds_the_trainer(
    build, library, training, fresh, tmp_path
):
    from ultralytics.utils.dist import generate_ddp_file

    yolo = build("yolo11n")
    fv.graft(yolo.model, "cbam", at=SITES, example=EXAMPLE)
    made = trainer(library.Trainer, yolo)(
        overrides=training | {"model": "yolo11n.yaml", "project": str(tmp_path)}
    )
    file = generate_ddp_file(made)

    # what each worker runs, here on the processor and alone
    said = fresh(f"""
import runpy
done = runpy.run_path({file!r}, run_name="__main__")
from foveate.surgery import planned
model = done["trainer"].model
print(*[place.path for place in planned(model).places])
print(bool(model.get_parameter({AMOUNT!r}).any()))
""")

    assert said.splitlines()[-2:] == ["model.4 model.9", "True"]
