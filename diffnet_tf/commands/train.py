"""Train a network on a folder of your own images, or fine-tune an existing network.

The images may differ in size: training uses random crops at their original resolution. With --size, each image is first
cropped to its central square and scaled down to this side in pixels.
"""

from __future__ import annotations

import dataclasses
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from diffnet_tf import files
from diffnet_tf.base import checks
from diffnet_tf.base.choices import PRESETS, PROBLEMS, SOURCES
from diffnet_tf.base.types import Array
from diffnet_tf.commands import train_given, trained
from diffnet_tf.files import model_files, provenance
from diffnet_tf.networks import cards

if TYPE_CHECKING:
    import keras

    from diffnet_tf import data
    from diffnet_tf.training import recipes

LARGEST_SEED = 2**32 - 1  # NumPy's limit
FINE_TUNING_RATE = 1e-3  # below the fast recipe's 3e-3, so as not to undo what the network has learned


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument(
        "directory", metavar="DIR", help="folder with images of any sizes; the last tenth is used for validation"
    )
    parser.add_argument(
        "--out",
        metavar="MODEL",
        type=Path,
        required=True,
        help="the .keras file to write, or a folder for a preset (README.md, weights.npz)",
    )
    parser.add_argument(
        "--init",
        metavar="START",
        help=f"fine-tune this .keras file or preset: {', '.join(PRESETS)}, a folder with a preset, or hf://USER/NAME "
        "(default: a new network)",
    )
    parser.add_argument("--source", choices=SOURCES, default="folder", help="kind of data in DIR")
    parser.add_argument(
        "--size",
        type=int,
        help="reduce the images in a folder to squares with this side in pixels (default: random crops at the original "
        "resolution)",
    )
    parser.add_argument(
        "--problem",
        choices=PROBLEMS,
        help="learn to undo diffusion (inverse), to apply it (forward), or only to remove noise (denoise) (default: as "
        "the preset given with --init, else inverse)",
    )
    parser.add_argument(
        "--noise",
        type=train_given.sigma,
        help="σ of the noise on the inputs, for images in [0, 1], such as 0.01 or 25/255; or a range, such as "
        "0,55/255, for a network that is given σ (default: as the preset given with --init, else 0)",
    )
    train_given.add_arguments(parser)
    parser.add_argument(
        "--steps", type=int, default=2_400, help="number of training steps; 2,400 take a few minutes on 2 cores"
    )
    parser.add_argument("--learning-rate", type=float, help="learning rate (default: 3e-3, or 1e-3 with --init)")
    parser.add_argument("--seed", type=int, default=0, help="random seed for initial weights and examples")
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace the file if it exists, and discard a stopped training that had other options",
    )


def run(arguments: Namespace) -> int:
    """Train and save the network. Returns the exit status: 0, or 130 if stopped; the same command then continues."""
    import keras

    from diffnet_tf import data, metrics, training
    from diffnet_tf.networks import plain, presets
    from diffnet_tf.networks.models import DiffNet
    from diffnet_tf.training import checkpoint

    _take_from_card(arguments)
    _check(arguments)
    model = _start(arguments.init) if arguments.init else None
    train_given.check_start(arguments, model)
    train, held_out = _images(
        arguments, model is not None and model.output_shape[-1] == 3, trained.scale(arguments.problem)
    )
    recipe = _recipe(arguments, train)
    keras.utils.set_random_seed(arguments.seed)
    if model is None and train_given.wanted(arguments):
        model = train_given.network(recipe)
    elif model is None:
        given = {"noise_map": train_given.several_sigmas(arguments), "relu": arguments.problem != "denoise"}
        model = DiffNet(initial_scale=recipe.initial_scale, **given)
    if not trained.is_file(arguments.out):
        plain.describe(model)  # refuses networks that a preset cannot hold, before the work
    print(f"Device: {provenance.device()}", flush=True)
    options = {"problem": arguments.problem, "seed": arguments.seed, **train_given.options(arguments, model)}
    inputs, targets = data.paired_arrays(held_out, **options)

    def quality(images: Array) -> dict[str, float]:
        return metrics.summary(metrics.psnr(targets, images))

    def restored() -> Array:
        return model.predict(inputs, batch_size=16, verbose=0)

    before = {"without a network": quality(inputs[..., : targets.shape[-1]])}
    if arguments.init:
        before[arguments.init] = quality(restored())
    # Next to the model, where the same command finds it again.
    state = arguments.out.with_name(f"{arguments.out.name}.checkpoint")

    def fit() -> training.Training:
        return training.fit(
            model, train, recipe, steps=arguments.steps, validation=held_out, checkpoint_dir=state, **options
        )

    try:
        result = fit()
    except checkpoint.OtherRun as error:
        if not arguments.force:
            raise ValueError(
                f"{str(error).split('. Use')[0]}. Give another --out, or --force to start again."
            ) from None
        checkpoint.remove(state)
        result = fit()
    if not result.finished:
        print(f"{arguments.out} is not written yet. Run the same command again to continue.", flush=True)
        return 130
    measured = {**before, str(arguments.out): quality(restored())}
    if trained.is_file(arguments.out):
        model_files.save(model, arguments.out)
    else:
        card = trained.card(arguments, train, held_out, recipe, list(measured.values()))
        presets.save_to_preset(model, arguments.out, card)
    checkpoint.remove(state)
    for name, psnr in measured.items():
        number, height, width, _ = held_out.shape
        print(
            f"{name}: {psnr['mean']:.2f} dB on {number} image{'s' * (number != 1)} of {width}×{height} pixels held "
            "out from training"
        )
    if not trained.is_file(arguments.out):
        print(
            f"Before you share {arguments.out}, say in its README.md who made it, its licence, and what the data are."
        )
    return 0


def _take_from_card(arguments: Namespace) -> None:
    """Fill in a missing --problem and --noise from the card of the preset to fine-tune."""
    card = cards.card(arguments.init) if arguments.init and not trained.is_file(arguments.init) else {}
    if arguments.problem is None:
        arguments.problem = card.get("problem", "inverse")
    if arguments.noise is None:
        noise = card.get("noise", 0.0) if arguments.problem == card.get("problem", "inverse") else 0.0
        arguments.noise = cards.noise(card) if isinstance(noise, list) else noise
    if arguments.problem not in PROBLEMS:
        raise ValueError(
            f"--init {arguments.init} was trained on the problem {arguments.problem!r}; expected one of "
            f"{', '.join(PROBLEMS)}. Give --problem to train it on one of these, or train in Python with degrade=..."
        )


def _check(arguments: Namespace) -> None:
    if trained.is_file(arguments.out):
        checks.can_be_written(arguments.out, arguments.force)
    else:
        trained.check_folder(arguments.out, arguments.force)
    checks.count(arguments.steps, "--steps")
    if arguments.size is not None:
        checks.count(arguments.size, "--size", minimum=checks.MINIMUM_SIZE)
    checks.count(arguments.seed, "--seed", minimum=0)
    if arguments.seed > LARGEST_SEED:
        raise ValueError(f"--seed={arguments.seed}; expected at most {LARGEST_SEED}.")
    train_given.check(arguments)
    if arguments.learning_rate is not None:
        checks.positive(arguments.learning_rate, "--learning-rate")
    files.check_writable(arguments.out.parent, "--out")


def _images(arguments: Namespace, colour: bool, scale: str = "maximum") -> tuple[data.GrayImages, data.GrayImages]:
    """Open the images for training and validation. Without --size, skips images in a folder smaller than a crop.

    Raises:
        FileNotFoundError, ValueError: as `data.open_images`; also if all validation images are too small.
    """
    from diffnet_tf import data
    from diffnet_tf.data import sources

    whole = arguments.source == "folder" and arguments.size is None
    size = None if whole else arguments.size or sources.SIZE
    train, held_out = (
        data.open_images(arguments.source, arguments.directory, split, size=size, colour=colour, scale=scale)
        for split in ("train", "test")
    )
    if not whole:
        return train, held_out
    crop = min(train_given.crop(arguments), train.sizes.min(axis=1).max())
    kept, kept_out = (data.at_least(images, crop) for images in (train, held_out))
    skipped = len(train) + len(held_out) - len(kept) - len(kept_out)
    if not len(kept_out):
        raise ValueError(
            f"{arguments.directory}: the last {len(held_out)} image(s), used for validation, are smaller than "
            f"{crop}×{crop} pixels; expected at least one larger image. Remove or replace them."
        )
    if skipped:
        total = len(train) + len(held_out)
        print(
            f"Skipped {skipped} of {total} images, which are smaller than a crop of {crop}×{crop} pixels.", flush=True
        )
    return kept, data.squares(kept_out, int(min(sources.SIZE, kept_out.sizes.min())))


def _recipe(arguments: Namespace, train: data.GrayImages) -> recipes.Recipe:
    """The recipe "fast", adapted to these images and this noise."""
    from diffnet_tf.training import recipes

    fast = recipes.get("fast")
    fast = train_given.recipe(fast) if train_given.is_range(arguments) else fast
    rate = arguments.learning_rate or (FINE_TUNING_RATE if arguments.init else fast.learning_rate)
    crop = min(train_given.crop(arguments), int(train.sizes.min()))
    return dataclasses.replace(fast, crop=crop, learning_rate=rate)


def _start(name: str) -> keras.Model:
    """Load the network to fine-tune. Its input may have σ of the noise as a last channel.

    Raises:
        FileNotFoundError, ValueError: if it does not exist, is given the diffusion, or does not map gray or colour
            images of any size to images of the same shape.
    """
    from diffnet_tf.networks import presets

    model = model_files.load(name) if trained.is_file(name) else presets.from_preset(name)
    if hasattr(model, "conditions"):
        raise ValueError(f"{name} is given the diffusion; expected another network. Train a new one with --contrast.")
    shapes = [getattr(model, kind, None) for kind in ("input_shape", "output_shape")]
    if shapes not in [[(None, None, None, k + more), (None, None, None, k)] for k in (1, 3) for more in (0, 1)]:
        raise ValueError(
            f"{name} maps {shapes[0]} to {shapes[1]}; expected (None, None, None, 1 or 3) for both, or one more "
            "input channel for σ. Give a network for gray or colour images of any size."
        )
    return model
