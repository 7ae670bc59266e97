"""The diffusion and the networks of this package as parts of deepinv, a library for imaging in PyTorch.

deepinv (https://deepinv.github.io) has data fidelities, priors, optimisers and trainers. They work with a *physics*,
which computes measurements from images, and with *denoisers*. `PeronaMalik` and `Diffusion` are such physics, and
`Denoiser` makes a denoiser from any network of this package. Images are those of deepinv: float tensors (batch,
channels, height, width) from 0 to 1. Everything is differentiable, and the weights of a network can be trained.

deepinv needs the gradients of PyTorch, so Keras has to run on PyTorch. Install the extra `deepinv`, and set the
environment variable KERAS_BACKEND=torch before the first import of this package:

    import os
    os.environ["KERAS_BACKEND"] = "torch"
    import diffnet_tf as dn
    physics = dn.deepinv.PeronaMalik()
    network = dn.deepinv.Denoiser(dn.from_preset("inverse-1pct"))

Nothing of deepinv or PyTorch is imported before `dn.deepinv` is used.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import keras

from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.networks.conditioned import ConditionedDiffNet
from diffnet_tf.physics import diffusion, inverses
from diffnet_tf.restoration import tiles

try:
    from deepinv.models import Denoiser as _Denoiser
    from deepinv.physics import Physics as _Physics
except ModuleNotFoundError:  # the classes can still be looked at; making an object says what is missing
    _Denoiser = _Physics = object


def _check() -> None:
    """Raise an ImportError if deepinv is missing, or a RuntimeError if Keras does not run on PyTorch."""
    if _Physics is object:
        raise ImportError(
            "dn.deepinv needs deepinv, which is not installed. Install the extra: pip install 'diffnet_tf[deepinv]'."
        )
    if keras.backend.backend() != "torch":
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()}; expected PyTorch, because deepinv needs its gradients. Set the "
            "environment variable KERAS_BACKEND=torch before the first import of keras or diffnet_tf."
        )


def _applied(function: Callable[[Tensor], Tensor], x: Tensor, each: bool) -> Tensor:
    """Apply a function of images (batch, height, width, channels) to x, (batch, channels, height, width).

    Args:
        function: the function; it keeps the image size.
        x: the images.
        each: give every channel to the function as an image of its own, (batch × channels, height, width, 1).
    """
    if x.ndim != 4:
        raise ValueError(f"x has shape {tuple(x.shape)}; expected (batch, channels, height, width).")
    with keras.device(str(x.device)):  # otherwise Keras moves x to its default device
        if each:
            return function(x.reshape(-1, *x.shape[2:], 1)).reshape(x.shape)
        return function(x.movedim(1, -1)).movedim(-1, 1)


class Diffusion(_Physics):
    """A physics of deepinv from any function of images, such as the diffusions in `dn.diffusion`.

    Products with the derivative and its transpose (`A_jvp`, `A_vjp`) come from automatic differentiation, so deepinv's
    gradient-based optimisers work. Diffusion is not linear: it has no adjoint. So give an optimiser its first image,
    `init=y`. (`A_adjoint` raises an error that says so.)

    Args:
        function: maps a tensor (batch, height, width, channels) to one of the same shape, such as
            `lambda u: dn.diffusion.vector_valued(u, steps=4)`. PyTorch has to be able to differentiate it.
        kwargs: arguments of `deepinv.physics.Physics`, such as noise_model.

    Raises:
        ImportError: if deepinv is not installed.
        RuntimeError: if Keras does not run on PyTorch.
    """

    _each = False

    def __init__(self, function: Callable[[Tensor], Tensor], **kwargs: Any) -> None:
        _check()
        super().__init__(**kwargs)
        self.function = function

    def A(self, x: Tensor, **kwargs: Any) -> Tensor:
        """Diffuse images, without noise.

        Args:
            x: (batch, channels, height, width), float32 or float64.
            kwargs: ignored; deepinv passes the parameters of the noise here, too.

        Returns:
            The diffused images, of x's shape and dtype.
        """
        return _applied(self.function, x, self._each)

    def A_jvp(self, x: Tensor, v: Tensor) -> Tensor:
        """The derivative of A at x in the direction v: J(x) v, of x's shape."""
        import torch

        return torch.func.jvp(self.A, (x,), (v,))[1]

    def A_adjoint(self, y: Tensor, **kwargs: Any) -> NoReturn:
        """Not defined, since diffusion is not linear.

        Raises:
            NotImplementedError: always. The message says what to use instead.
        """
        raise NotImplementedError(
            f"{type(self).__name__} is not linear, so it has no adjoint. Give an optimiser its first image, init=y, "
            "and ArtifactRemoval mode='direct'. The transposed derivative at an image x is A_vjp(x, v)."
        )

    def A_dagger(self, y: Tensor, x_init: Tensor | None = None, **kwargs: Any) -> Tensor:
        """Reduce ‖A(x) − y‖² by gradient descent; see `deepinv.physics.Physics` for its settings.

        Args:
            y: diffused images, (batch, channels, height, width).
            x_init: images to start from; None for y.
            kwargs: ignored.

        Returns:
            An estimate of the images before diffusion, of y's shape.
        """
        return super().A_dagger(y, y if x_init is None else x_init)


class PeronaMalik(Diffusion):
    """Explicit Perona–Malik diffusion as a physics of deepinv. Each channel is diffused like a gray image.

    Args:
        steps, dt, contrast, boundary: settings of the diffusion, see `diffusion.perona_malik`. The defaults are those
            of the paper and of the presets.
        kwargs: arguments of `deepinv.physics.Physics`, such as `noise_model=deepinv.physics.GaussianNoise(0.01)`.

    Raises:
        ImportError, RuntimeError: see `Diffusion`.
        ValueError, TypeError: when called, see `diffusion.nonlinear`.
    """

    _each = True

    def __init__(
        self,
        steps: int = 4,
        dt: float = 0.1,
        contrast: float = 0.2,
        boundary: Boundary = "neumann",
        scheme: str = "one-sided",
        **kwargs: Any,
    ) -> None:
        settings: dict[str, Any] = {"steps": steps, "dt": dt, "contrast": contrast, "boundary": boundary}
        settings["scheme"] = scheme
        if left := kwargs.keys() & inspect.signature(diffusion.perona_malik).parameters:
            raise TypeError(
                f"PeronaMalik takes no {', '.join(sorted(left))}, because its inverse does not. Use "
                "Diffusion(functools.partial(dn.diffusion.perona_malik, …))."
            )
        super().__init__(functools.partial(diffusion.perona_malik, **settings), **kwargs)
        self.settings = settings

    def A_dagger(self, y: Tensor, x_init: Tensor | None = None, alpha: float = 0.0, **kwargs: Any) -> Tensor:
        """Undo the diffusion: solve PM(u) + α(u − y) = y.

        α = 0 is the exact inverse, which amplifies noise very much. α > 0 amplifies it at most 1 + 1/α times.

        Args:
            y: diffused images, (batch, channels, height, width).
            x_init: ignored; both methods start at y.
            alpha: α. 0 uses `inverses.stepwise_inverse`, other values `inverses.newton_inverse`.
            kwargs: ignored.

        Returns:
            An estimate of the images before diffusion, of y's shape and dtype.
        """

        def inverse(u: Tensor) -> Tensor:
            if alpha:
                return inverses.newton_inverse(u, alpha=alpha, **self.settings)
            return inverses.stepwise_inverse(u, **self.settings)

        return _applied(inverse, y, self._each)


class Denoiser(_Denoiser):
    """A network of this package as a denoiser of deepinv, called as denoiser(x, sigma).

    A preset undoes diffusion *and* removes noise, so it turns measurements of `PeronaMalik` into images in one step:
    `deepinv.models.ArtifactRemoval(Denoiser(preset), mode="direct")`. As the prior of a plug-and-play method, use a
    network that was trained to remove noise alone: its card says the problem "denoise".

    A network for gray images gets each channel as an image of its own. Its weights are the module's parameters: train
    them with PyTorch, for example with `deepinv.Trainer`. In a loop of your own, call `train()` before and `eval()`
    after it; the new module is in the mode of `eval()`.

    Args:
        model: a Keras network from images (batch, height, width, channels) to images of the same shape, with or without
            a noise map.

    Raises:
        ImportError, RuntimeError: see `Diffusion`.
        TypeError, ValueError: if the model is not such a network.
    """

    def __init__(self, model: keras.Model) -> None:
        _check()
        super().__init__()
        *_, self.channels = tiles.image_shape(model)
        if isinstance(model, ConditionedDiffNet):
            raise ValueError(
                "The network is given λ and T of a diffusion, which deepinv's denoisers do not get; expected another "
                "network. Call it with its inputs_of(...) instead."
            )
        self.model = model
        self.eval()  # PyTorch's default is training, in which a preset may use TF32 on a GPU

    def forward(self, x: Tensor, sigma: float | Tensor | None = None, **kwargs: Any) -> Tensor:
        """Apply the network.

        Args:
            x: (batch, channels, height, width), with white at 1, as presets of scale "white" expect; for one of scale
                "maximum" (`presets.card`), divide each image by its maximum. The network computes in float32.
            sigma: σ of the noise, for white = 1: one number, or a tensor with one for each image. Networks without a
                noise map ignore it, because they were trained for one σ.
            kwargs: ignored.

        Returns:
            The result, of x's shape and dtype.

        Raises:
            ValueError: if x does not have the network's channels, or sigma is missing for a network with a noise map.
        """
        import torch

        each, noise_map = self.channels == 1, self.model.input_shape[-1] > self.channels
        if x.ndim == 4 and not each and x.shape[1] != self.channels:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected {self.channels} channels, because the network is for colour "
                "images. Use a network for gray images."
            )
        if noise_map and sigma is None:
            raise ValueError("The network has a noise map, but sigma is None; expected σ of the noise. Give sigma.")

        def network(u: Tensor) -> Tensor:
            if noise_map:
                level = torch.as_tensor(sigma, dtype=u.dtype, device=u.device).reshape(-1, 1, 1, 1)
                level = level.repeat_interleave(len(u) // len(level), dim=0)  # for each channel, if they are images
                u = torch.cat([u, level.expand(-1, *u.shape[1:3], 1)], dim=-1)
            return self.model(u, training=self.training)

        return _applied(network, x.float(), each).to(x.dtype)
