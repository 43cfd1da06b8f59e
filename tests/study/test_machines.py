"""Machines: this one, and when two runs were trained on the same."""

import torch

from foveate.records import Machine
from foveate.study.machines import distinct, machine_of


def machine(processor="a", **versions):
    return Machine(processor=processor, system="s", cores=2, versions=versions)


def test_a_machine_is_named_once_with_all_packages_that_its_runs_used():
    found = distinct([machine(torch="2"), machine(torch="2", timm="1")])

    assert found == (machine(torch="2", timm="1"),)


def test_another_version_or_processor_is_another_machine():
    runs = [machine(torch="2"), machine(torch="3"), machine("b", torch="2")]

    assert distinct([*runs, *runs]) == tuple(runs)


def test_this_machine_has_a_name_and_the_given_versions():
    found = machine_of(torch.device("cpu"), {"torch": "2"})

    assert found.versions == {"torch": "2"}
    assert found.processor
    assert found.cores > 0
