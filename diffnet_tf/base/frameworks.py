"""The framework on which Keras runs: chosen before Keras is imported. Says what to do where one is missing.

Standard library only.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path

VARIABLE = "KERAS_BACKEND"
DEFAULT = "tensorflow"  # Keras's
OTHERS = ("jax", "torch")  # in the order in which we choose
NAMES = {"tensorflow": "TensorFlow", "tensorflow_datasets": "TensorFlow Datasets", "jax": "JAX", "torch": "PyTorch"}


def installed(name: str) -> bool:
    """Whether a package is installed. Does not import it."""
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # replaced in sys.modules
        return name in sys.modules


def choose() -> None:
    """Where TensorFlow is not installed, let Keras run on JAX or, where there is no JAX either, on PyTorch.

    Keras itself would try TensorFlow and fail. Does nothing if the user has chosen (KERAS_BACKEND, or another backend
    than TensorFlow in keras.json), or if Keras is imported already.
    """
    if (
        VARIABLE in os.environ
        or "keras" in sys.modules
        or installed(DEFAULT)
        or _in_keras_json() not in (None, DEFAULT)
    ):
        return
    for name in filter(installed, OTHERS):
        os.environ[VARIABLE] = name
        return


def _in_keras_json() -> str | None:
    """The backend in Keras's own settings. (Keras writes the file when it is first imported, with TensorFlow.)"""
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    try:
        return json.loads(path.read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        return None


def advice(error: ModuleNotFoundError) -> str:
    """What to do about a missing framework, on one line; "" if another module is missing."""
    package = (error.name or "").partition(".")[0]
    if package not in NAMES:
        return ""
    name, chosen = NAMES[package], os.environ.get(VARIABLE)
    if chosen == package:
        others = [other for other in (DEFAULT, *OTHERS) if other != chosen and installed(other)]
        use = f"Set {VARIABLE}={others[0]}, which is installed, or install {name}." if others else f"Install {name}."
        return f"{VARIABLE}={chosen}, but {name} is not installed. {use} See docs/devices.md."
    if not any(map(installed, (DEFAULT, *OTHERS))):
        return (
            "Keras needs TensorFlow or JAX, and neither is installed. For JAX: pip install -r requirements-jax.txt. "
            "For TensorFlow: pip install tensorflow. See docs/devices.md."
        )
    return f"This needs {name}, which is not installed. Install it: pip install {package.replace('_', '-')}"
