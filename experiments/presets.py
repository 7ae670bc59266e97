"""Make the presets of the package from trained networks: python -m experiments.presets [--results-dir DIR]

Each preset is a file of weights and a model card in diffnet_tf/networks/weights. So is the network that estimates the
diffusion (`dn.estimate_diffusion`). From the project's own results/ this
makes the files of the package, byte for byte. To train a network again, first run the command on its card.
"""

import sys
from pathlib import Path

from diffnet_tf import files
from diffnet_tf.base import choices, command_line
from diffnet_tf.files import model_files, reading
from diffnet_tf.networks import cards, presets
from experiments import all_noise, any_noise, denoise, denoise_colour, inverse_any, precision, rounding
from experiments.lib import (
    denoise_card,
    diffusion_network,
    given_card,
    given_record,
    records,
    registry,
    settings,
    study,
)
from experiments.lib.options import OWN_SPLIT

LIMITS = {
    "forward": "It computes one diffusion, the one on this card, of an image that is scaled to a maximum of 1. It is "
    "slower than the diffusion itself. Use it to differentiate through, to look inside, or as a start for your own "
    "training.",
    "inverse": "It undoes one diffusion, the one on this card, of an image that is scaled to a maximum of 1 and has "
    "the noise on this card. It amplifies stronger noise. If the noise is weaker, it removes detail together with the "
    "noise that it expects. It only sharpens an ordinary photograph, which was not diffused in this way.",
    "deconvolution": "It undoes one diffusion, the one on this card, of images like those that it was trained on: "
    "single disks of one gray value, at most 1, on black, without noise. On other images the result is meaningless.",
}
# What matters for images of 8 bits, whose rounding is noise of 0.11 % (the experiment `rounding`).
ROUNDED = {
    0.0: " Rounding to 8 bits is noise of 0.11 %: for diffused images with 8 bits take 'inverse-0.1pct'.",
    0.001: " It suits diffused images with 8 bits, since rounding to 8 bits is noise of 0.11 %.",
}

ANY_NOISE = (
    "It undoes one diffusion, the one on this card, of an image that is scaled to a maximum of 1. It is given σ of the "
    "noise, or estimates it from the image. It is the one to start with. If you know that the image has no noise, not "
    "even the rounding to 8 bits, take 'inverse', which is far better then. It only sharpens an ordinary photograph, "
    "which was not diffused in this way."
)

PHOTOGRAPHS = {"kind": "photographs, gray", "between": None}
# The kind of image that a preset was trained on; and, if this distinguishes it from others, the largest share of pixels
# between 10 and 90 % of white: 12 % for diffused disks, 58 % and more for scikit-image's photographs.
IMAGES = {
    "forward": PHOTOGRAPHS,
    "inverse": PHOTOGRAPHS,
    "deconvolution": {"kind": "single disks of one gray value on black", "between": 0.25},
}

CARDS = "README.md"
TITLE = """# Model cards

The trained networks that come with the package. Each card says what the network does, where its limits are, what it was
trained on, and how good it is. `diffnet-tf presets NAME` prints a card in the terminal. In Python,
`dn.presets.card(name)` gives it as a dict, with more details. This page is made by `python -m experiments.presets`.
"""


def card(record, measured_beside=None):
    """A preset's model card, from its experiment's record and from further measurements, see `beside`."""
    results = record["results"]
    output = "diffnet" if "diffnet" in results else "test"
    quality = {"input": _psnr(results["degraded"]), "output": _psnr(results[output]), **(measured_beside or {})}
    limits = LIMITS[record["problem"]] + ROUNDED.get(record["noise"], "") * (record["problem"] == "inverse")
    module = registry.names()[record["experiment"]]
    return _card(record, record, record["noise"], "range 1", quality, limits, f"python -m experiments.{module}")


def any_noise_card(record):
    """The card of the preset that is given σ, from the record of `any_noise` and of the training in it."""
    quality, results = {}, record["results"]
    for name, kind in (("input", "degraded"), ("output", "given")):
        quality[name] = _psnr(results[f"{any_noise.CARD:g}"][kind])
    kinds = {"input": "degraded", "given": "given", "estimated": "auto"}
    quality["levels"] = {
        level: {name: found[kind]["psnr"]["mean"] for name, kind in kinds.items()} for level, found in results.items()
    }
    training = {**record["training"], "experiment": all_noise.NAME}
    about = f"range 1, with {100 * any_noise.CARD:g} % noise and σ given"
    command = f"python -m experiments.all_noise --only conditioned --steps {training['steps']}"
    described = _card(record, training, list(settings.ANY_NOISE.noise), about, quality, ANY_NOISE, command)
    images = _images(record)
    described["command"] = described["command"].replace(
        "&& ", f"&& python -m experiments.any_noise --budget cpu {images}--results_dir results && ", 1
    )
    return described


def _psnr(result):
    return {key: result["psnr"][key] for key in ("mean", "std", "min", "max", "n")}


def _card(record, training, noise, measure, quality, limits, command):
    kept = ("experiment", "source", "data", "note", "training_images", "steps", "seed", "training_seconds")
    return {
        "problem": record["problem"],
        "noise": noise,
        "diffusion": record["diffusion"],
        "images": IMAGES[record["problem"]],
        "training": {key: training[key] for key in (*kept, "commit", "recipe", "versions")},
        "quality": {"measure": f"PSNR of each image in dB, {measure}", "data": record["test_data"], **quality},
        "limits": limits,
        "command": f"{command} --budget {record['budget']} {_images(record)}--results_dir results "
        "&& python -m experiments.presets",
    }


def _images(record):
    """The flags for a record's images, followed by a space; "" if the experiment makes its images itself.

    They have underscores, as in the cards of earlier versions, which stay the same byte for byte.
    """
    if record["source"] == "disks":
        return ""
    named = f"--data_dir {record['data']} " * (record["data"] != record["source"])
    named += f"--test_dir {record['test_data']} " * (record["test_data"] != OWN_SPLIT)
    return f"--source {record['source']} {named}"


def beside(root):
    """Preset → measurements of other experiments, if they have run: {"precision": …, "rounded": …}.

    "precision" is {precision → mean PSNR, loss in dB, n}; "rounded", for rounded inputs, is {"8 bits" → mean PSNR, …}.
    """
    measured = {}
    if record := _record(root, precision.NAME):
        for preset, results in record["results"].items():
            names = ("bfloat16", "auto", "TF32")
            lost = {name: precision.lost(record, preset, name) for name in names}
            measured.setdefault(preset, {})["precision"] = {
                name: {"mean": results[name]["mean"], "cost": lost[name], "n": results[name]["n"]} for name in names
            }
    if record := _record(root, rounding.NAME):
        for preset, results in record["results"].items():
            psnr = {name: results[name]["psnr"] for name in ("16 bits", "8 bits")}
            measured.setdefault(preset, {})["rounded"] = {
                name: {key: of[key] for key in ("mean", "std", "n")} for name, of in psnr.items()
            }
    return measured


def _record(root, name):
    """An experiment's record; None if it has not run."""
    return records.load(root / name)[0] if (root / name / records.RECORD).exists() else None


PSNR = "{mean:.2f} ± {std:.2f} dB"


def contents(described):
    """A table of all model cards: Markdown."""
    lines = ["| preset | task | PSNR of its input | PSNR of its result |", "|---|---|---|---|"]
    for card in described:
        quality, anchor = card["quality"], card["name"].replace(".", "")
        psnr = " | ".join(PSNR.format(**quality[side]) for side in ("input", "output"))
        lines.append(f"| [`{card['name']}`](#{anchor}) | {cards.task(card)} | {psnr} |")
    return "\n".join(lines) + "\n"


def as_markdown(described):
    """A model card as text, from its dict: a section of weights/README.md."""
    training, quality = described["training"], described["quality"]
    minutes, recipe = training["training_seconds"] / 60, training["recipe"]["name"]
    psnr = PSNR + " (from {min:.2f} to {max:.2f})"
    diffusion = dict(described.get("diffusion", {}))
    undone = f"| diffusion | `{_call(diffusion.pop('name'), diffusion)}` |\n" if diffusion else ""
    return f"""## {described["name"]}

{described["limits"]}

| task | {cards.task(described)} |
|---|---|
{undone}| images | {described["images"]["kind"]} |
| network | `{_network(dict(described["network"]))}` |
| trained on | {training["data"]}, {training["training_images"]:,} images{_note(training)} |
| training | recipe `{recipe}`, {training["steps"]:,} steps, {minutes:.0f} min, seed {training["seed"]} |
| tested on | {quality["data"]}, {quality["output"]["n"]} images: {quality["measure"]}, mean ± standard deviation |
| its input | {psnr.format(**quality["input"])} |
| **its result** | **{psnr.format(**quality["output"])}** |
{_further(quality)}| trained by | `{described["command"]}`, at commit {training["commit"][:7]} |
| SHA-256 of the weights | `{described["sha256"]}` |
"""


def _network(arguments):
    return _call(arguments.pop("class", "DiffNet"), arguments)


def _call(name, arguments):
    """As code: name(argument=value, …)."""
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _note(training):
    return f". {training['note']}" if training["note"] else ""


def _further(quality):
    return _levels(quality) + _settings(quality) + _rounded(quality) + _precision(quality)


def _settings(quality):
    return "".join(
        f"| with λ, T, σ = {name.replace('-', ', ')} | {of['input']:.2f} dB → {of['output']:.2f} dB |\n"
        for name, of in quality.get("settings", {}).items()
    )


def _levels(quality):
    return "".join(
        f"| {_of_noise(level)} | {of['input']:.2f} dB → {of['given']:.2f} dB if σ is given, "
        f"{of['estimated']:.2f} dB if it is estimated |\n"
        for level, of in quality.get("levels", {}).items()
    )


def _of_noise(level):
    """A level of noise in words, from the text on a card: "0.01", or "25/255"."""
    return f"with σ = {level}" if "/" in level else f"with {100 * float(level):g} % noise"


def _rounded(quality):
    return "".join(
        f"| from input without noise, rounded to {bits} | {PSNR.format(**of)} |\n"
        for bits, of in quality.get("rounded", {}).items()
    )


def _precision(quality):
    lines = {
        "bfloat16": "with the inner convolutions in bfloat16",
        "auto": "with the last ones in bfloat16, too",
        "TF32": "in TF32 (emulated)",
    }
    return "".join(
        f"| {lines[name]} | {of['mean']:.2f} dB ({-of['cost']:+.3f} dB) |\n"
        for name, of in quality.get("precision", {}).items()
    )


DENOISERS = ((denoise, "gray", "denoise"), (denoise_colour, "colour", "denoise-colour"))
MEASURED = "DiffNet,test-DiffNet,classical-input"  # the parts of `denoise` that its card is about


def _denoiser(experiment, kind, preset, chosen):
    """Make a preset that removes ordinary noise, if its experiment has been run."""
    directory = chosen.results_dir / experiment.NAME
    if not (directory / records.RECORD).exists():
        return
    record, arrays = records.load(directory)
    runs = [run for run in study.finished(directory) if run["name"] == denoise_card.TRAINED]
    training = max(runs, key=lambda run: run["steps"])
    named = f"--source {training['source']} --data-dir {training['data']}"
    if experiment is denoise:
        named += f" --test-dir {next(iter(record['sets']))} --only {MEASURED}"
    module = registry.names()[experiment.NAME]
    command = f"python -m experiments.{module} --budget {training['budget']} {named} --results-dir results"
    images = {"kind": f"photographs, {kind}", "between": None}
    described = denoise_card.card(record, arrays, training, kind, images, command)
    model = model_files.load(directory / study.RUNS / f"{training['file']}{model_files.SUFFIX}")
    presets.save(preset, model, described, chosen.folder)
    print(chosen.folder / f"{preset}.npz")


def _inverse_any(chosen):
    """Make the preset that is given the diffusion, if its experiment has been run."""
    directory = chosen.results_dir / inverse_any.NAME
    if not (directory / records.RECORD).exists():
        return
    record, arrays = records.load(directory)
    runs = [run for run in study.finished(directory) if run["name"] == given_record.OURS]
    training = max(runs, key=lambda run: run["steps"])
    command = f"python -m experiments.inverse_any --budget {training['budget']} {_images(training)}--results_dir"
    described = given_card.card(record, arrays, training, PHOTOGRAPHS, f"{command} results")
    model = model_files.load(directory / study.RUNS / f"{training['file']}{model_files.SUFFIX}")
    presets.save(inverse_any.NAME, model, described, chosen.folder)
    print(chosen.folder / f"{inverse_any.NAME}.npz")


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m experiments.presets", description=__doc__)
    parser.add_argument(
        "--results-dir", default="results", type=Path, help="folder with the records and the trained networks"
    )
    parser.add_argument(
        "--folder",
        default=cards.FOLDER,
        type=Path,
        help="folder to write the presets to (default: that of the package)",
    )
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Make all presets whose experiment has been run. Returns the exit status."""
    chosen = parser().parse_args(arguments)
    measured = beside(chosen.results_dir)
    for setting in settings.SETTINGS:
        directory = chosen.results_dir / setting.experiment
        if (directory / records.MODEL).exists():
            described = card(_record(chosen.results_dir, setting.experiment), measured.get(setting.preset))
            presets.save(setting.preset, model_files.load(directory / records.MODEL), described, chosen.folder)
            print(chosen.folder / f"{setting.preset}.npz")
    if record := _record(chosen.results_dir, any_noise.NAME):
        preset = settings.ANY_NOISE.preset
        presets.save(preset, any_noise.trained(chosen.results_dir)[0], any_noise_card(record), chosen.folder)
        print(chosen.folder / f"{preset}.npz")
    for experiment, kind, preset in DENOISERS:
        _denoiser(experiment, kind, preset, chosen)
    _inverse_any(chosen)
    if path := diffusion_network.package(chosen.results_dir, chosen.folder):
        print(path)
    paths = [path for name in choices.PRESETS if (path := chosen.folder / f"{name}.json").exists()]
    described = [reading.json_object(path) for path in paths]
    files.write_text(chosen.folder / CARDS, "\n".join([TITLE, contents(described), *map(as_markdown, described)]))


if __name__ == "__main__":
    sys.exit(main())
