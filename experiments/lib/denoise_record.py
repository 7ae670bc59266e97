"""The record of `denoise`: how it is gathered from the parts, and what is read from it. NumPy only.

A part is one training, or one method that is not trained. Its record holds what `denoising.measured` returns, and

    name          of the part
    method        its row: "diffnet", "convnet", "tnrd", "bm3d", …; parts of a row differ in the seed or in the levels
    kind          "network", "classical" or "input"
    label         the row's name in tables and figures
    parameters    that were trained or, of a classical method, chosen on validation images
    seed, steps   of a training; steps are 0 where nothing is trained
    recipe, training_images, …    of a training, see `study.Trained.record`
    settings      of a classical method: level as text → the chosen parameters
    auto          of a network that is given σ: what `denoising.measured` returns when σ is estimated from the image

A part with "validation_psnr" and without "psnr" is a candidate of the search, measured on validation images alone. One
part may hold "photograph", from `denoising.photographed`, with its arrays. One may hold "in_turns", from
`denoising.milliseconds`: the times of several methods, in place of those of their parts.

The gathered record holds

    levels        σ of 255
    sets          name → count, sizes and SHA-256 of the images (`denoising.about`)
    methods       method → kind, label, parameters, seeds, settings, and
                  results: set → level as text → mean, low, high (95 % interval over images), seeds (the mean of each)
    runs          the trainings: method, seed, steps, recipe and so on
    search        the candidates, the best first
    milliseconds_per_image    method → the time for one image, its size and more (`denoising.milliseconds`)
    photograph    as in the part

and the arrays psnr_SET_METHOD, (seeds, levels, images), NaN at a level at which it was not measured, and those of the
photograph. What `auto` holds becomes the row METHOD-auto.
"""

import numpy as np

from diffnet_tf.evaluation import statistics
from experiments.lib import kept, study, verdicts

AUTO = "-auto"  # the end of a row's name: σ is estimated
OF_A_ROW = ("kind", "label", "parameters", "settings", "at_an_end", "package")
MEASURED = ("sets", "levels", "psnr", "results", "milliseconds_per_image", "auto")


def gather(runs, root):
    """The record and the arrays of the experiment, from the records of its parts: a `study.Result`.

    Args:
        runs: records of parts. Of one name, that with the most steps counts; on a set, those with the most images.
        root: the results folder; not used.

    Raises:
        ValueError: when parts of a row were measured on different images, or nothing was measured.
    """
    runs = kept.by_budget(runs)
    times = {
        method: part["milliseconds_per_image"]
        for run in sorted(runs, key=lambda run: run.get("seed", 0), reverse=True)  # of several seeds that of the first
        for method, part in _with_auto(run).items()
        if "milliseconds_per_image" in part
    }
    for run in runs:
        times |= run.get("in_turns", {})
    best = study.most_steps([run for run in runs if not {"photograph", "in_turns"} & run.keys()], study.LEFT_OUT)
    measured = [run for run in best if "psnr" in run]
    if not measured:
        raise ValueError("Nothing was measured on test images yet: train a network, or measure a classical method.")
    rows = {}
    for run in measured:
        for method, part in _with_auto(run).items():
            rows.setdefault(method, []).append(part)
    sets = _sets(sum(rows.values(), []))
    levels = sorted({level for run in measured for level in run["levels"]})
    arrays, methods = {}, {}
    for method, parts in rows.items():
        seeds = sorted({part.get("seed", 0) for part in parts})
        of_row = {name: _values(parts, seeds, name, about, levels) for name, about in sets.items()}
        of_row = {name: values for name, values in of_row.items() if np.isfinite(values).any()}
        arrays |= {f"psnr_{name}_{method}": values for name, values in of_row.items()}
        results = {name: _results(values, levels) for name, values in of_row.items()}
        about_row = {key: parts[0][key] for key in OF_A_ROW if key in parts[0]}
        methods[method] = {**about_row, "seeds": seeds, "results": results}
    record = {
        "budget": verdicts.budgets(best),
        "levels": levels,
        "sets": sets,
        "methods": methods,
        "runs": [{k: v for k, v in run.items() if k not in MEASURED} for run in measured if run["kind"] == "network"],
        "search": sorted(_candidates(best), key=lambda run: -run["validation_psnr"]),
        "milliseconds_per_image": {method: times[method] for method in methods if method in times},
    }
    for run in runs:
        if "photograph" in run:
            record["photograph"] = run["photograph"]
            arrays |= run["arrays"]
    return study.Result(record, arrays)


def _candidates(runs):
    return [run for run in runs if "psnr" not in run and "validation_psnr" in run]


def _with_auto(run):
    """Method → measurement of a part, with σ given and, if it was measured, with σ estimated."""
    if "psnr" not in run:
        return {}
    found = {run["method"]: run}
    if "auto" in run:
        found[run["method"] + AUTO] = {**run, **run["auto"], "label": f"{run['label']}, σ estimated"}
    return found


def _sets(parts):
    """The largest version of each set of images.

    Raises:
        ValueError: when two of the same number of images differ.
    """
    found = {}
    for part in parts:
        for name, about in part["sets"].items():
            there = found.setdefault(name, about)
            if about["count"] == there["count"] and about["sha256"] != there["sha256"]:
                raise ValueError(
                    f"{part['name']} was measured on other images of {name} (SHA-256 {about['sha256'][:12]}…) than "
                    f"another part ({there['sha256'][:12]}…). Remove one of them from the runs."
                )
            found[name] = max(there, about, key=lambda each: each["count"])
    return found


def _values(parts, seeds, name, about, levels):
    """PSNR on a set, (seeds, levels, images), NaN where it was not measured."""
    values = np.full((len(seeds), len(levels), about["count"]), np.nan, "float32")
    for part in parts:
        if part["sets"].get(name) == about:
            for level, psnr in zip(part["levels"], part["psnr"][name], strict=True):
                values[seeds.index(part.get("seed", 0)), levels.index(level)] = psnr
    return values


def _results(values, levels):
    """Level as text → mean over images and seeds, its interval, and the mean of each seed."""
    found = {}
    for k, level in enumerate(levels):
        of_level = values[np.isfinite(values[:, k]).all(axis=1), k]
        if len(of_level):
            mean, low, high = (round(value, 4) for value in statistics.interval(of_level))
            seeds = [round(float(value), 4) for value in of_level.mean(axis=1, dtype="float64")]
            found[str(level)] = {"mean": mean, "low": low, "high": high, "seeds": seeds}
    return found


# ---- Readers ---------------------------------------------------------------------------------------------------------


def psnr(record, arrays, method, level, name="bsd68"):
    """PSNR of every image of a set by a method at a level: (seeds, images).

    Raises:
        verdicts.NotRun: where it was not measured.
    """
    key = f"psnr_{name}_{method}"
    if key not in arrays or level not in record["levels"]:
        raise verdicts.NotRun(f"no run of {method} on {name}")
    values = arrays[key][:, record["levels"].index(level)]
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        raise verdicts.NotRun(f"no run of {method} on {name} at σ = {level}")
    return values


def trainings(record, method):
    """The trainings of a row, of whichever seed and level; σ estimated or given are of the same trainings."""
    return [run for run in record["runs"] if run["method"] == method.removesuffix(AUTO)]


# ---- Numbers of papers -----------------------------------------------------------------------------------------------

# Mean PSNR in dB on BSD68 and Set12 at σ = 15, 25, 50, with other draws of the noise, as reported by Zhang, Zuo, Chen,
# Meng & Zhang: Beyond a Gaussian denoiser, IEEE Trans. Image Processing 26 (2017), 3142–3155. DnCNN-S has a network for
# each σ; DnCNN-B is one network, which is not given σ.
PUBLISHED_AT = (15, 25, 50)
PUBLISHED = {
    "bm3d": {"label": "BM3D", "bsd68": (31.07, 28.57, 25.62), "set12": (32.37, 29.97, 26.72)},
    "tnrd": {"label": "TNRD", "bsd68": (31.42, 28.92, 25.97), "set12": (32.50, 30.06, 26.81)},
    "dncnn-s": {
        "label": "DnCNN-S",
        "parameters": 556_000,
        "bsd68": (31.73, 29.23, 26.23),
        "set12": (32.86, 30.44, 27.18),
    },
    "dncnn-b": {
        "label": "DnCNN-B",
        "parameters": 667_000,
        "bsd68": (31.61, 29.16, 26.23),
        "set12": (32.68, 30.36, 27.21),
    },
}
