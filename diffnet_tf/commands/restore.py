"""Apply a network to an image file, or to all images of a folder.

A preset undoes (or does) the one diffusion that it was trained on; an ordinary photograph it only sharpens (or blurs).
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from diffnet_tf import restoration
from diffnet_tf.base import checks
from diffnet_tf.base.choices import PRECISIONS
from diffnet_tf.base.types import Array
from diffnet_tf.commands import models
from diffnet_tf.files import image_files, provenance
from diffnet_tf.restoration import tiles

DEPTHS = {"8": "uint8", "16": "uint16", "float": "float32"}


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument(
        "input", metavar="IN", type=Path, help=f"an image ({', '.join(image_files.SUFFIXES)}), or a folder"
    )
    parser.add_argument("output", metavar="OUT", type=Path, help="the file to write; for a folder, a folder")
    models.add_arguments(parser)
    parser.add_argument("--colour", choices=restoration.COLOURS, default="luminance", help="what of a colour image")
    parser.add_argument("--depth", choices=DEPTHS, help="bits of the output's samples; the input's if not given")
    parser.add_argument("--noise", type=float, help="σ in the image, maximum 1, for a network that has to be told it")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the inner convolutions: float32 if not given; bfloat16 is faster where the device has it; auto takes "
        "it where the preset's card says that it costs at most 0.02 dB",
    )
    parser.add_argument("--tile", type=int, default=512, help="side of the tiles in pixels: less takes less memory")


def run(arguments: Namespace) -> int:
    """Restore. Returns the exit status."""
    checks.count(arguments.tile, "--tile")
    checks.count(arguments.max_pixels, "--max-pixels")
    jobs = _jobs(arguments)
    tiled = tiles.Tiled(models.chosen(arguments), arguments.tile, arguments.noise, arguments.precision)
    half = ", bfloat16" if tiled.model.dtype_policy.name == "mixed_bfloat16" else ""
    print(f"Device: {provenance.device()}{half}", flush=True)
    for source, target, opened in jobs:
        image = image_files.open_image(source, arguments.max_pixels) if opened is None else opened
        pixels = image.pixels
        if line := image_files.lost(image, target):
            print(line, file=sys.stderr, flush=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        show = _Progress(f"{source} → {target}, {pixels.shape[1]:,}×{pixels.shape[0]:,}")
        with image_files.writing(target, pixels.shape, _dtype(arguments, pixels), image) as out:
            restoration.restore(pixels, tiled, colour=arguments.colour, out=out, progress=show)
    return 0


def _jobs(arguments: Namespace) -> list[tuple[Path, Path, image_files.Image | None]]:
    """(source, target, image) of every image, all of them checked before the first is processed.

    A single image is kept, so that it is decoded once; several are None: memory may not hold them all.
    """
    if not arguments.input.exists():
        raise FileNotFoundError(f"{arguments.input} does not exist; expected an image or a folder of images.")
    if arguments.input.is_dir():
        sources = sorted(p for p in arguments.input.iterdir() if p.suffix.lower() in image_files.SUFFIXES)
        sources = [path for path in sources if not path.name.startswith(".")]
        if not sources:
            raise FileNotFoundError(
                f"{arguments.input} holds no image; expected files ending in {', '.join(image_files.SUFFIXES)}."
            )
        jobs = [(path, arguments.output / path.name) for path in sources]
    else:
        if arguments.output.is_dir():
            raise ValueError(f"{arguments.output} is a folder; expected the name of the file to write.")
        jobs = [(arguments.input, arguments.output)]
    for source, target in jobs:
        checks.can_be_written(target, arguments.force)
        image = image_files.open_image(source, arguments.max_pixels)
        pixels = image.pixels
        restoration.check(pixels, source)
        image_files.check_writable(target, _dtype(arguments, pixels), pixels.shape[2], image)
    return [(*job, image if len(jobs) == 1 else None) for job in jobs]


def _dtype(arguments: Namespace, pixels: Array) -> np.dtype:
    return np.dtype(DEPTHS[arguments.depth]) if arguments.depth else pixels.dtype


class _Progress:
    """A bar in a terminal, elsewhere a line an image."""

    def __init__(self, title: str) -> None:
        self._bar: Any = None
        print(title, flush=True)

    def __call__(self, done: int, total: int) -> None:
        if not sys.stdout.isatty():
            return
        self._bar = self._bar or keras.utils.Progbar(total, unit_name="tile")
        self._bar.update(done)
