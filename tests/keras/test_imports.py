"""The package of layers needs one backend of Keras, and no PyTorch beside it."""

import os
import subprocess
import sys

import keras
import pytest

USE = """
import sys


class NoTorch:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(name=name)


sys.meta_path.insert(0, NoTorch())
import numpy as np
import foveate.keras as fk

layer = fk.create("cbam", reduction=4)
y = layer(np.ones((2, 5, 7, 32), "float32"))
assert tuple(y.shape) == (2, 5, 7, 32)
state = fk.state_dict(layer)
fk.from_torch(layer, state)
fusion = fk.create("gated")
assert tuple(fusion([y, y]).shape) == (2, 5, 7, 32)
print(sorted(state)[0], "torch" in sys.modules)
"""

WITHOUT_KERAS = """
import sys
sys.modules["keras"] = None
import foveate
try:
    foveate.keras.create
except ImportError as problem:
    print(type(problem).__name__, problem)
"""

UNTOUCHED = """
import sys
import foveate
foveate.names()
print(sorted({"keras", "torch", "numpy"} & set(sys.modules)))
"""


def said_by(code):
    found = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout.strip()


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="it is the backend")
def test_nothing_needs_torch_unless_it_is_the_backend():
    assert said_by(USE) == "channel.fc1.bias False"


@pytest.mark.slow
def test_without_keras_an_error_says_how_to_install_it():
    assert said_by(WITHOUT_KERAS) == (
        "MissingExtraError this needs the package 'keras', which is not installed. "
        "Install it with: pip install 'foveate[keras]'"
    )


def test_the_package_itself_imports_no_keras():
    assert said_by(UNTOUCHED) == "[]"
