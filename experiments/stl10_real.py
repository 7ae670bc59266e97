"""Extract stl10_real, the 123 test images of the committed records, from your own copy of STL-10.

    python -m experiments.stl10_real DIR stl10_real  # DIR holds unlabeled_X.bin; a minute

The images are found by the hashes in experiments/data/stl10_real.sha256, and written in STL-10's binary layout, for
--test-dir stl10_real.
"""

import sys
from pathlib import Path

import numpy as np

from diffnet_tf.base import command_line
from diffnet_tf.data import binary
from diffnet_tf.data.gray import to_gray
from experiments.lib import stl10

SHA256 = "a7280177f7b1aaae8ad8650f7c96f74265c0277a2a7dbec31fd8ea5cf230b82b"  # of the file
PART = 1_000  # images at a time


def taken(path):
    """The images of stl10_real in its order, from a file in STL-10's binary layout.

    Returns:
        uint8 (123, 96, 96, 3).

    Raises:
        FileNotFoundError, ValueError: the file does not exist, or lacks some of the images.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected STL-10's unlabelled images, see docs/data.md.")
    stored, images = binary.opened(path), {}
    for start in range(0, len(stored), PART):
        part = stored[start : start + PART]
        for number, place in stl10.places(to_gray(part)).items():
            images.setdefault(number, part[place])
    if len(images) < len(stl10.real()):
        raise ValueError(
            f"{path} holds {len(images)} of the {len(stl10.real())} images among its {len(stored):,}; expected all. Is "
            "it STL-10's? See: python -m diffnet_tf data DIR --hashes"
        )
    return np.stack([images[number] for number in sorted(images)])


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m experiments.stl10_real", description=__doc__)
    parser.add_argument("STL10", type=Path, help=f"folder with STL-10's {binary.NAME}, or this file")
    parser.add_argument("OUT", help=f"folder to write {binary.NAME} to")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Write the file. Returns the exit status."""
    chosen = parser().parse_args(arguments)
    path = chosen.STL10 if chosen.STL10.is_file() else chosen.STL10 / binary.NAME
    images = taken(path)
    out = stl10.refuse_to_replace(chosen.OUT, chosen.force)
    stl10.write_known(out, images, SHA256, ": their colours differ. Fetch it again.")


if __name__ == "__main__":
    sys.exit(main())
