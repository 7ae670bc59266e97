"""Write pairs of diffused and clean images to an NPZ or TFRecord file, for other frameworks."""

from argparse import ArgumentParser, Namespace

from diffnet_tf.base.choices import PROBLEMS, SOURCES, SPLITS
from diffnet_tf.files import provenance


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument("output", metavar="OUT", help="a file ending in .npz or .tfrecord")
    parser.add_argument("--source", choices=SOURCES, default="skimage", help="source of the images, by default skimage")
    parser.add_argument("--data_dir", help="folder with the images of --source")
    parser.add_argument("--split", choices=SPLITS, default="train", help="which images to use, by default train")
    parser.add_argument("--limit", type=int, help="use only this many images, the first of the split")
    parser.add_argument(
        "--problem",
        choices=PROBLEMS,
        default="inverse",
        help="inverse (the default): the input is the diffused image, the target the clean one; forward: the reverse",
    )
    parser.add_argument(
        "--noise", type=float, default=0.0, help="σ of the noise on the diffused images, whose range is 1; by default 0"
    )
    parser.add_argument("--crop", type=int, help="side of random crops in pixels; by default whole images")
    parser.add_argument("--augment", action="store_true", help="flip and transpose at random")
    parser.add_argument("--epochs", type=int, default=1, help="number of pairs for each image, by default 1")
    parser.add_argument("--seed", type=int, default=0, help="of crops, flips and noise, by default 0")


def run(arguments: Namespace) -> int:
    """Write the pairs. Returns the exit status."""
    from diffnet_tf import data

    options = {name: value for name, value in vars(arguments).items() if name not in ("command", "source", "output")}
    count = data.make_pairs(arguments.source, arguments.output, **options)
    print(f"Device: {provenance.device()}")
    print(f"{arguments.output}: {count:,} pairs")
    return 0
