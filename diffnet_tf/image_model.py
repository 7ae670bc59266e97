"""What all models of this package share: gray images in and out, and a configuration of their own arguments."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Self

import keras

from diffnet_tf.layers import DiffusionLayer, state_dtype
from diffnet_tf.types import Tensor


class ImageModel(keras.Model):
    """A functional model made from its own arguments: it is saved as these, not as a graph of layers.

    Args:
        build: (image, dtype policy) → output, in Keras's functional style.
        image_shape: (height, width), None where any will do.
        arguments: the subclass's own arguments, as plain values.
        dtype: a dtype policy.
        frozen: names of layers that are not trained, as `get_config` gives them.
    """

    def __init__(
        self,
        build: Callable[[Tensor, keras.DTypePolicy], Tensor],
        image_shape: Sequence[int | None],
        arguments: dict[str, Any],
        *,
        dtype: str | dict[str, Any] | keras.DTypePolicy | None = None,
        frozen: Collection[str] = (),
        **kwargs: Any,
    ) -> None:
        policy = keras.dtype_policies.get(dtype)
        image = keras.Input((*image_shape, 1), dtype=state_dtype(policy), name="image")
        super().__init__(inputs=image, outputs=build(image, policy), **kwargs)
        self.dtype_policy = policy  # compile() reads it: float16 needs loss scaling
        self._arguments = arguments
        for name, layer in self._parts():
            if name in frozen:
                layer.trainable = False

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
