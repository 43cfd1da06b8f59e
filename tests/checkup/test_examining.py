"""What the doctor does with findings, and what it leaves as it was."""

import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import foveate as fv
from foveate.checkup import CHECKS, Target, devices, doctor, examining
from foveate.checkup._check import Check, Fault, NotExaminedError
from foveate.checkup._patient import Patient
from foveate.checkup.examining import Examination
from foveate.errors import OptionError

BY_NAME = {check.name: check for check in CHECKS}


class Prints(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        print("here")  # noqa: T201
        return x * self.fc(x).sigmoid()


class Drops(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5)


class GateAlone(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3), keepdim=True)


def examine_with(examine, **fields):
    """Return what one check finds of a healthy block, if it does as ``examine``."""
    check = replace(CHECKS[1], examine=examine, **fields)
    return examining._examine(check, Patient(Target("simam", channels=4)))


def alive_at_start(name):
    (finding,) = doctor(name, channels=16, checks=["alive_at_start"]).findings
    return finding


class TwoWidths(nn.Module):
    def __init__(self, channels, *, out_channels):
        super().__init__()
        self.fc = nn.Conv2d(channels, out_channels, 1)

    def forward(self, x):
        return x * self.fc(x).sigmoid()


# the checks


def test_no_name_is_taken_twice():
    assert len(BY_NAME) == len(CHECKS)


def test_a_block_is_not_blamed_for_channels_that_an_option_fixes():
    found = doctor(
        TwoWidths, channels=32, options={"out_channels": 32}, checks=["few_channels"]
    )

    assert found.healthy
    assert found.not_run[0].cause == "out_channels=32 fixes its channels."


def test_checks_rest_on_checks_that_stand_before_them():
    for place, check in enumerate(CHECKS):
        before = {earlier.name for earlier in CHECKS[:place]}
        assert set(check.rests_on) <= before, check.name


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_speaks_in_sentences(check):
    assert re.fullmatch(r"[A-Z].*[^.]", check.title)
    assert re.fullmatch(r"[a-zA-Z].*\.", check.protects)
    assert re.fullmatch(r"[A-Z].*\.", check.cure)
    assert check.examine.__doc__


# outcomes


def test_a_fault_is_a_failure_with_cause_cure_and_what_was_seen():
    def examine(patient):
        raise Fault("It is wrong.", "1 instead of 2")

    finding = examine_with(examine)

    assert finding.outcome == "failed"
    assert finding.cause == "It is wrong."
    assert finding.cure == CHECKS[1].cure
    assert finding.demonstration == ("1 instead of 2",)


def test_a_fault_may_name_a_cure_of_its_own():
    def examine(patient):
        raise Fault("It is wrong.", cure="Right it.")

    assert examine_with(examine).cure == "Right it."


def test_what_could_not_be_examined_was_not_run():
    def examine(patient):
        raise NotExaminedError("There is nothing to see.")

    finding = examine_with(examine)

    assert (finding.outcome, finding.cause) == ("not run", "There is nothing to see.")


def test_an_error_of_the_block_is_a_failure_that_names_the_line():
    def examine(patient):
        patient.answer(patient.block(), [torch.ones(2, 3)])

    finding = examine_with(examine)

    assert finding.outcome == "failed"
    assert "ShapeError: SimAM: expects (B, 4, H, W), got (2, 3)" in str(finding)
    assert re.search(r"_base\.py:\d+\)", finding.demonstration[0])


def test_an_error_of_the_check_is_never_the_blocks():
    def examine(patient):
        return 1 / 0

    finding = examine_with(examine)

    assert finding.outcome == "not run"
    assert finding.cause == (
        "The check itself broke: ZeroDivisionError: division by zero"
    )


def test_an_error_in_our_own_line_within_a_call_is_not_the_blocks():
    patient = Patient(Target("simam", channels=4))

    # a call that only a check could get wrong
    with pytest.raises(TypeError):
        patient.call(patient.block(), None)


def test_what_a_passed_check_measured_is_kept():
    finding = alive_at_start("shuffle")

    # sigmoid(1) of itself, in another order
    assert finding.demonstration[1] == ("It moves 14 of 16 channels to other places.")


def test_a_gate_of_one_half_changes_its_input_by_half():
    finding = alive_at_start("spatial")

    assert finding.demonstration == (
        "A new block changes its input by 50% of its size; nearest multiple: 0.50 x.",
    )


# no fault is reported twice


def test_a_failure_explains_those_that_rest_on_it():
    diagnosis = doctor(Drops)

    assert [finding.check for finding in diagnosis.failed] == ["repeatable"]
    explained = {f.check: f.explained_by for f in diagnosis.not_run if f.explained_by}
    assert explained["functionalizes"] == "repeatable"
    assert explained["exports_to_onnx"] == "repeatable"
    assert (
        diagnosis["functionalizes"].cause == "Explained by 'repeatable', which failed."
    )


def test_a_block_that_cannot_answer_is_examined_no_further():
    diagnosis = doctor(nn.Conv3d, options={"out_channels": 64, "kernel_size": 1})

    assert [finding.check for finding in diagnosis.failed] == ["answers"]
    assert {finding.explained_by for finding in diagnosis.not_run} == {"answers"}
    assert len(diagnosis.findings) == len(CHECKS)


def test_the_outcome_of_a_check_does_not_depend_on_what_else_was_asked_for():
    whole = doctor(Drops)

    part = doctor(Drops, checks=["exports"])

    assert part["exports"] == whole["exports"]


def test_a_failure_that_explains_what_was_asked_for_is_shown_too():
    diagnosis = doctor(Drops, checks=["exports"])

    assert [finding.check for finding in diagnosis.findings] == [
        "repeatable",
        "exports",
    ]
    assert not diagnosis.healthy


def test_only_the_checks_that_were_asked_for_are_shown_in_their_order():
    diagnosis = doctor("se", checks=["tiny_maps", "answers"])

    assert [finding.check for finding in diagnosis.findings] == [
        "answers",
        "tiny_maps",
    ]


def test_an_unknown_check_is_refused_with_near_names():
    with pytest.raises(OptionError, match="Did you mean 'compiles'"):
        doctor("se", checks=["compile"])


def test_a_check_is_run_once(monkeypatch):
    runs = []
    check = BY_NAME["keeps_shape"]
    counted = replace(check, examine=runs.append)
    monkeypatch.setitem(examining.BY_NAME, check.name, counted)
    examination = Examination(Target("se", channels=16))

    for _ in range(2):
        examination.finding("keeps_shape")
        examination.finding("any_size")

    assert len(runs) == 1


# not run


def test_without_onnx_the_check_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)

    finding = doctor("simam", channels=4, checks=["exports_to_onnx"]).findings[0]

    assert finding.outcome == "not run"
    assert "pip install 'foveate[onnx]'" in finding.cause


def test_a_declared_batch_of_two_leaves_one_image_out():
    batch_norm = nn.BatchNorm1d

    class Pooled(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.norm = batch_norm(channels)

        def forward(self, x):
            return x * self.norm(x.mean(dim=(2, 3))).sigmoid()[:, :, None, None]

    check = ["one_image_in_training"]

    assert doctor(Pooled, checks=check).failed
    assert doctor(Pooled, checks=check, training_batch=2).not_run


def test_a_gpu_is_used_if_there_is_one(monkeypatch):
    monkeypatch.setattr(devices, "_gpu", lambda: "cpu")

    (finding,) = doctor("se", channels=16, checks=["runs_on_any_device"]).findings

    assert finding.demonstration == ("On a GPU, with numbers.",)


# what is left as it was


def states():
    return (
        torch.get_rng_state().tolist(),
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        nn.Module.__init__,
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
    )


@pytest.mark.slow
@pytest.mark.parametrize("block", ["cbam", Prints, Drops, GateAlone])
def test_torch_is_left_as_it_was(block):
    before = states()

    doctor(block, channels=16)

    assert states() == before


def test_the_state_that_a_user_has_set_is_left_too():
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        before = states()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            diagnosis = doctor("se", channels=16)
        after = states()
    finally:
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)

    assert diagnosis.healthy
    assert after == before


@pytest.mark.slow
def test_what_a_user_has_compiled_stays_compiled():
    compilations = []

    def backend(graph, examples):
        compilations.append(graph)
        return graph

    block, x = fv.create("se", 16), torch.randn(2, 16, 5, 7)
    compiled = torch.compile(block, backend=backend)
    compiled(x)

    for _ in range(2):
        doctor("se", channels=16)
    compiled(x)

    assert len(compilations) == 1


def test_nothing_is_printed(capsys):
    doctor(Prints, channels=16)

    assert capsys.readouterr() == ("", "")


def test_weights_that_blocks_share_are_left_as_they_were():
    shared = nn.Conv2d(16, 16, 1)
    before = shared.weight.clone()

    def one_layer(channels):
        return nn.Sequential(shared)

    diagnosis = doctor(one_layer, channels=16, checks=["blocks_share_nothing"])
    doctor(one_layer, channels=16)

    assert diagnosis.failed
    assert shared.weight.equal(before)


def test_a_check_is_plain_data():
    check = BY_NAME["answers"]

    assert isinstance(check, Check)
    assert check.rests_on == ()
