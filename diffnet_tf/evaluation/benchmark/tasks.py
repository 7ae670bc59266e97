"""The tasks of the benchmark and their image pairs, which are the same bytes on every machine. NumPy only.

The clean images are crops of photographs that come with scikit-image, and that no network of this package was trained
on. Everything is computed in integers, or by single operations in float64, which IEEE 754 defines to the last bit. Only
the noise uses functions that libraries round differently (logarithm and cosine); it is rounded to multiples of 2⁻²⁰ σ.

>>> from diffnet_tf.evaluation.benchmark import tasks
>>> task = tasks.TASKS["paper-1pct"]
>>> task.noise, task.contrast, task.steps, task.dt
(0.01, 0.2, 4, 0.1)
>>> inputs, targets = tasks.pairs(task)
>>> inputs.shape, str(inputs.dtype)
((20, 96, 96), 'float32')
"""

import dataclasses
import functools
import hashlib
import itertools

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.data import examples, sources
from diffnet_tf.files import provenance

NAME, VERSION = "inverse-diffusion", 1  # a change of the pairs or of the score is a new version
SIDE = 96  # of the images, in pixels
SEED = 2020  # of the noise
SEED_OF_TRAINING = 2021  # of the noise on images that parameters are tuned on
LARGE, LARGE_SIZE = "chelsea", (300, 451)  # the photograph at full size, on which solvers are timed only
BEST = 150.0  # dB, about the rounding of float32: what is better counts as this, and as perfect

# The photographs, and the SHA-256 of their bytes as scikit-image returns them. All are stored as PNG.
PHOTOGRAPHS = {
    "chelsea": "416b729128bfb2c3d1eb69bf9b1734a796293abc17939267b2dc94f8a5784031",
    "coffee": "0ce2b51640b9c95f19617f03eabf40c3f0368589cc1ee1190b70966165ac184f",
    "coins": "e080cc03805f1fa70516c3cb84883d4633bda2a1b51841da7c22f3d14c072451",
    "stereo_motorcycle": "ca829467c1d4f427da9c4862ba43829da6ac90afe1f75735e95dba9e3fd9620b",
    "immunohistochemistry": "c5b3ef509a92f16d4c29be8cf0300fe75d53e13a3ce650159db932caea8dcc1b",
}


@dataclasses.dataclass(frozen=True)
class Task:
    """What was done to the images of a task. A solver gets this as its second argument.

    Attributes:
        name: of the task, as in "paper-1pct".
        noise: standard deviation σ of the Gaussian noise that was added after the diffusion. The clean image has
            maximum 1.
        contrast: λ of the diffusivity γ = 1 / (1 + |∇u|²/λ²).
        steps, dt: number of explicit time steps, and δt in pixels².
        number: of the task, which selects the noise.
        sha256: of the pairs of the task, see `digest`.
    """

    name: str
    noise: float
    contrast: float
    steps: int
    dt: float
    number: int
    sha256: str = dataclasses.field(repr=False)

    @property
    def title(self) -> str:
        """The task in words."""
        noise = f"{100 * self.noise:g} % noise" if self.noise else "no noise"
        return f"{self.name}: λ = {self.contrast:g}, T = {self.steps * self.dt:g}, {noise}"

    @property
    def diffusion(self) -> dict[str, float]:
        """The arguments of `diffusion.perona_malik` and of the functions of `inverses`: steps, dt and contrast."""
        return {"steps": self.steps, "dt": self.dt, "contrast": self.contrast}

    def diffuse(self, u: Array) -> Array:
        """Compute the task's diffusion without noise, for solvers that need it: `diffusion.perona_malik` in NumPy.

        Args:
            u: one image (height, width).

        Returns:
            PM(u), float64 (height, width).
        """
        u = np.asarray(u, "float64")
        for _ in range(self.steps):
            down, right = np.diff(u, axis=0), np.diff(u, axis=1)
            squares = np.zeros_like(u)  # |∇u|² from backward differences
            squares[1:] += down * down
            squares[:, 1:] += right * right
            gamma = 1.0 / (1.0 + squares / (self.contrast * self.contrast))
            change = np.zeros_like(u)
            for axis, difference in ((0, down), (1, right)):  # fluxes between pixels; none leaves the image
                after, before = (gamma[1:], gamma[:-1]) if axis == 0 else (gamma[:, 1:], gamma[:, :-1])
                flux = 0.5 * (after + before) * difference
                ends = ((1, 1), (0, 0)) if axis == 0 else ((0, 0), (1, 1))
                change += np.diff(np.pad(flux, ends), axis=axis)
            u = u + self.dt * change
        return u

    def degrade(self, clean: Array, image: int, seed: int = SEED) -> Array:
        """Diffuse an image and add noise.

        Args:
            clean: (height, width) in [0, 1].
            image: number of the image. With the seed and the task's number, it determines the noise.
            seed: of the noise.

        Returns:
            float32 (height, width).
        """
        diffused = self.diffuse(clean)
        if self.noise:
            diffused = diffused + self.noise * standard_noise(diffused.shape, seed, self.number, image)
        return diffused.astype("float32")


def _tasks(*tasks: Task) -> dict[str, Task]:
    return {task.name: task for task in tasks}


# The paper's diffusion; and one until twice the time with half the contrast parameter, which no preset was trained for.
TASKS = _tasks(
    Task("paper-0pct", 0.0, 0.2, 4, 0.1, 1, "50dcfd427751b306a027abf5fa8c1305d4c5c20939e4108214b66fe2106b106a"),
    Task("paper-0.1pct", 0.001, 0.2, 4, 0.1, 2, "63bec911137f8d27daec3d54ef12f65abaac06cecd0236da6c66fd25d6149c75"),
    Task("paper-1pct", 0.01, 0.2, 4, 0.1, 3, "b4783f08a02c565cbb1733f2c0908c4225affebde6d3fb646a7f27223a534105"),
    Task("longer-0pct", 0.0, 0.1, 8, 0.1, 4, "b930a3fdabb15d3b4d76e1c2bb8fea103a6e6cf8f55fbbbe294109efc68b2860"),
    Task("longer-1pct", 0.01, 0.1, 8, 0.1, 5, "4f7414aa61bb999f7ddee0c8b8730f0c05827135596ee47f299090a958bc0c14"),
)
TIMED = "paper-1pct"  # the task in which solvers are also timed on a large image


def standard_noise(shape: tuple[int, ...], *key: int) -> Array:
    """Standard normal noise that depends on a key only, in multiples of 2⁻²⁰: float64 of the given shape."""
    pixels = int(np.prod(shape))
    bits = examples.bits(examples.NUMPY, 2 * pixels, *key)[0]
    noise = examples.normal(examples.NUMPY, bits[:pixels], bits[pixels:])
    return np.rint(noise * 2.0**20).reshape(shape) / 2.0**20


# ---- Images ----------------------------------------------------------------------------------------------------------


def _gray(photograph: Array) -> Array:
    """MATLAB's luminance in integers, int64 (height, width)."""
    values = photograph.astype("int64")
    if values.ndim == 2:
        return values
    return (2989 * values[..., 0] + 5870 * values[..., 1] + 1140 * values[..., 2] + 5000) // 10_000


def _half(gray: Array) -> Array:
    """The image at half its size: rounded means of 2×2 pixels. It is then about as detailed as STL-10."""
    rows, columns = (side // 2 * 2 for side in gray.shape)
    gray = gray[:rows, :columns]
    return (gray[::2, ::2] + gray[1::2, ::2] + gray[::2, 1::2] + gray[1::2, 1::2] + 2) // 4


def _scaled(gray: Array) -> Array:
    """Divide by the maximum: float32 with maximum 1."""
    return gray.astype("float32") / np.float32(gray.max())


def photograph(name: str) -> Array:
    """A photograph of scikit-image in gray, int64 (height, width).

    Raises:
        ValueError: if it is one of `PHOTOGRAPHS`, but not that of this version of the benchmark.
    """
    from skimage import data

    version = provenance.versions().get("scikit-image")
    try:
        pixels = getattr(data, name)()
    except (AttributeError, OSError, ImportError) as error:
        raise ValueError(f"scikit-image {version} has no photograph {name!r} ({error}). {_ADVICE}") from error
    pixels = np.ascontiguousarray(pixels[0] if isinstance(pixels, tuple) else pixels)  # the left one of a pair
    found = hashlib.sha256(pixels.tobytes()).hexdigest()
    if found != PHOTOGRAPHS.get(name, found):
        raise ValueError(
            f"scikit-image {version} has another photograph {name!r}: its SHA-256 is {found}; expected "
            f"{PHOTOGRAPHS[name]}. {_ADVICE}"
        )
    return _gray(pixels)


_ADVICE = "Results would not be comparable. Install a version that this package supports: scikit-image<0.27."


def _crops(gray: Array) -> list[Array]:
    """Disjoint crops from the middle of a photograph at half size, row by row: float32 (96, 96) each."""
    gray = _half(gray)
    rows, columns = (side // SIDE for side in gray.shape)
    top, left = ((side - SIDE * number) // 2 for side, number in zip(gray.shape, (rows, columns)))
    starts = [(top + SIDE * row, left + SIDE * column) for row in range(rows) for column in range(columns)]
    return [_scaled(gray[row : row + SIDE, column : column + SIDE]) for row, column in starts]


@functools.cache
def images() -> dict[str, Array]:
    """The clean images by name, as in "coffee 1": float32 (96, 96) each.

    Raises:
        ValueError: see `photograph`.
    """
    return {f"{name} {k}": crop for name in PHOTOGRAPHS for k, crop in enumerate(_crops(photograph(name)), 1)}


@functools.cache
def training_images() -> Array:
    """Images from other photographs of scikit-image, prepared in the same way, to tune parameters on.

    Returns:
        float32 (n, 96, 96). The photographs take turns, so that the first images of all are varied.
    """
    crops = [_crops(photograph(name)) for name in sources.SKIMAGE_TRAIN]
    return np.stack([crop for turn in itertools.zip_longest(*crops) for crop in turn if crop is not None])


def digest(inputs: Array, targets: Array) -> str:
    """The SHA-256 of pairs: of the bytes of the inputs, then of the targets, as little-endian float32 in C order."""
    return hashlib.sha256(b"".join(a.astype("<f4").tobytes() for a in (inputs, targets))).hexdigest()


@functools.cache
def pairs(task: Task) -> tuple[Array, Array]:
    """The pairs of a task: (diffused and noisy images, clean images), float32 (n, 96, 96) each, read-only.

    Raises:
        ValueError: if they are not the pairs of this version of the benchmark, see `photograph` and `check`.
    """
    targets = np.stack(list(images().values()))
    inputs = np.stack([task.degrade(clean, number) for number, clean in enumerate(targets)])
    check(task, inputs, targets)
    for array in (inputs, targets):
        array.flags.writeable = False
    return inputs, targets


def check(task: Task, inputs: Array, targets: Array) -> None:
    """Raise a ValueError unless pairs are those of a task in this version of the benchmark."""
    found = digest(inputs, targets)
    if found != task.sha256:
        raise ValueError(
            f"The pairs of {task.name} have SHA-256 {found}; expected {task.sha256}. They are not those of {NAME} "
            f"{VERSION}, so that results would not be comparable. Please report your versions of Python, NumPy and "
            "scikit-image as an issue."
        )


@functools.cache
def large(task: Task) -> Array:
    """A degraded photograph at full size, to measure time: float32 (300, 451)."""
    return task.degrade(_scaled(photograph(LARGE)), len(images()))


def training_pairs(task: Task, number: int | None = None) -> tuple[Array, Array]:
    """Pairs for tuning and training: other images than in the test, and other noise.

    Args:
        task: of the benchmark.
        number: how many; None for all 99.

    Returns:
        (inputs, targets), float32 (n, 96, 96) each.
    """
    targets = training_images()[:number]
    return np.stack([task.degrade(clean, k, SEED_OF_TRAINING) for k, clean in enumerate(targets)]), targets


IDENTITY = hashlib.sha256("".join(task.sha256 for task in TASKS.values()).encode()).hexdigest()
"""The SHA-256 of all pairs: of the tasks' SHA-256 in hexadecimal digits, one after the other."""
