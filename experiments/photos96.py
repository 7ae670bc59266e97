"""Build photos96, the images that the committed networks were trained on, bit for bit, from two public repositories.

    git clone https://github.com/EliSchwartz/imagenet-sample-images
    git clone https://github.com/BIDS/BSDS500
    python -m experiments.photos96 imagenet-sample-images BSDS500 photos96  # seconds; photos96/unlabeled_X.bin, 111 MB

These are 4,000 square crops of 1,000 photographs of ImageNet and 500 of BSDS500, reduced to 96×96 by bicubic
interpolation, in STL-10's binary layout, for --source stl10_binary --data-dir photos96. The last tenth, for validation,
comes from other photographs than the rest.
"""

import dataclasses
import hashlib
import sys
from pathlib import Path

import numpy as np

from diffnet_tf.base import command_line
from diffnet_tf.data.binary import SIZE
from diffnet_tf.files import reading
from experiments.lib import stl10

SHA256 = "8395361fcbe29341b1adac78943bc5d00288b9d0be716017a1164aa619274ff7"  # of the file
VERIFIED = "Pillow 13.0.0 with libjpeg-turbo 3.2.0"  # which gave it
SEED, TRAINING_ORDER, VALIDATION_ORDER = 20190719, 1, 2  # of the crops, and of the images' order
SMALLEST = 0.4  # side of a crop that is not the centred one, as a share of the photograph's shorter side: up to 1
TENTH = 10  # of each repository's photographs the last of every ten is for validation


@dataclasses.dataclass(frozen=True)
class Repository:
    """Photographs of a public repository.

    Attributes:
        name: the repository on GitHub.
        commit: the one whose files these are.
        pattern: pattern of the photographs' paths in it.
        count: number of photographs.
        crops: number of crops of each photograph.
        sha256: SHA-256 of all photographs' bytes, in their order.
    """

    name: str
    commit: str
    pattern: str
    count: int
    crops: int
    sha256: str


REPOSITORIES = (
    Repository(
        "EliSchwartz/imagenet-sample-images",
        "bc69043e2862758a1906c6a24a792bb28c6bb2ff",
        "*.JPEG",
        1_000,
        3,
        "a229e291708b24a9e95b188c7867d460f219df62a1dffe90bc9cd151a2117177",
    ),
    Repository(
        "BIDS/BSDS500",
        "a04b7c6c3a9f0ace74bf205c72a43d32e1c72722",
        "BSDS500/data/images/*/*.jpg",
        500,
        2,
        "62556ca32a4540f119c07aba281c40777fd1579da37dd6bae119b2e54e6574bf",
    ),
)


def photographs(repository, folder):
    """The photographs of a repository in a folder, sorted by their paths, checked by their SHA-256.

    Raises:
        FileNotFoundError, ValueError: no folder, another number of files, or others.
    """
    folder = Path(folder)
    wanted = f"expected the {repository.count:,} {repository.pattern} of https://github.com/{repository.name}"
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; {wanted}: clone it, and give its folder.")
    paths = sorted(folder.glob(repository.pattern), key=lambda path: path.as_posix())
    if len(paths) != repository.count:
        raise ValueError(f"{folder} holds {len(paths):,} {repository.pattern}; {wanted}. Give its folder.")
    sha256 = hashlib.sha256()
    for path in paths:
        sha256.update(path.read_bytes())
    if sha256.hexdigest() != repository.sha256:
        raise ValueError(
            f"The photographs in {folder} have SHA-256 {sha256.hexdigest()}; expected {repository.sha256}, those of "
            f"commit {repository.commit}: git -C {folder} checkout {repository.commit[:12]}"
        )
    return paths


def box(width, height, number, rng):
    """The square that crop `number` of a photograph takes: the centred one is the first, others are drawn.

    Returns:
        (left, top, right, bottom) in pixels.
    """
    shorter = min(width, height)
    if number == 0:
        side, left, top = shorter, (width - shorter) // 2, (height - shorter) // 2
    else:
        side = max(int(shorter * rng.uniform(SMALLEST, 1.0)), min(SIZE, shorter))
        left, top = (int(rng.integers(0, length - side + 1)) for length in (width, height))
    return left, top, left + side, top + side


def build(*sets):
    """All crops in the order of photos96.

    Args:
        sets: (paths of photographs, crops of each) of each repository.

    Returns:
        uint8 (n, 96, 96, 3): crops to train on, then those for validation.
    """
    from PIL import Image

    rng, training, validation = np.random.default_rng(SEED), [], []
    for paths, crops in sets:
        for index, path in enumerate(paths):
            part = validation if index % TENTH == TENTH - 1 else training
            with reading.decoding(path, "photograph", "fetch its repository again"), Image.open(path) as image:
                image = image.convert("RGB")
            for number in range(crops):
                where = box(*image.size, number, rng)
                part.append(np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=where)))
    order = [training[i] for i in np.random.default_rng(TRAINING_ORDER).permutation(len(training))]
    order += [validation[i] for i in np.random.default_rng(VALIDATION_ORDER).permutation(len(validation))]
    return np.stack(order)


def _pillow():
    """The version of Pillow here, with its decoder of JPEG."""
    import PIL
    from PIL import features

    return f"Pillow {PIL.__version__} with libjpeg-turbo {features.version('libjpeg_turbo')}"


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m experiments.photos96", description=__doc__)
    for name, repository in zip(("IMAGENET_SAMPLES", "BSDS500"), REPOSITORIES):
        parser.add_argument(name, help=f"a clone of https://github.com/{repository.name}")
    parser.add_argument("OUT", help="folder to write unlabeled_X.bin to")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Build the file. Returns the exit status."""
    chosen = parser().parse_args(arguments)
    folders = chosen.IMAGENET_SAMPLES, chosen.BSDS500
    paths = [photographs(repository, folder) for repository, folder in zip(REPOSITORIES, folders)]
    out = stl10.refuse_to_replace(chosen.OUT, chosen.force)
    images = build(*((of, repository.crops) for of, repository in zip(paths, REPOSITORIES)))
    advice = f", which {VERIFIED} gives; this is {_pillow()}: pip install pillow==13.0.0"
    stl10.write_known(out, images, SHA256, advice)


if __name__ == "__main__":
    sys.exit(main())
