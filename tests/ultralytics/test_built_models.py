"""Blocks in a model that Ultralytics has built: what it does with it still works."""

from copy import deepcopy

import numpy as np
import onnxruntime
import pytest
import torch

import foveate as fv

pytestmark = pytest.mark.ultralytics

MODELS = ["yolov8n", "yolo11n"]
# C2f or C3k2 twice, and SPPF
SITES = "model.{4,6,9}"
EXAMPLE = (1, 3, 64, 64)


@pytest.fixture(params=MODELS)
def yolo(request, build):
    return build(request.param)


def graft(yolo, block="cbam", at=SITES):
    return fv.graft(yolo.model, block, at=at, example=EXAMPLE)


def move(model):
    """Take the blends off the identity; return the model."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("amount"):
                parameter.fill_(0.5)
    return model


def features(model, x):
    """Return the last maps before the head, which are of every layer's making."""
    seen = []
    hook = model.model[-2].register_forward_hook(lambda *a: seen.append(a[2]))
    with torch.no_grad():
        model(x)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("block", ["cbam", "se"])
def test_a_block_that_has_not_learned_changes_no_bit(yolo, images, block):
    before = yolo.model(images)[0]

    graft(yolo, block)

    assert torch.equal(yolo.model(images)[0], before)


def test_what_ultralytics_writes_on_its_layers_stays(yolo):
    before = [(m.f, m.i, m.type) for m in yolo.model.model]

    graft(yolo)

    assert [(m.f, m.i, m.type) for m in yolo.model.model] == before


def test_the_parameters_on_a_layer_count_its_blocks(yolo):
    graft(yolo)

    counted = {m.i: m.np for m in yolo.model.model}
    assert counted == {
        m.i: sum(p.numel() for p in m.parameters()) for m in yolo.model.model
    }


def test_pruning_brings_the_count_of_parameters_back(yolo):
    before = [m.np for m in yolo.model.model]
    graft(yolo)

    fv.prune(yolo.model)

    assert [m.np for m in yolo.model.model] == before


def test_a_block_runs_once_in_a_pass(yolo, images):
    graft(yolo)
    calls = []
    for i in (4, 6, 9):
        block = yolo.model.model[i].foveate.after[0].block
        block.register_forward_hook(lambda *_, i=i: calls.append(i))

    yolo.model(images)

    assert calls == [4, 6, 9]


def test_a_block_that_has_learned_changes_the_features(yolo, images):
    before = features(yolo.model, images)
    graft(yolo)

    after = features(move(yolo.model), images)

    assert (after - before).abs().max() > 0.01 * before.abs().max()


def test_fusing_keeps_the_blocks(yolo, images):
    graft(yolo)
    before = features(move(yolo.model), images)

    yolo.model.fuse(verbose=False)

    after = features(yolo.model, images)
    assert yolo.model.is_fused()
    assert (after - before).abs().max() < 1e-4 * before.abs().max()


def test_the_average_of_weights_runs_blocks_of_its_own(yolo, images, library):
    from ultralytics.utils.torch_utils import ModelEMA

    graft(yolo)
    average = ModelEMA(yolo.model).ema
    before = features(average, images)

    move(yolo.model)

    assert torch.equal(features(average, images), before)


def test_the_average_of_weights_follows_the_blocks(yolo, library):
    from ultralytics.utils.torch_utils import ModelEMA

    graft(yolo)
    average = ModelEMA(yolo.model, decay=0.5, tau=1e-9)
    move(yolo.model)

    average.update(yolo.model)

    amount = average.ema.model[4].foveate.after[0].amount
    # half of the old 0 and half of the new 0.5
    torch.testing.assert_close(amount, torch.full_like(amount, 0.25))


def test_a_copy_runs_blocks_of_its_own(yolo, images):
    graft(yolo)
    copy = deepcopy(yolo.model)
    before = features(copy, images)

    move(yolo.model)

    assert torch.equal(features(copy, images), before)


def test_predict_runs_the_blocks(yolo):
    graft(yolo)
    calls = []
    block = yolo.model.model[4].foveate.after[0].block
    block.register_forward_hook(lambda *_: calls.append(1))

    results = yolo.predict(np.zeros((64, 64, 3), np.uint8), imgsz=64, verbose=False)

    assert len(results) == 1
    assert calls


def test_val_runs_the_blocks(yolo, running, tmp_path):
    graft(yolo)
    calls = []
    block = yolo.model.model[4].foveate.after[0].block
    block.register_forward_hook(lambda *_: calls.append(1))

    scores = yolo.val(**running, project=str(tmp_path)).results_dict

    assert 0 <= scores["metrics/mAP50(B)"] <= 1
    assert calls


@pytest.mark.slow  # one to two seconds
# Ultralytics exports by tracing, of which torch warns
@pytest.mark.filterwarnings("default::DeprecationWarning")
@pytest.mark.filterwarnings("default::torch.jit.TracerWarning")
def test_an_exported_model_answers_alike(yolo, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    without = yolo.model(images[:1])[0].detach().numpy()
    graft(yolo)
    want = move(yolo.model)(images[:1])[0].detach().numpy()

    path = yolo.export(format="onnx", imgsz=64, device="cpu", simplify=False)

    session = onnxruntime.InferenceSession(path)
    got = session.run(None, {"images": images[:1].numpy()})[0]
    # boxes in pixels, then scores, which the blocks move by more than 1e-2
    np.testing.assert_allclose(got[:, :4], want[:, :4], atol=1e-3)
    np.testing.assert_allclose(got[:, 4:], want[:, 4:], atol=1e-4)
    assert np.abs(want - without)[:, 4:].max() > 1e-2


def predicted(yolo):
    """Return the raw boxes that ``predict`` has for a grey image."""
    yolo.predict(np.full((64, 64, 3), 90, np.uint8), imgsz=64, verbose=False)
    x = torch.full((1, 3, 64, 64), 0.3)
    seen = yolo.predictor.model(x)
    return (seen[0] if isinstance(seen, list | tuple) else seen).detach()


def test_a_block_that_came_after_a_prediction_takes_part_in_the_next(yolo):
    before = predicted(yolo)
    graft(yolo)
    move(yolo.model)

    after = predicted(yolo)

    assert not torch.allclose(after, before, atol=1e-2)


def test_a_block_that_went_after_a_prediction_takes_no_part_in_the_next(yolo):
    graft(yolo)
    move(yolo.model)
    before = predicted(yolo)

    fv.prune(yolo.model)

    assert not torch.allclose(predicted(yolo), before, atol=1e-2)


def test_without_a_change_of_blocks_predictions_use_one_copy(yolo):
    graft(yolo)
    predicted(yolo)
    first = yolo.predictor

    predicted(yolo)

    assert yolo.predictor is first


@pytest.mark.slow  # four seconds, for the new process
def test_a_saved_model_has_its_blocks_in_a_new_process(yolo, images, fresh, tmp_path):
    graft(yolo)
    move(yolo.model)
    yolo.save(tmp_path / "saved.pt")
    again = type(yolo)(tmp_path / "saved.pt").model
    torch.save((images, again(images)[0].detach()), tmp_path / "seen.pt")

    said = fresh(f"""
from ultralytics import YOLO
x, want = torch.load({str(tmp_path / "seen.pt")!r})
model = YOLO({str(tmp_path / "saved.pt")!r}).model
print(torch.equal(model(x)[0], want), float(model.model[4].foveate.after[0].amount[0]))
""")

    assert said.split() == ["True", "0.5"]
