"""A user's degradation in a pipeline that is compiled: as it is where it can be, else called from it in Python.

A function that calls NumPy or SciPy, or looks at values, cannot be compiled. One that draws from NumPy's or Python's
generators can, but its numbers would be drawn once, while it is compiled, and be those of all batches.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from diffnet_tf.base import checks, randomness
from diffnet_tf.base.types import Tensor

Degrade = Callable[..., Tensor]


def compiles(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    """Whether TensorFlow's pipeline, or a compiled function of JAX, can hold a function as it is.

    Args:
        degrade: the function.
        given: what it may be called with: images, and where it takes one the parameter.

    Raises:
        Whatever the function raises when it is called in Python, too.
    """
    trace = _trace_by_jax if keras.backend.backend() == "jax" else _trace_by_tensorflow
    with randomness.seeded(degrade) as drawn:
        try:
            return trace(degrade, given) and not drawn.on_host
        except Exception:  # a library's own, when it meets a tensor that has no values yet
            made = degrade(*map(keras.ops.convert_to_tensor, given))
    checks.same_shape(given[0].shape, keras.ops.convert_to_tensor(made).shape, ("clean", "what degrade makes of it"))
    return False


def _trace_by_tensorflow(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    _graph(degrade, given)
    return True


def _graph(degrade: Degrade, given: Sequence[Tensor]) -> Any:
    """A function as TensorFlow's pipeline has it, of any number of images."""
    import tensorflow as tf

    kinds = [tf.TensorSpec((None, *array.shape[1:]), "float32") for array in given]
    return tf.function(lambda *tensors: degrade(*tensors)).get_concrete_function(*kinds)


def keeps_state(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    """Whether a function that compiles has variables, as Keras's generators of random numbers are: of two batches that
    are made at the same time, both would see the same."""
    with randomness.seeded(degrade):
        return any(tensor.dtype == "resource" for tensor in _graph(degrade, given).captured_inputs)


def _trace_by_jax(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    import jax

    with keras.StatelessScope() as scope:  # else a generator of Keras would keep a number that has no value
        jax.eval_shape(degrade, *(jax.ShapeDtypeStruct(array.shape, "float32") for array in given))
    return not scope.state_mapping


def in_python(degrade: Degrade) -> Degrade:
    """A function that TensorFlow's pipeline calls in Python, with tensors that have values, and of whose output it
    knows the shape: that of the images."""
    import tensorflow as tf

    def of_values(*given: Tensor) -> Tensor:
        return keras.ops.cast(keras.ops.convert_to_tensor(degrade(*given)), "float32")

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def called(*given: Tensor) -> Tensor:
        made = tf.py_function(of_values, given, "float32")
        made.set_shape(given[0].shape)
        return made

    return called
