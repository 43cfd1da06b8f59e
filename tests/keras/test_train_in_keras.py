"""The example that trains in Keras and goes on in PyTorch, made small."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

FILE = Path(__file__).parents[2] / "examples/train_in_keras.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("train_in_keras", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.OPTIONS["width"] = 4
    return module


@pytest.mark.slow
def test_pytorch_names_every_image_as_keras_does(example):
    data = example.digits(images=192)

    model = example.train(data, epochs=1)

    logits = model.predict(data.test_x, verbose=0)
    there = example.logits_of(example.moved(model), data.test_x)
    np.testing.assert_allclose(there, logits, rtol=0, atol=1e-5)
    assert (there.argmax(axis=1) == logits.argmax(axis=1)).all()
    again = example.reloaded(model).predict(data.test_x, verbose=0)
    np.testing.assert_array_equal(again, logits)


def test_digits_are_as_large_as_the_network_expects_and_each_is_used_once(example):
    data = example.digits(images=30)

    assert data.train_x.shape == (20, 24, 24, 1)
    assert data.test_x.shape == (10, 24, 24, 1)
    assert data.train_x.min() == -1
    assert data.train_x.max() == 1
