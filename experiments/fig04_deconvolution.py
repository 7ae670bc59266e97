"""Figure 4: the deconvolution problem for a simple disk, in image space and in Fourier space.

python -m experiments.fig04_deconvolution  # seconds
"""

import numpy as np

from diffnet_tf import figures
from experiments.lib import deconvolution, study
from experiments.lib.run import main

NAME = "fig04"
TITLE = "Figure 4"
OPTIONS = ()
RANGE = (-6, 3)  # decades of |FFT| shown


def compute(options):
    """Blur a disk."""
    from diffnet_tf import data, metrics

    disks = deconvolution.disks("test")[deconvolution.SHOWN :][:1]
    blurred, disk = data.paired_arrays(disks, degrade=deconvolution.blur)
    record = {"diffusion": deconvolution.DIFFUSION, **deconvolution.SOURCE}
    record["psnr"] = float(np.asarray(metrics.psnr(disk, blurred))[0])
    return study.Result(record, {"disk": disk[0, ..., 0], "blurred": blurred[0, ..., 0]})


@figures.styled
def draw(record, arrays):
    """Top: the disk before and after isotropic diffusion. Bottom: the moduli of their Fourier coefficients."""
    figure, axes = figures.panels(2, 2, caption(record), width=1.75, height=1.85)
    for column, (name, title) in enumerate((("disk", "original"), ("blurred", "diffused"))):
        shown = figures.image(axes[0, column], arrays[name], high=float(arrays["disk"].max()))
        axes[0, column].set_title(title)
        spectrum = deconvolution.spectrum(axes[1, column], arrays[name], *RANGE)
    figure.colorbar(shown, ax=axes[0], label="gray value", shrink=0.9)
    figure.colorbar(spectrum, ax=axes[1], label="log₁₀ |FFT|", shrink=0.9)
    return figure


def caption(record):
    """The caption: what is shown, and what it means."""
    return (
        f"{record['title']}: a disk before and after isotropic diffusion, T = {record['diffusion']['time']:g} "
        f"pixel² ({record['psnr']:.1f} dB). Below, their spectra: float32 rounding hides the highest "
        "frequencies. Only a method that knows about disks can restore them."
    )


def alt(record):
    """The alt text: what is seen."""
    return (
        "Top: a white disk with a sharp edge, and the same disk with a blurred edge. Bottom: the spectrum of the sharp "
        "disk, with rings out to the corners; in that of the blurred disk, the corners are nearly empty."
    )


if __name__ == "__main__":
    main(__file__)
