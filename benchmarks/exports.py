"""The loss of quality by an export: mean PSNR of the presets in every runtime, compared with Keras in float32.

python -m benchmarks.exports --source stl10_binary --test-dir DIR  # minutes; needs `pip install .[export]`
"""

import importlib.metadata
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import runtimes
from diffnet_tf import files, metrics
from diffnet_tf.base import choices, command_line
from diffnet_tf.networks import presets
from experiments.lib import measure
from experiments.lib.options import Options
from experiments.precision import MEASURED

PACKAGES = ("tensorflow", "onnxruntime", "ai-edge-litert", "openvino")
HINT = "openvino without the hint"
COLUMNS = {
    "tf_saved_model": "SavedModel",
    "onnx": "ONNX Runtime",
    "litert": "LiteRT",
    "openvino": "OpenVINO, f32",
    HINT: "OpenVINO without the hint",
}
NAME = "exports.json"


def psnr(setting, images):
    """Mean PSNR of a preset in Keras and in every runtime, and the largest difference from Keras for a single image.

    Args:
        setting: a `settings.Setting`.
        images: (n, height, width, 1).

    Returns:
        Runtime → {"mean", "largest_difference"} in dB; "keras" first.
    """
    inputs, targets = measure.pairs(measure.Task(setting.problem, setting.noise), images)
    model = presets.from_preset(setting.preset)

    def of_images(function):
        return np.asarray(metrics.psnr(targets, measure.batched(function, inputs)))

    reference = of_images(measure.applied(model))
    values = {"keras": reference}
    with tempfile.TemporaryDirectory() as folder:
        for kind, (suffix, _, run) in runtimes.FORMATS.items():
            path = Path(folder) / f"{kind}{suffix}"
            model.export(path, kind, verbose=False)
            values[kind] = of_images(run(path))
        values[HINT] = of_images(runtimes.openvino(path))  # the last of the formats is OpenVINO's
    return {
        name: {"mean": float(found.mean()), "largest_difference": float(np.abs(found - reference).max())}
        for name, found in values.items()
    }


def table(record):
    """The table of docs/export.md, from the record: Markdown."""
    lines = [f"| preset | Keras, float32 | {' | '.join(COLUMNS.values())} |", "|---" * (2 + len(COLUMNS)) + "|"]
    for preset, found in record["psnr"].items():
        keras = found["keras"]["mean"]
        cells = [f"{round(found[kind]['mean'] - keras, 4) + 0.0:+.4f}" for kind in COLUMNS if kind != HINT]
        cells.append(f"{found[HINT]['mean'] - keras:+.2f} ({found[HINT]['mean']:.2f} dB)")
        lines.append(
            f"| `{preset}` | {keras:.2f} dB | {' | '.join(cells)} |".replace("-", "−").replace("`inverse−", "`inverse-")
        )
    largest = max(
        found[kind]["largest_difference"] for found in record["psnr"].values() for kind in COLUMNS if kind != HINT
    )
    names = ", ".join(f"{name} {version}" for name, version in record["runtimes"].items())
    text = (
        f"Mean PSNR of the {record['image_sets']['test']['count']} images of `{record['test_data']}`, and what each "
        f"runtime adds to it, in dB. No single image differs by more than {largest:.1g} dB, but in OpenVINO without "
        f"the hint. On an {record['hardware']['processor']}, by {names}."
    )
    return "\n".join([*lines, "", text])


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m benchmarks.exports", description=__doc__)
    parser.add_argument("--source", choices=choices.SOURCES, default="skimage", help="source of the images")
    parser.add_argument("--test-dir", help="folder with test images; all are used (default: none; skimage needs none)")
    parser.add_argument("--results-dir", default="results/benchmarks", type=Path, help="folder for the record")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Export and measure. Returns the exit status."""
    chosen = parser().parse_args(arguments)
    options = Options("exports", source=chosen.source, data_dir=chosen.test_dir, test_dir=chosen.test_dir)
    images = options.images("test")
    found = {setting.preset: psnr(setting, images) for setting in MEASURED}
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    record = {**options.provenance(), "runtimes": versions, "psnr": found}
    files.write_json(files.check_writable(chosen.results_dir) / NAME, record)
    print(table(record))


if __name__ == "__main__":
    sys.exit(main())
