"""What Figures 4 and 5 share: disks, blurred by isotropic diffusion, and pictures of their spectra.

γ = 1 up to the time T = 1, by the exact solution in Fourier (cosine) space: convolution with a Gaussian of variance
2T, eq. (2.3). The paper's T and sizes are not in its text; these are ours.
"""

import numpy as np

from diffnet_tf import figures

TIME = 1.0  # pixels²
SIZE = 64
TRAIN, TEST = 1024, 128  # images, the paper's numbers
SEEDS = {"train": 0, "test": 1, "validation": 2}  # of the disks
DIFFUSION = {"name": "isotropic", "time": TIME, "method": "fourier", "boundary": "neumann"}
SHOWN = 0  # the test image in the pictures
SOURCE = {"source": "disks", "data": "generated disks", "test_data": "other disks", "image_sets": {}}


def blur(u):
    """What is to be undone."""
    from diffnet_tf.physics import diffusion

    return diffusion.isotropic(u, TIME, steps=1, method="fourier")


def disks(split):
    """The disks to train on ("train"), to validate on ("validation") or to measure on ("test")."""
    from diffnet_tf import data

    return data.disks(TRAIN if split == "train" else TEST, SIZE, SEEDS[split])


def spectrum(axis, pixels, low, high):
    """Draw log10 |FFT| with the zero frequency in the middle, in cycles a pixel. Returns the artist."""
    magnitude = np.log10(np.abs(np.fft.fftshift(np.fft.fft2(pixels.astype("float64")))) + 1e-12)
    return axis.imshow(magnitude, extent=(-0.5, 0.5, 0.5, -0.5), vmin=low, vmax=high, cmap=figures.SPECTRA)
