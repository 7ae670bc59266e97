"""Restore an image file, or all images in a folder, with a network.

A preset undoes (or computes) the one diffusion that it was trained on. It only sharpens (or blurs) an ordinary
photograph. Black is 0. White, which the network sees as 1, is the maximum of the image. If defects are brighter than
the image, give --white. In output of another --depth, white is 255, 65535, or 1.0 for floats.

In a folder, an image that cannot be processed does not stop the others; the exit status is then 1. Run the same command
again to continue where it stopped, and to retry the images that failed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from argparse import ArgumentParser, Namespace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffnet_tf.base import checks, command_line
from diffnet_tf.base.choices import COLOURS, PRECISIONS
from diffnet_tf.commands import folder, models
from diffnet_tf.files import image_files, provenance
from diffnet_tf.networks import cards

if TYPE_CHECKING:
    from diffnet_tf.restoration.tiles import Tiled

DEPTHS = {"8": "uint8", "16": "uint16", "float": "float32"}


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument(
        "input", metavar="IN", type=Path, help=f"an image ({', '.join(image_files.SUFFIXES)}), or a folder of images"
    )
    parser.add_argument("output", metavar="OUT", type=Path, help="the file to write; if IN is a folder, a folder")
    models.add_arguments(parser)
    parser.add_argument("--recursive", action="store_true", help="also restore the images in subfolders of IN")
    parser.add_argument(
        "--colour",
        choices=COLOURS,
        default="luminance",
        help="how to restore several channels: the luminance of an RGB image (the default), each of its channels, or "
        "bands, if the channels are separate gray images (a TIFF says this itself)",
    )
    parser.add_argument(
        "--alpha",
        choices=("yes", "no"),
        help="whether the last of two or four channels is alpha, which is copied unchanged. By default as the file "
        "says; NPY files do not say, there the default is yes",
    )
    models.add_values(parser)
    parser.add_argument(
        "--depth",
        choices=DEPTHS,
        help="bits of the output's samples; by default those of the input. The full ranges correspond to each other: "
        "white is 255, 65535, or 1.0 for floats",
    )
    parser.add_argument(
        "--scale",
        metavar="VALUE",
        nargs="?",
        const="white",
        type=models.level,
        help="make this value of the image white in the output, and black 0: --scale 255 for floats up to 255, --scale "
        "4095 for 12 bits; without a value, the white of the image",
    )
    parser.add_argument(
        "--noise",
        type=float,
        help="only for a network with a noise map: σ of the noise in the image, as a fraction of its maximum (0.03 for "
        "3 %%)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the inner convolutions; float32 by default. bfloat16 is faster on devices that have it. auto uses it "
        "if it costs at most 0.02 dB by the preset's card",
    )
    parser.add_argument(
        "--tile",
        type=int,
        default=512,
        help="side of the tiles in pixels, 512 by default; smaller tiles need less memory",
    )


def run(arguments: Namespace) -> int:
    """Restore. Returns the exit status: 1 if some images of a folder failed."""
    checks.count(arguments.tile, "--tile")
    checks.count(arguments.max_pixels, "--max-pixels")
    if not arguments.input.exists():
        raise FileNotFoundError(f"{arguments.input} does not exist; expected an image or a folder of images.")
    return _folder(arguments) if arguments.input.is_dir() else _file(arguments)


def _file(arguments: Namespace) -> int:
    """Restore one image, which is checked before the network is loaded."""
    if arguments.output.is_dir():
        raise ValueError(f"{arguments.output} is a folder; expected the name of the file to write.")
    checks.can_be_written(arguments.output, arguments.force)
    image = _opened(arguments, arguments.input, arguments.output)
    _restore(arguments, _tiled(arguments), arguments.input, arguments.output, image)
    return 0


def _folder(arguments: Namespace) -> int:
    """Restore the images of a folder, one after the other."""
    if arguments.output.exists() and arguments.output.samefile(arguments.input):
        raise ValueError(f"{arguments.output} is also the input folder; expected another folder to write to.")
    content = folder.search(arguments.input, arguments.output, arguments.recursive)
    progress = folder.Progress(arguments.output, _settings(arguments))
    left = [job for job in content.images if not progress.done(*job)]
    if arguments.force and not left:  # restore all images again
        progress.clear()
        left = content.images
    for _, target in left:
        if target.exists() and progress.of_others and not arguments.force:
            raise FileExistsError(
                f"{target} was made with other options; give another folder, or --force to restore all images again."
            )
        checks.can_be_written(target, arguments.force or progress.begun(target))
    if content.left_out:
        print(content.left_out)
    if len(left) < len(content.images):
        print(f"{len(content.images) - len(left):,} of {len(content.images):,} images are already done.")
    if not left and not content.unreadable:
        return 0
    tiled, failed = _tiled(arguments), list(content.unreadable)
    for error in content.unreadable.values():
        command_line.show(error)
    for source, target in left:
        progress.begin(target)
        try:
            _restore(arguments, tiled, source, target, _opened(arguments, source, target))
            progress.add(source, target)
        except command_line.INPUT_ERRORS as error:
            command_line.show(error)
            failed.append(source)
            if target.exists():
                print(f"{target} is an older result.", file=sys.stderr)
        except KeyboardInterrupt:
            print(f"Stopped at {source}. Run the same command again to continue.", flush=True)
            raise
    if failed:
        names = ", ".join(str(path.relative_to(arguments.input)) for path in failed)
        total = len(content.images) + len(content.unreadable)
        print(f"{len(failed):,} of {total:,} failed: {names}. Run the same command again to retry.", file=sys.stderr)
        return 1
    return 0


def _tiled(arguments: Namespace) -> Tiled:
    from diffnet_tf.restoration.tiles import Tiled

    tiled = Tiled(models.chosen(arguments), arguments.tile, arguments.noise, arguments.precision)
    half = ", bfloat16" if tiled.model.dtype_policy.name == "mixed_bfloat16" else ""
    print(f"Device: {provenance.device()}{half}", flush=True)
    return tiled


def _opened(arguments: Namespace, source: Path, target: Path) -> image_files.Image:
    """Open an image, and check that it can be restored and its result written."""
    from diffnet_tf import restoration

    image = _with_alpha(arguments, image_files.open_image(source, arguments.max_pixels))
    dtype = _dtype(arguments, image)
    restoration.check(image.pixels, source, **_values(arguments, image), dtype=dtype)
    image_files.check_writable(target, dtype, image.pixels.shape[2], image)
    return image


def _with_alpha(arguments: Namespace, image: image_files.Image) -> image_files.Image:
    """The image, with the option --alpha applied."""
    if arguments.alpha is None or image.pixels.shape[2] not in (2, 4):
        return image
    return dataclasses.replace(image, alpha=arguments.alpha == "yes", alpha_is_sure=True)


def _restore(arguments: Namespace, tiled: Tiled, source: Path, target: Path, image: image_files.Image) -> None:
    from diffnet_tf import restoration

    colours = image.pixels.shape[2] - image.alpha
    if tiled.channels == 3 and colours != 3:
        raise ValueError(f"{source} has {colours} channel(s), but the network takes colour images; expected RGB.")
    target.parent.mkdir(parents=True, exist_ok=True)
    show = _Progress(f"{source} → {target}, {image.pixels.shape[1]:,}×{image.pixels.shape[0]:,}")
    if line := image_files.lost(image, target):
        print(line, file=sys.stderr, flush=True)
    if not image.alpha_is_sure:
        number = image.pixels.shape[2]
        print(
            f"{source} does not say whether the last of its {number} channels is alpha; it is copied as alpha. Give "
            "--alpha no to restore it, or --alpha yes if this is right.",
            file=sys.stderr,
            flush=True,
        )
    rescaled = arguments.scale is not None
    with image_files.writing(target, image.pixels.shape, _dtype(arguments, image), image, rescaled) as out:
        restoration.restore(image.pixels, tiled, **_values(arguments, image), out=out, progress=show, name=source)


def _values(arguments: Namespace, image: image_files.Image) -> dict[str, Any]:
    """What the options, or otherwise the file, say about the values of an image."""
    given = {name: getattr(arguments, name) for name in ("white", "black", "scale")}
    nodata = image.nodata if arguments.nodata is None else arguments.nodata
    colour = "bands" if image.bands else arguments.colour
    return {**given, "colour": colour, "nodata": nodata, "alpha": image.alpha}


def _settings(arguments: Namespace) -> dict[str, Any]:
    """The settings that the results in a folder depend on."""
    weights = arguments.weights and hashlib.sha256(Path(arguments.weights).read_bytes()).hexdigest()
    names = ("colour", "alpha", "white", "black", "nodata", "depth", "scale", "noise", "precision")
    given = {name: str(getattr(arguments, name)) for name in names}
    return {
        **given,
        "weights": weights or cards.card(arguments.preset)["sha256"],
        "version": metadata.version("diffnet_tf"),
    }


def _dtype(arguments: Namespace, image: image_files.Image) -> np.dtype[Any]:
    return np.dtype(DEPTHS[arguments.depth]) if arguments.depth else image.pixels.dtype


class _Progress:
    """A progress bar in a terminal; otherwise one line for each image."""

    def __init__(self, title: str) -> None:
        self._bar: Any = None
        print(title, flush=True)

    def __call__(self, done: int, total: int) -> None:
        import keras

        if not sys.stdout.isatty():
            return
        self._bar = self._bar or keras.utils.Progbar(total, unit_name="tile")
        self._bar.update(done)
