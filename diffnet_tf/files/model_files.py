"""Models as Keras's `.keras` files: equal models give equal files, and reading a file never runs code from it."""

import contextlib
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffnet_tf import files
from diffnet_tf.base.types import PathLike

if TYPE_CHECKING:
    import keras

SUFFIX = ".keras"
SAFE_KERAS = (3, 15, 1)
LARGEST_EXPANSION = 20


def save(model: "keras.Model", path: PathLike) -> None:
    """Write a model to a `.keras` file, completely or not at all, without its optimiser and without the date."""
    path = Path(path)
    written = path.with_name(f".{path.stem}.keras-written{SUFFIX}")
    try:
        with without_optimizer(model):
            model.save(written)
        with (
            files.replacing(path) as partial,
            zipfile.ZipFile(written) as source,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as target,
        ):
            for name in source.namelist():
                # A ZipInfo without a date is dated 1980, the earliest year of ZIP.
                with target.open(zipfile.ZipInfo(name), "w") as out:
                    if name == "metadata.json":
                        out.write(json.dumps({**json.loads(source.read(name)), "date_saved": ""}).encode())
                    else:
                        with source.open(name) as member:
                            shutil.copyfileobj(member, out)
    finally:
        written.unlink(missing_ok=True)


# What `keras.Model.compile` adds to a model, and Keras saves.
_OF_COMPILING = ("optimizer", "_compile_loss", "_compile_metrics", "_loss_tracker")


@contextlib.contextmanager
def without_optimizer(model: "keras.Model") -> Iterator[None]:
    """A block in which a model seems not compiled, so that it is saved without its optimiser.

    The optimiser's state is much larger than the weights: 11 MB for SOAP and DiffNet, whose weights have 0.4 MB.
    """
    hidden = {name: vars(model).pop(name) for name in _OF_COMPILING if name in vars(model)}
    compiled = vars(model).pop("compiled", False)
    vars(model)["compiled"] = False
    try:
        yield
    finally:
        vars(model).update(hidden, compiled=compiled)


def load(path: PathLike) -> "keras.Model":
    """Load a model from a .keras file, in Keras's safe mode, not compiled.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if Keras cannot read the file; if reading it would run code; if a later Keras wrote it; if it
            unpacks to far more than its size; or if the installed Keras is too old to have a safe mode to rely on.
    """
    import keras

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected a model saved as {SUFFIX}.")
    if path.suffix != SUFFIX:
        raise ValueError(f"{path} ends in {path.suffix or 'nothing'!r}; expected a model saved as {SUFFIX}.")
    if _numbers(keras.__version__) < SAFE_KERAS:
        raise ValueError(
            f"Keras {keras.__version__} is installed; expected at least {'.'.join(map(str, SAFE_KERAS))}, since a "
            "model file can get around the safe mode of earlier ones. Upgrade it: pip install --upgrade keras."
        )
    try:
        written = _checked(path)
        if _numbers(written)[:1] > _numbers(keras.__version__)[:1]:
            raise ValueError(f"Keras {written} wrote it, which is later than the installed Keras {keras.__version__}")
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises errors of many kinds
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise ValueError(f"{path} cannot be loaded as a model ({reason}).") from error


def _checked(path: Path) -> str:
    """The version of Keras that wrote a file. Refuses a file that unpacks to far more: Keras does not compress."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > LARGEST_EXPANSION * path.stat().st_size:
            raise ValueError(f"it unpacks to {unpacked:,} bytes, far more than a model file should")
        _check_modules(json.loads(archive.read("config.json")))
        return str(json.loads(archive.read("metadata.json"))["keras_version"])


def _check_modules(configuration: Any) -> None:
    """Refuse modules that are not loaded: Keras would import some by name, from wherever Python looks first."""
    if isinstance(configuration, dict):
        module = configuration.get("module")
        if isinstance(module, str) and module.split(".")[0] not in sys.modules:
            raise ValueError(
                f"it names the module {module!r}, which is not loaded: first import the module that defines its layers"
            )
        configuration = list(configuration.values())
    if isinstance(configuration, list):
        for part in configuration:
            _check_modules(part)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
