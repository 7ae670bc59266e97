"""What all models of this package share: images in and out, and a configuration of their own arguments."""

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
    """Refuse what is no batch of images: Keras would take a single gray (height, width, 1) for `height` images.

    Warns:
        UserWarning: for an array in 0–255. (To look into a tensor would cost a graph its speed.)
    """
    if not hasattr(images, "shape") or not hasattr(images, "dtype"):
        return  # a list, which Keras converts, or a data set, whose tensors come here in turn
    checks.image_channels(images.shape, channels, "inputs")
    checks.float_dtype(images, "inputs")
    if isinstance(images, np.ndarray) and images.size and images.max() > checks.FULL_RANGE:
        warnings.warn(
            f"inputs reach {images.max():g}; the networks know images whose maximum is 1. "
            "Divide each by its own maximum first, as `restore` does.",
            stacklevel=3,
        )


class ImageModel(keras.Model):
    """A functional model made from its own arguments: it is saved as these, not as a graph of layers.

    Args:
        build: (image, dtype policy) → output, in Keras's functional style.
        image_shape: (height, width), None where any will do.
        arguments: the subclass's own arguments, as plain values.
        input_channels: channels of the input.
        dtype: a dtype policy.
        frozen: names of layers that are not trained, as `get_config` gives them.
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
        self.dtype_policy = policy  # compile() reads it: float16 needs loss scaling
        self.exact = False  # whether calls keep a GPU from computing in TF32; training may use it
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
            filepath, overwrite, zipped, kwargs: of `keras.Model.save`.
            include_optimizer: save what `compile` was given too, and the optimiser's state, many times as large as the
                weights. A training that is to go on needs `training.fit(..., checkpoint_dir=...)`, not this.
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

        It is traced as for a device that narrows float32 (`backend.guarded`), since nobody knows where it will run: in
        TF32 it keeps its quality, too.

        Args:
            filepath: the file; for a SavedModel, the folder.
            format: "tf_saved_model", "onnx", "litert" or "openvino" on TensorFlow; "torch" on PyTorch, for
                the one size that input_signature gives.
            verbose, input_signature, kwargs: of `keras.Model.export`.
        """
        if input_signature is None:  # Keras derives it, but not for ONNX from a model that was never called
            (image,) = self.inputs
            input_signature = [keras.InputSpec(dtype=image.dtype, shape=image.shape, name=image.name)]
        with backend.guarded():
            super().export(str(filepath), format, verbose, input_signature, **kwargs)

    def quantize(self, mode: Any = None, config: Any = None, filters: Any = None, **kwargs: Any) -> NoReturn:
        """Not to be called: raises a ValueError that says what to do instead."""
        refuse_to_quantize(self, mode)

    @property
    def input_channels(self) -> int:
        """Channels of the input: 1 for gray images; a noise map is one more."""
        return self._input_channels

    def _parts(self) -> Iterator[tuple[str, keras.layers.Layer]]:
        """The layers that can be frozen one by one, with their names."""
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
