"""Figures 4 and 5: disks, blurred by isotropic diffusion, and pictures of their spectra.

γ = 1 until the time T = 1, by the exact solution in Fourier (cosine) space: convolution with a Gaussian of variance
2T, eq. (2.3). The paper does not state T and the sizes; the values here are our own choice.
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
    """Blur images by isotropic diffusion, which the network has to undo."""
    from diffnet_tf.physics import diffusion

    return diffusion.isotropic(u, TIME, steps=1, method="fourier")


def disks(split):
    """The disks to train on ("train"), to validate on ("validation") or to measure on ("test")."""
    from diffnet_tf import data

    return data.disks(TRAIN if split == "train" else TEST, SIZE, SEEDS[split])


def spectrum(axis, pixels, low, high):
    """Draw log10 |FFT| with the zero frequency in the middle, in cycles per pixel. Returns the artist."""
    magnitude = np.log10(np.abs(np.fft.fftshift(np.fft.fft2(pixels.astype("float64")))) + 1e-12)
    return axis.imshow(magnitude, extent=(-0.5, 0.5, 0.5, -0.5), vmin=low, vmax=high, cmap=figures.SPECTRA)


# ---- What the layers do (Section 5.1) --------------------------------------------------------------------------------

EDGE = 1e-3  # what blurring changes by more is near an edge
HIGH = 0.25  # cycles a pixel: half of the highest frequency


def near_edges(blurred, disks):
    """The pixels near the edge of a disk, where |blurred − disk| > `EDGE`: a boolean (n, height, width)."""
    return np.abs(np.float64(blurred) - disks)[..., 0] > EDGE


def of_filters(filters, states, near):
    """Describe the filters of each layer near edges.

    Args:
        filters: filters of each layer, (n, height, width, 5): the centre −ζ5 with its sign, then the four neighbours.
        states: input of each layer, (n, height, width, 1).
        near: boolean (n, height, width).

    Returns:
        A dict of lists with one number for each layer, over the pixels p that are near an edge, with c the centre
        and Σ the sum of all five filters:
        "opposite_signs": the share where c and the sum of the four neighbours have opposite signs;
        "opposite_to_each": the share where c has the opposite sign of every one of the four;
        "regulariser": Σ_p |Σ| / Σ_p |c|, how large the filter of the regularising part is beside the centre's;
        "regulariser_of_update": (Σ_p (Σ u)² / Σ_p (S u − Σ u)²)^½, how much it changes the image, beside the mean-free
        part L of S = L + αW.
    """
    found = {name: [] for name in ("opposite_signs", "opposite_to_each", "regulariser", "regulariser_of_update")}
    for each, u in zip(filters, states):
        each, u = np.float64(each), np.float64(u)
        padded = np.pad(u[..., 0], ((0, 0), (1, 1), (1, 1)), mode="symmetric")
        height, width = u.shape[1:3]
        shifted = [padded[:, 1 + row :, 1 + column :][:, :height, :width] for row, column in SHIFTS]
        differences = np.stack(shifted, -1) - u
        centre, others, sums = each[near][:, 0], each[near][:, 1:], each[near].sum(axis=1)
        mean_free = (others * differences[near]).sum(axis=1)
        smoothing = sums * u[near][:, 0]
        found["opposite_signs"].append(float(np.mean(centre * others.sum(axis=1) < 0)))
        found["opposite_to_each"].append(float(np.mean((centre[:, None] * others < 0).all(axis=1))))
        found["regulariser"].append(float(np.abs(sums).sum() / np.abs(centre).sum()))
        found["regulariser_of_update"].append(float(np.sqrt(np.sum(smoothing**2) / np.sum(mean_free**2))))
    return found


SHIFTS = ((-1, 0), (1, 0), (0, -1), (0, 1))  # (rows, columns) to the pixels above, below, left and right


def negative_ring(state, disks, near):
    """How far the image is below 0 around each disk: −min over the pixels outside of it near its edge, per contrast.

    Args:
        state: before the final ReLU, (n, height, width, 1).
        disks: (n, height, width, 1), 0 outside.
        near: boolean (n, height, width).

    Returns:
        (n,), above 0 where there is such a ring.
    """
    outside = near & (disks[..., 0] == 0)
    lowest = np.where(outside, np.float64(state)[..., 0], np.inf).min(axis=(1, 2))
    return -lowest / disks.max(axis=(1, 2, 3))


def high_frequencies(states, disks):
    """The energy of the high frequencies in each state, and that of its error, in units of the disk's.

    A frequency (f, g) is high where max(|f|, |g|) > `HIGH`. With F the Fourier transform and sums over these:

        energy = Σ |F u|² / Σ |F disk|²,    error = Σ |F (u − disk)|² / Σ |F disk|².

    Args:
        states: images (n, height, width, 1), in the order of the network.
        disks: (n, height, width, 1).

    Returns:
        (energy, error), (n, states) each.
    """
    f, g = (np.abs(np.fft.fftfreq(side)) for side in disks.shape[1:3])
    high = np.maximum(f[:, None], g) > HIGH

    def energy(images):
        return (np.abs(np.fft.fft2(np.float64(images)[..., 0]))[:, high] ** 2).sum(axis=1)

    of_disks = energy(disks)
    energies, errors = ([energy(of(u)) / of_disks for u in states] for of in (np.float64, lambda u: u - disks))
    return np.stack(energies, 1), np.stack(errors, 1)


def gained(energy):
    """The share of each layer in the high-frequency energy that all layers add, with mean energies over the disks.

    Args:
        energy: (n, 1 + layers), of the input and behind each layer, see `high_frequencies`.

    Returns:
        (layers,), which add up to 1; below 0 where a layer takes energy away.
    """
    mean = energy.mean(axis=0)
    return np.diff(mean) / (mean[-1] - mean[0])
