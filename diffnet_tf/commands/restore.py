"""Apply a network to an image file, or to all images of a folder.

A preset undoes (or does) the one diffusion that it was trained on; an ordinary photograph it only sharpens (or blurs).
Black is 0. White, which the network gets as 1, is the image's maximum: where defects are brighter, give --white. In
files of another --depth, white is 255, 65535, or 1 in floats.

Of a folder, an image that cannot be processed stops no other: the exit status is 1 then. The same command goes on where
it was stopped, and tries again what failed.
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
        "input", metavar="IN", type=Path, help=f"an image ({', '.join(image_files.SUFFIXES)}), or a folder"
    )
    parser.add_argument("output", metavar="OUT", type=Path, help="the file to write; for a folder, a folder")
    models.add_arguments(parser)
    parser.add_argument("--recursive", action="store_true", help="of a folder, its subfolders too")
    parser.add_argument(
        "--colour",
        choices=COLOURS,
        default="luminance",
        help="what of an RGB image; bands where channels are no colours, as a TIFF says itself",
    )
    parser.add_argument(
        "--alpha",
        choices=("yes", "no"),
        help="whether the last of two or four channels is alpha, which is kept; what the file says if not given, and "
        "yes of NPY, which says nothing",
    )
    models.add_values(parser)
    parser.add_argument(
        "--depth",
        choices=DEPTHS,
        help="bits of the output's samples; the input's if not given. White is 255, 65535, and 1 in floats: the full "
        "range of one stands for that of another",
    )
    parser.add_argument(
        "--scale",
        metavar="VALUE",
        nargs="?",
        const="white",
        type=models.level,
        help="make black 0 and this value white in the output, as --scale 255 for floats up to 255 or --scale 4095 for "
        "12 bits; without a value, the image's white",
    )
    parser.add_argument("--noise", type=float, help="σ in the image, maximum 1, for a network that has to be told it")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the inner convolutions: float32 if not given; bfloat16 is faster where the device has it; auto takes "
        "it where the preset's card says that it costs at most 0.02 dB",
    )
    parser.add_argument("--tile", type=int, default=512, help="side of the tiles in pixels: less takes less memory")


def run(arguments: Namespace) -> int:
    """Restore. Returns the exit status: 1 when some images of a folder failed."""
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
        raise ValueError(f"{arguments.output} holds the images themselves; expected another folder to write to.")
    found = folder.search(arguments.input, arguments.output, arguments.recursive)
    progress = folder.Progress(arguments.output, _settings(arguments))
    left = [job for job in found.images if not progress.done(*job)]
    if arguments.force and not left:  # all of it anew
        progress.clear()
        left = found.images
    for _, target in left:
        if target.exists() and progress.of_others and not arguments.force:
            raise FileExistsError(
                f"{target} was made with other options; give another folder, or --force to make all of it anew."
            )
        checks.can_be_written(target, arguments.force or progress.begun(target))
    if found.left_out:
        print(found.left_out)
    if len(left) < len(found.images):
        print(f"{len(found.images) - len(left):,} of {len(found.images):,} images are done already.")
    if not left and not found.unreadable:
        return 0
    tiled, failed = _tiled(arguments), list(found.unreadable)
    for error in found.unreadable.values():
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
            print(f"Stopped at {source}. The same command goes on.", flush=True)
            raise
    if failed:
        names = ", ".join(str(path.relative_to(arguments.input)) for path in failed)
        total = len(found.images) + len(found.unreadable)
        print(f"{len(failed):,} of {total:,} failed: {names}. The same command tries them again.", file=sys.stderr)
        return 1
    return 0


def _tiled(arguments: Namespace) -> Tiled:
    from diffnet_tf.restoration.tiles import Tiled

    tiled = Tiled(models.chosen(arguments), arguments.tile, arguments.noise, arguments.precision)
    half = ", bfloat16" if tiled.model.dtype_policy.name == "mixed_bfloat16" else ""
    print(f"Device: {provenance.device()}{half}", flush=True)
    return tiled


def _opened(arguments: Namespace, source: Path, target: Path) -> image_files.Image:
    """An image that can be processed, and its result written."""
    from diffnet_tf import restoration

    image = _with_alpha(arguments, image_files.open_image(source, arguments.max_pixels))
    dtype = _dtype(arguments, image)
    restoration.check(image.pixels, source, **_values(arguments, image), dtype=dtype)
    image_files.check_writable(target, dtype, image.pixels.shape[2], image)
    return image


def _with_alpha(arguments: Namespace, image: image_files.Image) -> image_files.Image:
    """The image, the last of whose two or four channels is alpha or not as the option says."""
    if arguments.alpha is None or image.pixels.shape[2] not in (2, 4):
        return image
    return dataclasses.replace(image, alpha=arguments.alpha == "yes", alpha_is_sure=True)


def _restore(arguments: Namespace, tiled: Tiled, source: Path, target: Path, image: image_files.Image) -> None:
    from diffnet_tf import restoration

    colours = image.pixels.shape[2] - image.alpha
    if tiled.channels == 3 and colours != 3:
        raise ValueError(f"{source} has {colours} channel(s); the network is one of colour images: expected RGB.")
    target.parent.mkdir(parents=True, exist_ok=True)
    show = _Progress(f"{source} → {target}, {image.pixels.shape[1]:,}×{image.pixels.shape[0]:,}")
    if line := image_files.lost(image, target):
        print(line, file=sys.stderr, flush=True)
    if not image.alpha_is_sure:
        number = image.pixels.shape[2]
        print(
            f"{source} does not say what the last of its {number} channels is: it is taken for alpha, and kept. Give "
            "--alpha no to restore it, or --alpha yes.",
            file=sys.stderr,
            flush=True,
        )
    rescaled = arguments.scale is not None
    with image_files.writing(target, image.pixels.shape, _dtype(arguments, image), image, rescaled) as out:
        restoration.restore(image.pixels, tiled, **_values(arguments, image), out=out, progress=show, name=source)


def _values(arguments: Namespace, image: image_files.Image) -> dict[str, Any]:
    """What the options, and else the file, say about the values of an image."""
    given = {name: getattr(arguments, name) for name in ("white", "black", "scale")}
    nodata = image.nodata if arguments.nodata is None else arguments.nodata
    colour = "bands" if image.bands else arguments.colour
    return {**given, "colour": colour, "nodata": nodata, "alpha": image.alpha}


def _settings(arguments: Namespace) -> dict[str, Any]:
    """What the results of a folder depend on."""
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
    """A bar in a terminal, elsewhere a line an image."""

    def __init__(self, title: str) -> None:
        self._bar: Any = None
        print(title, flush=True)

    def __call__(self, done: int, total: int) -> None:
        import keras

        if not sys.stdout.isatty():
            return
        self._bar = self._bar or keras.utils.Progbar(total, unit_name="tile")
        self._bar.update(done)
