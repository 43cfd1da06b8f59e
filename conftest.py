"""What pytest collects: the tests of Keras layers only where a backend is named.

A process has one backend of Keras, so these tests run on their own, once for each:
``KERAS_BACKEND=jax pytest tests/keras src/foveate/keras docs/keras.md``.
"""

import os

TWINS = ("tests/keras", "src/foveate/keras", "docs/keras.md")

collect_ignore = [] if os.environ.get("KERAS_BACKEND") else list(TWINS)
