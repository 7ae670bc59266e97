"""The diffusion of the paper, and the presets: what each undoes (or computes), and which experiment trains it."""

import dataclasses

# The paper's settings, and the defaults of `diffusion.perona_malik`.
PAPER_PSNR = {0.0: 63.72, 0.01: 34.21}  # σ → dB of the paper's DiffNet, inverse, over its test images
DIFFUSION = {"name": "perona_malik", "steps": 4, "dt": 0.1, "contrast": 0.2, "boundary": "neumann"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a preset learned.

    Attributes:
        preset: its name.
        experiment: the NAME of the experiment that trains it.
        problem: "inverse", "forward" or "deconvolution".
        noise: σ of the noise on the diffused images, or its range for a network that is given σ.
        iterations: iterations of the fixed-point inverse, chosen on training photographs; None if it has none.
    """

    preset: str
    experiment: str
    problem: str
    noise: float | tuple[float, float] = 0.0
    iterations: int | None = None


SETTINGS = (
    Setting("forward", "forward", "forward"),
    Setting("inverse", "fig06", "inverse", 0.0, 200),
    Setting("inverse-0.1pct", "inverse-0.1pct", "inverse", 0.001, 9),
    Setting("inverse-1pct", "fig07", "inverse", 0.01, 1),
    Setting("deconvolution", "fig05", "deconvolution"),
)
ANY_NOISE = Setting("inverse-any-noise", "any-noise", "inverse", (0.0, 0.1))
INVERSE = tuple(setting for setting in SETTINGS if setting.problem == "inverse")


def inverse(noise):
    """The setting of the inverse with this noise; None where there is no preset for it."""
    return next((setting for setting in INVERSE if setting.noise == noise), None)
