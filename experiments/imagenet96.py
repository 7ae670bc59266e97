"""Write imagenet96, the colour images that `denoise-colour` was trained on, from your photos96.

    python -m experiments.imagenet96 photos96 imagenet96  # seconds; 3,000 PNGs, 54 MB

These are the crops of photos96 that come from ImageNet, in its order: 2,700 to train on, then 300 for validation, from
other photographs. None of them is of BSDS500, whose photographs are the usual test of denoising. They are for --source
folder --data-dir imagenet96, which takes the last tenth for validation.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from diffnet_tf import files
from diffnet_tf.base import command_line
from diffnet_tf.data import binary
from experiments import photos96

SHA256 = "b2effb3bf63948e44dc5f81519a3e55d856feaeb0527fc9a249e38b8e24794d5"


def places():
    """The numbers in photos96 of the crops of ImageNet, in its order: an array, training crops first."""
    repositories = photos96.REPOSITORIES  # ImageNet is the first
    tenths = [repository.count // photos96.TENTH for repository in repositories]  # photographs for validation
    validation = [tenth * repository.crops for tenth, repository in zip(tenths, repositories)]
    training = [repository.count * repository.crops - few for few, repository in zip(validation, repositories)]
    found, start = [], 0
    for counts, seed in ((training, photos96.TRAINING_ORDER), (validation, photos96.VALIDATION_ORDER)):
        order = np.random.default_rng(seed).permutation(sum(counts))
        found.append(start + np.flatnonzero(order < counts[0]))
        start += sum(counts)
    return np.concatenate(found)


def taken(path):
    """The images of imagenet96 from the file of photos96: uint8 (3000, 96, 96, 3).

    Raises:
        FileNotFoundError, ValueError: the file does not exist, or is not that of photos96.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected photos96, see docs/data.md.")
    stored = binary.opened(path)
    chosen = places()
    images = np.ascontiguousarray(stored[chosen]) if len(stored) > chosen.max() else stored[:0]
    if hashlib.sha256(images.data).hexdigest() != SHA256:
        raise ValueError(
            f"{path} is not photos96: its {len(stored):,} images give others. Build it: python -m experiments.photos96"
        )
    return images


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m experiments.imagenet96", description=__doc__)
    parser.add_argument("PHOTOS96", type=Path, help=f"folder with {binary.NAME} of photos96, or this file")
    parser.add_argument("OUT", help="folder to write the PNGs to; it must be new or empty")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Write the images. Returns the exit status."""
    from PIL import Image

    chosen = parser().parse_args(arguments)
    path = chosen.PHOTOS96 if chosen.PHOTOS96.is_file() else chosen.PHOTOS96 / binary.NAME
    images = taken(path)
    out = files.check_writable(chosen.OUT, "OUT")
    if any(out.iterdir()):  # other images there would become part of the set
        raise FileExistsError(f"{out} is not empty; give another OUT.")
    for number, image in enumerate(images):
        with files.replacing(out / f"{number:04d}.png") as partial:
            Image.fromarray(image).save(partial, "png")
    print(f"Wrote {len(images):,} images to {out}; SHA-256 of their pixels {SHA256}.")


if __name__ == "__main__":
    sys.exit(main())
