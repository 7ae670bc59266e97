"""What does a denoising diffusion learn? Where the network of `denoise` smooths photographs, and where it sharpens.

The stencils of a layer have a diffusion tensor δt D at every pixel (`dn.analysis.diffusion_tensor`). It is projected on
two directions, across the edge and along it, which the image without noise gives: the gradient ∇u of the image after a
Gaussian of 1 pixel. Perona–Malik diffusion has the same diffusivity γ(|∇u|) in all directions. Nothing is trained.

    python -m experiments.denoise_stencils  # a few minutes; needs the network of `denoise`
"""

import numpy as np

from experiments.lib import denoise_tensors, denoising, study, verdicts
from experiments.lib.denoise_stencils_figure import alt, caption, draw
from experiments.lib.denoise_tensors import LEVEL, QUANTITIES, SHOWN
from experiments.lib.ledger import Claim
from experiments.lib.run import main

__all__ = ["alt", "caption", "draw"]
IMAGE_FLAGS = ""  # photographs of scikit-image
NAME = "denoise-stencils"
TITLE = "What denoising learned"
OPTIONS = ()
MEASURED = ("layers", "profile", "rank", "sharpened")


def compute(options):
    """Measure all layers on all photographs. The arrays are (seeds, photographs, …), and maps of one photograph."""
    found, clean = denoise_tensors.networks(options.results_dir), denoise_tensors.photographs()
    noisy = dict(zip(clean, denoising.noisy(list(clean.values()), LEVEL)))
    measured = [[denoise_tensors.measured(model, clean[name], noisy[name]) for name in clean] for model, _ in found]
    arrays = {key: np.array([[one[key] for one in of] for of in measured]) for key in MEASURED}
    layers, profile = (np.nanmean(arrays[key], axis=(0, 1)) for key in ("layers", "profile"))
    record = {
        "photographs": list(clean),
        "shown": SHOWN,
        "level": LEVEL,
        "bins": denoise_tensors.BINS,
        "flat_below": denoise_tensors.FLAT,
        "edge_above": denoise_tensors.EDGE,
        "networks": [training for _, training in found],
        "time_steps": [model.time_steps for model, _ in found],
        "layers": [dict(zip(QUANTITIES, map(float, of))) for of in layers],
        "profile": [dict(zip(denoise_tensors.PROFILE, map(float, of))) for of in profile if np.isfinite(of).all()],
        "perona_malik": denoise_tensors.fitted(profile[:, 0], profile[:, 1]),
        "rank_correlation": float(arrays["rank"].mean()),
        "sharpened_edges": float(np.nanmean(arrays["sharpened"])),
    }
    shown = measured[0][list(clean).index(SHOWN)]
    maps = {"noisy": noisy[SHOWN], **{name: shown[name] for name in ("across", "along")}}
    return study.Result(record, arrays | {f"map_{name}": of.astype("float16") for name, of in maps.items()})


# ---- Claims ----------------------------------------------------------------------------------------------------------


def _sums(arrays, quantity):
    """The sum of a quantity over the layers for each photograph that has enough edges: (seeds, photographs)."""
    values = arrays["layers"][..., QUANTITIES.index(quantity)].sum(axis=-1)
    return values[:, np.isfinite(values).all(axis=0)]


def _above(record, values, text, sign=1.0):
    """Whether the mean of values (seeds, photographs) is above 0, or below with sign −1."""
    trained, mean = record["networks"], verdicts.mean(values)
    answer = verdicts.ahead(verdicts.mean(sign * values))
    more = {"n": verdicts.count(values.shape[1], trained), "trainings": trained}
    data = f"{trained[0]['data']} → photographs of scikit-image"
    text = text.format(mean) + verdicts.of_seeds(values.mean(axis=1))
    return verdicts.finding(record, text, answer, **more, data=data)


def along(record, arrays):
    """The diffusivity along edges is larger than across them."""
    return _above(record, _sums(arrays, "along") - _sums(arrays, "across"), "along − across {} pixels²")


def falls(record, arrays):
    """The diffusivity, a mean over directions, has the order of γ, which falls with the gradient."""
    return _above(record, arrays["rank"], "rank correlation with γ {}")


def sharpens(record, arrays):
    """The diffusivity across edges is negative."""
    text = f"{{}} pixels²; below 0 on {100 * record['sharpened_edges']:.0f} % of the edges"
    return _above(record, _sums(arrays, "across"), text, sign=-1.0)


def reacts(record, arrays):
    """The reaction moves edges back to the input, and not away from it."""
    return _above(record, _sums(arrays, "reaction_edges"), "sum of δt ρ over the layers {:.4f}")


CLAIMS = (
    Claim("`denoise` smooths more along edges than across them", "> 0 pixels²", along),
    Claim("`denoise` smooths less where the gradient is larger, as with γ", "rank correlation > 0", falls),
    Claim("`denoise` sharpens across edges", "< 0 pixels²", sharpens),
    Claim("at edges, the reaction of `denoise` moves back to the input", "> 0", reacts),
)

if __name__ == "__main__":
    main(__file__)
