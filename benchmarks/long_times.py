"""Perona–Malik diffusion up to T = 20: how many evaluations of the diffusivity each method needs for a given error.

The error is the root of the mean squared difference from explicit steps of 0.01. Explicit steps of 0.1 set the error to
reach; they evaluate the diffusivity 200 times. Float64, 2 to 3 minutes on an idle core: python -m benchmarks long-times
"""

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.timing import spread

TIME, CONTRAST, EXPLICIT, REFERENCE = 20.0, 0.2, 200, 2_000
SETTINGS = {  # name in the record → arguments
    "one-sided": {},
    "symmetric": {"scheme": "symmetric"},
    "regularised": {"sigma": 1.0},
}
LABELS = {"one-sided": "the authors' scheme", "symmetric": "symmetric scheme", "regularised": "the authors', σ = 1"}
STEPS = {  # the numbers of steps that are tried
    "aos": (20, 40, 80, 160, 320),
    "fed": (10, 20, 40, 60, 80, 100, 130, 160),
    "rkl2": (5, 8, 10, 12, 15, 20, 25, 30, 40),
}
EVALUATIONS = {"explicit": 1, "aos": 1, "fed": 1, "rkl2": 2}  # of the diffusivity, in each step
NAMES = {"aos": "AOS", "fed": "FED", "rkl2": "RKL2"}


def measure(images=None, reference=REFERENCE, steps=STEPS, settings=SETTINGS):
    """Errors at T = 20 of all methods on images (n, height, width, 1); None for the middle of the test photographs.

    Returns:
        A dict with "images", and for each setting the errors of explicit steps and of each method and number of steps.
    """
    import diffnet_tf as dn

    u = dn.data.load_images("skimage", split="test")[:, 16:80, 16:80] if images is None else images
    u = np.asarray(u, "float64")
    errors = {}
    for name, options in settings.items():
        exact = diffused(u, reference, method="explicit", **options)
        errors[name] = {
            "explicit": {str(EXPLICIT): distance(diffused(u, EXPLICIT, method="explicit", **options), exact)}
        }
        for method, counts in steps.items():
            found = {str(n): distance(diffused(u, n, method=method, **options), exact) for n in counts}
            errors[name][method] = found
            print(f"{name}, {method}: done", file=sys.stderr, flush=True)
    return {"images": len(u), "time": TIME, "contrast": CONTRAST, "reference_steps": reference, "errors": errors}


def diffused(u, steps, **options):
    """Diffuse images up to `TIME`, in a number of equal steps."""
    from keras import ops

    import diffnet_tf as dn
    from diffnet_tf.base import backend

    # Few steps in one call save its overhead. XLA compiles longer chains slowly.
    together = 4 if options["method"] == "explicit" and steps % 4 == 0 else 1
    step = backend.compiled(
        lambda v: dn.diffusion.perona_malik(v, together, TIME / steps, CONTRAST, **options),
        fused=options["method"] == "explicit",
    )
    u = ops.convert_to_tensor(u)
    for _ in range(steps // together):
        u = step(u)
    return ops.convert_to_numpy(u)


def distance(u, exact):
    """The root mean squared difference of each image: a list."""
    return np.sqrt(((u - exact) ** 2).mean(axis=(1, 2, 3))).tolist()


def fewest(found, method):
    """For one setting the fewest evaluations of γ with an error no larger than that of explicit steps.

    Returns:
        One number for each image; infinity where no number of steps that was tried is enough.
    """
    goal = np.array(found["explicit"][str(EXPLICIT)])
    counts = sorted(found[method], key=int)
    enough = np.array([np.array(found[method][n]) <= goal for n in counts])
    evaluations = np.array([EVALUATIONS[method] * int(n) for n in counts], float)
    return np.where(enough, evaluations[:, None], np.inf).min(axis=0)


def order(found, method):
    """The median over images of the order of convergence, by regression over all numbers of steps."""
    counts = sorted(found[method], key=int)
    errors = np.log([found[method][n] for n in counts])
    return float(np.median(-np.polyfit(np.log([int(n) for n in counts]), errors, 1)[0]))


def table(result):
    """The record as a table: one row for each setting and method."""
    record = result["long_times"]
    lines = [
        "| scheme | method | slope² | evaluations of γ, median (min to max) | fewer than explicit, median (worst) |"
    ]
    lines.append("|---|---|---|---|---|")
    for name, found in record["errors"].items():
        base = spread(found["explicit"][str(EXPLICIT)])
        lines.append(
            f"| {LABELS[name]}: error {base['median']:.1e} ({base['min']:.1e}–{base['max']:.1e}) |  |  |  |  |"
        )
        for method in (method for method in NAMES if method in found):
            needed = fewest(found, method)
            middle, low, high = (_count(f(needed), method) for f in (np.median, np.min, np.max))
            gain, worst = (_gain(f(needed)) for f in (np.median, np.max))
            lines.append(
                f"|  | {NAMES[method]} | {order(found, method):.2f} | {middle} ({low} to {high}) | {gain} ({worst}) |"
            )
    return "\n".join(lines)


def from_results(results):
    """The table from a folder of results."""
    path = Path(results) / "benchmarks" / "long-times.json"
    return table(json.loads(path.read_text())) if path.exists() else "Not run."


def _gain(evaluations):
    return f"{EXPLICIT / evaluations:.1f}×" if np.isfinite(evaluations) else "not reached"


def _count(number, method):
    return f"{number:.0f}" if np.isfinite(number) else f"> {EVALUATIONS[method] * max(STEPS[method])}"
