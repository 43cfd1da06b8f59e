"""A copy of a grafted host runs blocks of its own: deepcopy, EMA, pickle."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

import foveate as fv
from foveate import surgery


def blocks_of(host):
    return {k: v for k, v in host.named_parameters() if ".foveate." in k}


def test_a_deep_copy_keeps_its_answer_when_the_original_learns(cell, images):
    host = cell.grafted()
    twin, want = copy.deepcopy(host), cell.answer(host, images)

    cell.rouse(host, seed=2)

    assert cell.answer(twin, images).equal(want)


def test_the_blocks_of_a_deep_copy_are_those_that_it_runs(cell, images):
    twin = copy.deepcopy(cell.grafted())

    cell.tensor(twin.train()(images)).square().sum().backward()

    assert all(p.grad is not None for p in blocks_of(twin).values())


def test_blocks_can_be_taken_out_of_a_deep_copy(host_cell, images):
    plain, host = host_cell.host(), host_cell.grafted()
    twin, want = copy.deepcopy(host), host_cell.answer(host, images)

    fv.prune(twin)

    assert host_cell.answer(twin, images).equal(host_cell.answer(plain, images))
    assert host_cell.answer(host, images).equal(want)


def test_an_average_of_the_weights_runs_averaged_blocks(cell, images):
    host, mean = cell.grafted(), cell.grafted()
    average = AveragedModel(host)
    average.update_parameters(host)
    first = {key: value.clone() for key, value in blocks_of(host).items()}

    average.update_parameters(cell.rouse(host, seed=2))

    for key, value in blocks_of(mean).items():
        value.data = (first[key] + blocks_of(host)[key]).data / 2
    found, want = cell.answer(average, images), cell.answer(mean, images)
    torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-4)


def test_an_average_stands_still_until_it_is_updated(host_cell, images):
    host = host_cell.grafted()
    average = AveragedModel(host)
    want = host_cell.answer(average, images)

    host_cell.rouse(host, seed=2)

    assert host_cell.answer(average, images).equal(want)


def test_a_pickle_answers_the_same(cell, images):
    host = cell.grafted()

    twin = pickle.loads(pickle.dumps(host))  # noqa: S301

    assert cell.answer(twin, images).equal(cell.answer(host, images))


def test_a_pickle_knows_its_plan_and_gives_its_blocks_up(cell, images):
    plain, host = cell.host(), cell.grafted()

    twin = pickle.loads(pickle.dumps(host))  # noqa: S301

    assert fv.prune(twin) == surgery.planned(host)
    assert cell.answer(twin, images).equal(cell.answer(plain, images))


def test_what_was_replaced_comes_back_in_a_copy(host_cell, images):
    plain, host = host_cell.host(), host_cell.host()
    (path, *_) = [s.path for s in fv.sites(host, images) if is_replaceable(s)]
    host_cell.graft(host, at=path, position="replace")

    twin = pickle.loads(pickle.dumps(copy.deepcopy(host)))  # noqa: S301
    fv.prune(twin)

    assert host_cell.answer(twin, images).equal(host_cell.answer(plain, images))


def is_replaceable(site):
    return "replace" not in site.refusals


READER = """
import sys

import torch

# as here: the order of sums depends on it
torch.set_num_threads(1)
host, images, want = torch.load(sys.argv[1], weights_only=False)
with torch.no_grad():
    assert host(images).equal(want)
"""


@pytest.mark.slow  # 6 s: two interpreters import torch
@pytest.mark.parametrize("block", ["cbam", "criss_cross"])
def test_a_pickle_answers_the_same_in_a_new_process(block, tmp_path):
    torch.manual_seed(0)
    host = fv.backbones.resnet18(width=8, num_classes=5).eval()
    fv.graft(host, block, at=["layer1", "layer4.1.bn2"], example=(1, 3, 32, 32))
    for parameter in blocks_of(host).values():
        parameter.data.add_(0.3)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.save((host, images, host(images)), tmp_path / "host.pt")

    done = subprocess.run(
        [sys.executable, "-c", READER, tmp_path / "host.pt"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
