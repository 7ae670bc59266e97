"""Gradients by recomputation: layers that keep only their input for the backward pass, and compute the rest again.

A chain of layers that keeps all intermediate results needs memory in proportion to its length. A diffusion layer has
about a hundred of them for each pixel, its convolutions', and only one input. Recomputed, all layers but one keep just
this input (Griewank & Walther 2000; Chen, Xu, Zhang & Guestrin, arXiv:1604.06174).
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from diffnet_tf.base.types import Tensor


def recomputed(function: Callable[..., Tensor], layer: keras.layers.Layer) -> Callable[..., Tensor]:
    """A function whose gradients keep only its arguments: the backward pass computes everything between them again.

    This is `keras.remat`, with two changes. XLA may merge a second computation with the first one. Here the second one
    starts from the incoming gradient, so it cannot be merged. On TensorFlow, the gradients of the weights may wait, and
    keep all that was computed again. Here the gradient of the first argument waits for them.

    Args:
        function: a function of float tensors with one output, whose only variables are those of the layer. It has one
            positional argument, from which everything else is computed; all others are named.
        layer: a built layer.

    Returns:
        A function with the same values and the same gradients, which ignores arguments that are None. It has no
        gradients in forward mode.
    """
    trained, others = layer.trainable_variables, layer.non_trainable_variables
    values = tuple(map(keras.ops.convert_to_tensor, trained))
    fixed = tuple(map(keras.ops.stop_gradient, others))
    variables = [*trained, *others]

    def of_arguments(u: Tensor, **named: Tensor | None) -> Tensor:
        given = {name: tensor for name, tensor in named.items() if tensor is not None}

        def of_values(u: Tensor, more: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
            with keras.StatelessScope(state_mapping=list(zip(variables, (*values, *fixed)))):
                return function(u, **dict(zip(given, more)))

        return _RECOMPUTED[keras.backend.backend()](of_values)(u, tuple(given.values()), values)

    return of_arguments


def _after(tensor: Tensor, gradient: Tensor) -> Tensor:
    """The tensor plus a 0 that is computed from a gradient: it is NaN if x ≠ x, which no compiler may rule out."""
    x = keras.ops.reshape(gradient, (-1,))[0]
    return tensor + keras.ops.cast(keras.ops.where(x == x, 0.0, float("nan")), tensor.dtype)


def _recomputed_on_jax(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    import jax

    def backward(given: Any, gradient: Tensor) -> Any:
        u, *others = given
        return jax.vjp(function, _after(u, gradient), *others)[1](gradient)

    with_gradient = jax.custom_vjp(function)
    with_gradient.defvjp(lambda *given: (function(*given), given), backward)
    return with_gradient


def _recomputed_on_tensorflow(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    import tensorflow as tf

    def with_gradient(*given: Any) -> Tensor:
        def of_flat(*flat: Tensor) -> Tensor:
            return function(*tf.nest.pack_sequence_as(given, flat))

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def of_all(*flat: Tensor) -> Any:
            def backward(gradient: Tensor) -> Any:
                with tf.GradientTape() as tape:
                    again = [_after(flat[0], gradient), *map(tf.identity, flat[1:])]
                    tape.watch(again)
                    output = of_flat(*again)
                first, *others = tape.gradient(output, again, gradient, unconnected_gradients="zero")
                with tf.control_dependencies(others):
                    return [tf.identity(first), *others]

            # Without gradients, so that outer tapes keep nothing.
            return of_flat(*map(tf.stop_gradient, flat)), backward

        return of_all(*map(tf.convert_to_tensor, tf.nest.flatten(given)))  # Keras leaves a tf.Variable as it is

    return with_gradient


_RECOMPUTED = {"jax": _recomputed_on_jax, "tensorflow": _recomputed_on_tensorflow, "torch": keras.remat}
