"""Apply a network to an image file, to several, or to all images of a folder.

A preset undoes (or applies) the one diffusion that it was trained on, and makes an ordinary photograph only sharper (or
blurrier). Or it removes the noise of an ordinary photograph: its card says so. The network sees the pixel value 0 as
black. What it sees as white depends on the preset: the maximum of the image, or 255 in 8 bits, 65535 in 16 bits, and
1.0 in floats. If some defects are brighter than the image, or if white is another value, give --white. If --depth
changes the number of bits, white is 255, 65535, or 1.0 in floats.

Among several images, one that fails does not stop the others, and the exit status is 1. Run the same command again to
continue after a stop and to retry the images that failed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
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

DIFFUSION = ("contrast", "time", "diffusivity")  # what some networks are given
DEPTHS = {"8": "uint8", "16": "uint16", "float": "float32"}


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument(
        "input",
        metavar="IN",
        nargs="+",
        help=f"an image ({', '.join(image_files.SUFFIXES)}), a folder of images, several of them, or a pattern in "
        "quotes such as 'photos/*.png'",
    )
    parser.add_argument("output", metavar="OUT", help="the file to write; a folder if IN is more than one image")
    models.add_arguments(parser)
    parser.add_argument("--recursive", action="store_true", help="include subfolders")
    parser.add_argument(
        "--colour",
        choices=COLOURS,
        help="how to process channels: luminance (brightness only, keeps the colours), channels (R, G and B), or bands "
        "(each channel is an image of its own; automatic for TIFFs that say so) (default: channels for presets whose "
        "white is full, such as those that remove noise; else luminance)",
    )
    parser.add_argument(
        "--alpha",
        choices=("yes", "no"),
        help="whether the last of two or four channels is alpha, which is copied unchanged (default: what the file "
        "says; yes for NPY files, which do not say)",
    )
    models.add_values(parser)
    parser.add_argument(
        "--depth",
        choices=DEPTHS,
        help="bits per sample of the output (default: as the input). Conversion maps full range to full range: white "
        "is 255, 65535, or 1.0 in floats",
    )
    parser.add_argument(
        "--scale",
        metavar="VALUE",
        nargs="?",
        const="white",
        type=models.level,
        help="pixel value of the input that becomes white in the output, while black becomes 0; for example --scale "
        "255 for floats up to 255, --scale 4095 for 12 bits; --scale alone uses the white of the image (default: the "
        "output has the scale of the input)",
    )
    models.add_noise(parser)
    models.add_diffusion(parser)
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="precision of the inner convolutions; bfloat16 is faster on devices that support it; auto uses bfloat16 "
        "if, according to the preset's card, it costs at most 0.02 dB (default: as the network has it; presets have "
        "float32)",
    )
    parser.add_argument(
        "--tile",
        type=int,
        default=512,
        help="side of the tiles in pixels; smaller tiles need less memory",
    )


def run(arguments: Namespace) -> int:
    """Restore the images. Returns the exit status: 1 if some of several images failed, else 0."""
    checks.count(arguments.tile, "--tile")
    checks.count(arguments.max_pixels, "--max-pixels")
    arguments.network_scale = models.scale(arguments)
    sources = list(dict.fromkeys(path for text in arguments.input for path in folder.named(text)))
    output, first = Path(arguments.output), sources[0]
    if len(sources) > 1 or first.is_dir():
        return _many(arguments, sources, output)
    # One image goes into a folder if there is one, or if OUT can only be one.
    is_pattern = not os.path.lexists(arguments.input[0])
    into = output.is_dir() or arguments.output.endswith(("/", os.sep))
    into = into or (is_pattern and output.suffix.lower() not in image_files.SUFFIXES)
    return _one(arguments, first, output / first.name if into else output)


def _one(arguments: Namespace, source: Path, target: Path) -> int:
    """Restore one image. Checks it before loading the network."""
    if target.is_dir():
        raise ValueError(f"{target} is a folder; expected a file name, because {source} is a file.")
    checks.can_be_written(target, arguments.force)
    image = _opened(arguments, source, target)
    _restore(arguments, _tiled(arguments), source, target, image)
    return 0


def _many(arguments: Namespace, sources: Sequence[Path], output: Path) -> int:
    """Restore the images in a folder, or several files and folders, one after the other."""
    if output.exists() and any(output.samefile(source) for source in sources if source.is_dir()):
        raise ValueError(f"{output} is the input folder too; expected another folder to write to.")
    if output.suffix.lower() in image_files.SUFFIXES and not output.is_dir():
        raise ValueError(f"{output} is the name of a file; expected a folder for the results of several images.")
    contents = folder.search(sources, output, arguments.recursive)
    for source, target in contents.images:
        if target.exists() and target.samefile(source):
            raise ValueError(f"{output} is the folder of {source} too; expected another folder to write to.")
    progress = folder.Progress(output, _settings(arguments))
    left = [job for job in contents.images if not progress.done(*job)]
    if arguments.force and not left:  # restore all images again
        progress.clear()
        left = contents.images
    for _, target in left:
        if target.exists() and progress.of_others and not arguments.force:
            raise FileExistsError(
                f"{target} was made with different options; give another output folder, or --force to replace all "
                f"results."
            )
        checks.can_be_written(target, arguments.force or progress.begun(target))
    if contents.left_out:
        print(contents.left_out)
    total = len(contents.images)
    if len(left) < total:
        print(f"{total - len(left):,} of {total:,} images are already done.")
    if not left and not contents.unreadable:
        return 0
    tiled, failed = _tiled(arguments), list(contents.unreadable)
    for error in contents.unreadable.values():
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
                print(f"{target} is from an earlier run.", file=sys.stderr)
        except KeyboardInterrupt:
            print(f"Stopped at {source}. Run the same command again to continue.", flush=True)
            raise
    if failed:
        names = ", ".join(str(path.relative_to(sources[0]) if len(sources) == 1 else path) for path in failed)
        total += len(contents.unreadable)
        print(
            f"{len(failed):,} of {total:,} failed: {names}. Run the same command again to retry them.", file=sys.stderr
        )
        return 1
    return 0


def _tiled(arguments: Namespace) -> Tiled:
    from diffnet_tf.restoration.tiles import Tiled

    diffusion = {name: getattr(arguments, name) for name in DIFFUSION}
    tiled = Tiled(models.chosen(arguments), arguments.tile, arguments.noise, arguments.precision, **diffusion)
    half = ", bfloat16" if tiled.model.dtype_policy.name == "mixed_bfloat16" else ""
    print(f"Device: {provenance.device()}{half}", flush=True)
    return tiled


def _opened(arguments: Namespace, source: Path, target: Path) -> image_files.Image:
    """Open an image, and check that it can be processed and its result can be written."""
    from diffnet_tf import restoration

    image = _with_alpha(arguments, image_files.open_image(source, arguments.max_pixels))
    dtype = _dtype(arguments, image)
    restoration.check(
        image.pixels, source, **_values(arguments, image), dtype=dtype, network_scale=arguments.network_scale
    )
    image_files.check_writable(target, dtype, image.pixels.shape[2], image)
    return image


def _with_alpha(arguments: Namespace, image: image_files.Image) -> image_files.Image:
    """The image; if it has two or four channels, --alpha decides whether the last one is alpha."""
    if arguments.alpha is None or image.pixels.shape[2] not in (2, 4):
        return image
    return dataclasses.replace(image, alpha=arguments.alpha == "yes", alpha_is_sure=True)


def _restore(arguments: Namespace, tiled: Tiled, source: Path, target: Path, image: image_files.Image) -> None:
    from diffnet_tf import restoration

    colours = image.pixels.shape[2] - image.alpha
    if tiled.channels == 3 and colours != 3:
        raise ValueError(
            f"{source} has {colours} channel(s); expected RGB, because the network is for colour images. Use a network "
            "for gray images, such as the preset denoise."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    show = _Progress(f"{source} → {target}, {image.pixels.shape[1]:,}×{image.pixels.shape[0]:,}")
    if line := image_files.lost(image, target):
        print(line, file=sys.stderr, flush=True)
    if not image.alpha_is_sure:
        number = image.pixels.shape[2]
        print(
            f"{source} does not say whether the last of its {number} channels is alpha. It is copied unchanged, as "
            f"alpha. "
            "Give --alpha no to restore it, or --alpha yes to hide this message.",
            file=sys.stderr,
            flush=True,
        )
    rescaled = arguments.scale is not None
    with image_files.writing(target, image.pixels.shape, _dtype(arguments, image), image, rescaled) as out:
        restoration.restore(image.pixels, tiled, **_values(arguments, image), out=out, progress=show, name=source)
    if tiled.diffusions:
        print(f"Diffusion, estimated: {'; '.join(map(_in_words, tiled.diffusions))}", flush=True)
    if tiled.estimates:
        found = ", ".join(f"{100 * estimate:.2g} %" for estimate in tiled.estimates)
        eight = ", ".join(f"{255 * estimate:.1f}/255" for estimate in tiled.estimates)
        print(f"σ of the noise, estimated: {found} of white" + f" ({eight})" * (tiled.scale == "white"), flush=True)
        if tiled.scale == "white" and source.suffix.lower() in (".jpg", ".jpeg"):
            print(
                f"{source} is a JPEG. Its compression hides noise from the estimate, which may be too low. If noise is "
                "left, give a larger σ, such as --noise 15/255.",
                file=sys.stderr,
                flush=True,
            )


def _in_words(settings: dict[str, float]) -> str:
    """Estimated settings of the diffusion."""
    words = {"contrast": "λ = {:.2g} of white", "time": "T = {:.2g} pixels²"}
    return ", ".join(words[name].format(value) for name, value in settings.items())


def _values(arguments: Namespace, image: image_files.Image) -> dict[str, Any]:
    """What the pixel values of an image mean, from the options or else from the file."""
    given = {name: getattr(arguments, name) for name in ("white", "black", "scale")}
    nodata = image.nodata if arguments.nodata is None else arguments.nodata
    colour = "bands" if image.bands else arguments.colour
    return {**given, "colour": colour, "nodata": nodata, "alpha": image.alpha}


def _settings(arguments: Namespace) -> dict[str, Any]:
    """All settings that the results of a folder depend on."""
    weights = arguments.weights and hashlib.sha256(Path(arguments.weights).read_bytes()).hexdigest()
    names = ("colour", "alpha", "white", "black", "nodata", "depth", "scale", "noise", "precision")
    given = {name: str(getattr(arguments, name)) for name in names}
    given |= {name: str(value) for name in DIFFUSION if (value := getattr(arguments, name)) is not None}
    if arguments.network_scale == "white":
        given["network_scale"] = arguments.network_scale
    return {
        **given,
        "weights": weights or cards.card(arguments.preset)["sha256"],
        "version": metadata.version("diffnet_tf"),
    }


def _dtype(arguments: Namespace, image: image_files.Image) -> np.dtype[Any]:
    return np.dtype(DEPTHS[arguments.depth]) if arguments.depth else image.pixels.dtype


class _Progress:
    """Prints one line for each image and, in a terminal, a progress bar."""

    def __init__(self, title: str) -> None:
        self._bar: Any = None
        print(title, flush=True)

    def __call__(self, done: int, total: int) -> None:
        import keras

        if not sys.stdout.isatty():
            return
        self._bar = self._bar or keras.utils.Progbar(total, unit_name="tile")
        self._bar.update(done)
