"""Small recipes, and an executor that does not train."""

import numpy as np
import pytest
import torch

from foveate.records import Epoch, Machine, Recipe, Result
from foveate.study.training import Trained

TINY = {
    "name": "tiny",
    "data": {"image_size": 24, "train_images": 32, "test_images": 20, "clutter": 1},
    "host": {"name": "resnet10", "width": 8, "stem": "half"},
    "blocks": ["se"],
    "training": {"epochs": 2, "batch_size": 16, "shift": 1},
    "seeds": [0, 1],
}


@pytest.fixture
def tiny():
    """A function that returns a recipe of seconds, with fields replaced."""

    def of(**fields):
        parts = {
            name: {**TINY[name], **value} if isinstance(value, dict) else value
            for name, value in fields.items()
            if name in TINY
        }
        return Recipe.model_validate({**TINY, **fields, **parts})

    return of


@pytest.fixture
def trained():
    """A function that returns what training leaves, of a given accuracy."""

    def of(accuracy, *, images="a", processor="a processor"):
        return Trained(
            result=Result(
                accuracy=accuracy,
                class_accuracy=(accuracy, 1.0),
                curve=(Epoch(epoch=1, train_loss=0.5, test_accuracy=accuracy),),
                parameters=10,
                macs=20,
                seconds=1.5,
                data_digest=images,
                machine=Machine(
                    processor=processor, system="a system", cores=2, versions={}
                ),
            ),
            probabilities=torch.full((4, 2), 0.5),
            weights={"weight": torch.zeros(2)},
        )

    return of


@pytest.fixture
def scripted(trained):
    """A function that returns an executor which answers from a table of accuracies.

    A run whose accuracy is None is left alone; one whose accuracy is text breaks.
    """

    class Scripted:
        def __init__(self, table):
            self.table = table
            self.asked = []

        def execute(self, runs, folder, listen):
            for run in runs:
                self.asked.append(run.title)
                answer = self.table[run.label][run.seed]
                if isinstance(answer, str):
                    folder.save_failure(run, answer, "Traceback ...")
                elif answer is not None:
                    folder.save(run, trained(answer), np.zeros(4))

    return Scripted
