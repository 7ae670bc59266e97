"""Records: `record.json` and `arrays.npz`, from which a figure can be drawn again, and its numbers checked.

A record holds the configuration of a run (experiment, budget, source, seed), the versions and the commit, and the
results. Equal runs leave equal files, whether they were stopped in between or not. The machine and the times, which
differ between equal runs, are in `run.json` beside it. NumPy and the standard library only, to draw without Keras.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf import files
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.files import reading

RECORD, RUN, ARRAYS, FIGURE, MODEL = "record.json", "run.json", "arrays.npz", "figure.png", "model.keras"
COMMITTED = Path(__file__).resolve().parents[2] / "results"  # the project's own
# What of a record is kept in run.json.
OF_THE_RUN = ("hardware", "training_seconds", "wall_seconds", "times", "milliseconds_per_image")


def save(directory: PathLike, record: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write `record.json`, `run.json` and `arrays.npz`.

    Args:
        directory: a folder, made if it is missing.
        record: a dict of plain values; NaN and infinity are refused. The keys in `OF_THE_RUN` go into `run.json`.
        arrays: name → NumPy array.
    """
    directory = files.check_writable(directory)
    of_the_run = {key: record[key] for key in OF_THE_RUN if key in record}
    rest = {key: value for key, value in record.items() if key not in OF_THE_RUN}
    texts = [files.json_text(values) for values in (of_the_run, rest)]  # refuses them before anything is written
    files.write(directory / ARRAYS, lambda file: np.savez_compressed(file, **dict(arrays)))  # type: ignore[arg-type]
    for name, text in zip((RUN, RECORD), texts):
        files.write_text(directory / name, text)


def load(directory: PathLike) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read what `save` wrote: (record with what is in `run.json`, arrays).

    Raises:
        FileNotFoundError: when the folder holds no record, with what to run.
        ValueError: naming the file, when one of them is damaged.
    """
    directory = Path(directory)
    if not (directory / RECORD).exists():
        advice = "run the experiment first, or name another --results-dir"
        raise FileNotFoundError(f"{directory} holds no {RECORD}: {advice}.")
    advice, record = "run the experiment again", {}
    for name in (RECORD, RUN):
        if (directory / name).exists():
            record |= reading.json_object(directory / name, advice)
    return record, reading.arrays(directory / ARRAYS, advice=advice)
