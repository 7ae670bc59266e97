"""The base class of all models of this package: from images to images, saved by the arguments of their class."""

import contextlib
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NoReturn, Self

import keras
import numpy as np

from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Array, PathLike, Tensor
from diffnet_tf.files import model_files
from diffnet_tf.networks.convolution import refuse_to_quantize, state_dtype
from diffnet_tf.networks.layers import DiffusionLayer


def check_images(images: Any, channels: int = 1) -> None:
    """Raise an error unless the argument is a batch of images, (batch, height, width, channels), floating point.

    Without this check, Keras would treat one gray image (height, width, 1) as `height` images.

    Warns:
        UserWarning: for a NumPy array with values up to 255. (Tensors are not checked, which would make graphs slow.)
    """
    if not hasattr(images, "shape") or not hasattr(images, "dtype"):
        return  # a list, which Keras converts, or a data set, whose tensors are checked one by one
    checks.image_channels(images.shape, channels, "inputs")
    checks.float_dtype(images, "inputs")
    if isinstance(images, np.ndarray) and images.size and images.max() > checks.FULL_RANGE:
        warnings.warn(
            f"inputs reach {images.max():g}; the networks expect images with white at 1. "
            "Divide each by its own maximum first, or by white if the network's card says so, as `restore` does.",
            stacklevel=3,
        )


class ImageModel(keras.Model):
    """A functional model that is saved as the arguments of its class, and not as a graph of layers.

    Args:
        build: (image, dtype policy) → output, in Keras's functional style.
        image_shape: (height, width); None for any size.
        arguments: the arguments of the subclass, as plain values.
        input_channels: channels of the input.
        dtype: a dtype policy.
        frozen: names of layers that are not trained, as in `get_config`.
    """

    def __init__(
        self,
        build: Callable[[Tensor, keras.DTypePolicy], Tensor],
        image_shape: Sequence[int | None],
        arguments: dict[str, Any],
        *,
        input_channels: int = 1,
        dtype: str | dict[str, Any] | keras.DTypePolicy | None = None,
        frozen: Collection[str] = (),
        **kwargs: Any,
    ) -> None:
        policy = keras.dtype_policies.get(dtype)
        image = keras.Input((*image_shape, input_channels), dtype=state_dtype(policy), name="image")
        super().__init__(inputs=image, outputs=build(image, policy), **kwargs)
        self.dtype_policy = policy  # compile() reads it, since float16 needs loss scaling
        self.exact = False  # whether calls forbid TF32 on a GPU; training may use it
        self._arguments, self._input_channels = arguments, input_channels
        for name, layer in self._parts():
            if name in frozen:
                layer.trainable = False

    def __call__(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_images(inputs, self._input_channels)
        exact = self.exact and not kwargs.get("training")
        with backend.without_tf32() if exact else contextlib.nullcontext():
            return super().__call__(inputs, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Array:
        check_images(x, self._input_channels)
        return super().predict(x, *args, **kwargs)

    def save(
        self,
        filepath: PathLike,
        overwrite: bool = True,
        zipped: bool | None = None,
        include_optimizer: bool = False,
        **kwargs: Any,
    ) -> None:
        """Write the network to a `.keras` file, for `keras.models.load_model`.

        Args:
            filepath, overwrite, zipped, kwargs: see `keras.Model.save`.
            include_optimizer: also save the arguments of `compile` and the optimiser's state, which is many times as
                large as the weights. To resume a training, use `training.fit(..., checkpoint_dir=...)` instead.
        """
        kept = contextlib.nullcontext() if include_optimizer else model_files.without_optimizer(self)
        with kept:
            super().save(filepath, overwrite, zipped, **kwargs)

    def export(
        self,
        filepath: PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write the network for a runtime other than Keras, see docs/export.md.

        The exported network keeps its quality on devices that compute float32 in TF32 (see `backend.guarded`).

        Args:
            filepath: the file; for a SavedModel, the folder.
            format: "tf_saved_model", "onnx", "litert" or "openvino" on TensorFlow; "torch" on PyTorch, for
                the image size of input_signature only.
            verbose, input_signature, kwargs: see `keras.Model.export`.

        Raises:
            ImportError: if a package is missing that the format needs on this backend.
        """
        if input_signature is None:  # Keras cannot derive it for ONNX if the model was never called
            (image,) = self.inputs
            input_signature = [keras.InputSpec(dtype=image.dtype, shape=image.shape, name=image.name)]
        try:
            with backend.guarded():
                super().export(str(filepath), format, verbose, input_signature, **kwargs)
        except ImportError as error:
            raise ImportError(
                f"export(format={format!r}) on Keras's {keras.backend.backend()} backend: {error}. Or save the "
                "network, and load and export it where TensorFlow is installed, see docs/export.md."
            ) from error

    def quantize(self, mode: Any = None, config: Any = None, filters: Any = None, **kwargs: Any) -> NoReturn:
        """Not supported.

        Raises:
            ValueError: always. The message says what to use instead.
        """
        refuse_to_quantize(self, mode)

    @property
    def input_channels(self) -> int:
        """The number of channels of the input: 1 for gray images, plus 1 for a noise map."""
        return self._input_channels

    @property
    def recompute(self) -> bool:
        """Whether training computes each diffusion layer again for its gradients, instead of keeping what it computed.

        Memory then grows by one image per layer, instead of about a hundred. Gradients are the same up to rounding, and
        a step takes longer. Set it before `compile` or `training.fit`. It only concerns training, so it is not saved.
        In a model of your own, set `recompute` of its layers.

        Raises:
            ValueError: when it is set for a network without diffusion layers.
        """
        return any(layer.recompute for layer in self._recomputable)

    @recompute.setter
    def recompute(self, value: bool) -> None:
        if not self._recomputable:
            name = type(self).__name__
            raise ValueError(f"{name} has no diffusion layers, the only ones that recompute. Leave recompute as it is.")
        for layer in self._recomputable:
            layer.recompute = bool(value)

    @property
    def _recomputable(self) -> list[keras.layers.Layer]:
        return [layer for layer in self.layers if hasattr(layer, "recompute")]

    def _parts(self) -> Iterator[tuple[str, keras.layers.Layer]]:
        """The layers that can be frozen, with their names."""
        for layer in self.layers:
            yield layer.name, layer
            if isinstance(layer, DiffusionLayer):
                yield f"{layer.name}/estimator", layer.estimator

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "frozen": [name for name, layer in self._parts() if not layer.trainable],
            **self._arguments,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        return cls(**config)
