"""The record of `inverse_any`: how it is gathered from the parts, and what is read from it. NumPy only.

A part is a training ("network": inverse-any, specialist, or a candidate of the search), a measurement of one on test
images ("of": the name of the training), or a classical method at one setting. The gathered record holds

    settings      names of the settings, "λ-T-σ", in the order of the arrays
    methods       row → kind, label and, setting by setting, results: mean, low, high (95 % interval over images)
    runs          the trainings that were measured
    search        the candidates, the best first
    wrong, noiseless, diffusivities, photograph    of seed 0, as `given_diffusion` and `given_classical` return them
    choices       classical method → setting → chosen parameters, and those at an end of their scale

and the arrays psnr_ROW, (seeds, settings, images), NaN where it was not measured, and those of the photograph.
"""

import numpy as np

from diffnet_tf.evaluation import statistics
from experiments.lib import kept, study, verdicts
from experiments.lib.given_diffusion import NAMES

OURS, SPECIALIST, PRESET = "inverse-any", "specialist", "preset"
OF_SEED_0 = ("wrong", "noiseless", "diffusivities", "photograph")


def gather(runs, root):
    """The record and the arrays, from the records of the parts: a `study.Result`.

    Args:
        runs: records of parts. Of one name, that with the most steps counts.
        root: the results folder; not used.
    """
    trained = {run["name"]: run for run in study.most_steps([run for run in runs if "recipe" in run], study.LEFT_OUT)}
    rows, used = {}, {}
    runs = kept.by_budget(runs)
    for run in runs:
        if "of" in run:
            training = trained.get(run["of"], {})
            if run["of"] in trained and (run["steps"], run["budget"]) != (training["steps"], training["budget"]):
                continue  # of a shorter training
            seed, values = training.get("seed", 0), run["arrays"]
            used |= {run["of"]: training} if training else {}
        elif run.get("kind") in ("classical", "input"):
            seed, values = 0, run["arrays"]
            values = {run["setting"]: values["psnr"]} if "setting" in run else values
        else:
            continue
        row = rows.setdefault(run["method"], {"label": run["label"], "kind": run["kind"], "seeds": {}})
        row["seeds"].setdefault(seed, {}).update({name: values[name] for name in values if name in NAMES})
    names = list(NAMES)
    arrays = {f"psnr_{method}": _values(row["seeds"], names) for method, row in rows.items()}
    methods = {
        method: {
            "kind": row["kind"],
            "label": row["label"],
            "seeds": sorted(row["seeds"]),
            "results": _results(arrays[f"psnr_{method}"], names),
        }
        for method, row in rows.items()
    }
    candidates = [run for run in trained.values() if run.get("candidate")]
    record = {
        "settings": names,
        "methods": methods,
        "runs": list(used.values()),
        "search": sorted(candidates, key=lambda run: -run["validation_psnr"]),
        "choices": {},
    }
    if everything := [*used.values(), *candidates]:
        record["budget"] = verdicts.budgets(everything)
    for run in runs:
        record |= {key: run[key] for key in OF_SEED_0 if key in run}
        if "photograph" in run:
            arrays |= run["arrays"]
        if run.get("kind") == "classical":
            chosen = {"choice": run["choice"], "at_an_end": run["at_an_end"]}
            record["choices"].setdefault(run["method"], {})[run["setting"]] = chosen
    return study.Result(record, arrays)


def _values(seeds, names):
    """PSNR of a row, (seeds, settings, images), NaN where it was not measured."""
    count = max((len(values) for of in seeds.values() for values in of.values()), default=0)
    found = np.full((len(seeds), len(names), count), np.nan, "float32")
    for k, seed in enumerate(sorted(seeds)):
        for name, values in seeds[seed].items():
            found[k, names.index(name)] = values
    return found


def _results(values, names):
    found = {}
    for k, name in enumerate(names):
        of = values[np.isfinite(values[:, k]).all(axis=1), k]
        if len(of):
            mean, low, high = (round(value, 4) for value in statistics.interval(of))
            found[name] = {"mean": mean, "low": low, "high": high, "seeds": of.mean(axis=1).round(4).tolist()}
    return found


# ---- Readers ---------------------------------------------------------------------------------------------------------


def psnr(record, arrays, method, name):
    """PSNR of every image by a row at a setting: (seeds, images).

    Raises:
        verdicts.NotRun: where it was not measured.
    """
    key = f"psnr_{method}"
    values = arrays[key][:, record["settings"].index(name)] if key in arrays else np.zeros((0, 1))
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        raise verdicts.NotRun(f"no run of {method} at {name}")
    return values


def classical(record):
    """The rows of classical methods."""
    return [name for name, row in record["methods"].items() if row["kind"] == "classical"]


def best_classical(record, name):
    """(row, its result) of the best classical method at a setting, or None."""
    found = [(row, record["methods"][row]["results"].get(name)) for row in classical(record)]
    return max(((row, of) for row, of in found if of), key=lambda each: each[1]["mean"], default=None)


def trainings(record, method, name=None):
    """The trainings of a row; of the specialists, that of one setting."""
    return [run for run in record["runs"] if run["method"] == method and name in (None, run.get("setting"))]
