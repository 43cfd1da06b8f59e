"""What the tests of Keras layers start from; the backend is that of KERAS_BACKEND.

A test that takes ``form`` runs for every block, fusion and variant of the catalogue.
"""

import os
import sys
from pathlib import Path

# before the first import of jax, which has no float64 otherwise
os.environ.setdefault("JAX_ENABLE_X64", "1")
# benchmarks are no part of the package: they are found beside the tests
sys.path.append(str(Path(__file__).parents[2]))

import keras
import pytest
from benchmarks.twinning import forms


def pytest_generate_tests(metafunc):
    if "form" in metafunc.fixturenames:
        metafunc.parametrize("form", forms())


@pytest.fixture(autouse=True)
def _keras_as_it_was():
    """Seed Keras, and undo what a test sets for the whole process."""
    keras.utils.set_random_seed(0)
    order, policy, kind = (
        keras.config.image_data_format(),
        keras.config.dtype_policy(),
        keras.config.floatx(),
    )
    yield
    keras.config.set_image_data_format(order)
    keras.config.set_floatx(kind)
    keras.config.set_dtype_policy(policy)
