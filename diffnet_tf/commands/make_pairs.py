"""Write pairs of diffused and clean images to an NPZ or TFRecord file, for use in other frameworks."""

from argparse import ArgumentParser, Namespace

from diffnet_tf.base import checks, command_line
from diffnet_tf.base.choices import PROBLEMS, SOURCES, SPLITS
from diffnet_tf.files import provenance


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument("output", metavar="OUT", help="the file to write; ends in .npz or .tfrecord")
    parser.add_argument("--source", choices=SOURCES, default="skimage", help="where the images come from")
    parser.add_argument("--data-dir", help="folder with the images of --source (default: none; skimage needs none)")
    parser.add_argument("--split", choices=SPLITS, default="train", help="which images to use")
    parser.add_argument("--limit", type=int, help="use only this many images, the first ones (default: all)")
    parser.add_argument(
        "--problem",
        choices=PROBLEMS,
        default="inverse",
        help="inverse: from diffused to clean images; forward: from clean to diffused images; denoise: from noisy to "
        "clean images",
    )
    parser.add_argument(
        "--noise",
        type=command_line.number_or_fraction,
        default=0.0,
        help="σ of the noise on the inputs, for images in [0, 1], such as 0.01 or 25/255",
    )
    parser.add_argument("--crop", type=int, help="side of random crops in pixels (default: whole images)")
    parser.add_argument("--augment", action="store_true", help="flip and transpose the images at random")
    parser.add_argument("--epochs", type=int, default=1, help="number of pairs made from each image")
    parser.add_argument("--seed", type=int, default=0, help="random seed for crops, flips and noise")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(arguments: Namespace) -> int:
    """Write the pairs. Returns the exit status."""
    from diffnet_tf import data

    checks.can_be_written(arguments.output, arguments.force)
    options = {name: value for name, value in vars(arguments).items() if name not in ("command", "source", "output")}
    count = data.make_pairs(arguments.source, arguments.output, **options)
    print(f"Device: {provenance.device()}")
    print(f"{arguments.output}: {count:,} pairs")
    return 0
