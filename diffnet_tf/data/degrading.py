"""A user's degradation in a pipeline that is compiled: as it is where it can be, else called from it in Python.

A function that calls NumPy or SciPy, or looks at values, cannot be compiled. One that draws random numbers, counts its
calls or remembers anything else may seem to be, but what it drew while it was compiled would be that of all batches.
So only a function that repeats itself is compiled.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import checks, randomness
from diffnet_tf.base.types import Array, Tensor

Degrade = Callable[..., Tensor]

TOLERANCE = 1e-6
_CALLS = 8  # of a function that acts at random only now and then, one in two times, 1 in 128 is taken to repeat itself


def compiles(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    """Whether TensorFlow's pipeline, or a compiled function of JAX, can hold a function as it is.

    Args:
        degrade: the function. It is called: twice, up to 8 times while it repeats itself.
        given: what it may be called with: images, and where it takes one the parameter.

    Raises:
        Whatever the function raises when it is called in Python, too.
    """
    with randomness.seeded(degrade) as drawn:
        first = made(degrade, given)
        checks.same_shape(given[0].shape, first.shape, ("clean", "what degrade makes of it"))
        for _ in range(_CALLS - 1):
            if drawn() or differ(first, made(degrade, given)):
                return False
        try:
            return (_trace_by_jax if keras.backend.backend() == "jax" else _trace_by_tensorflow)(degrade, given)
        except Exception:  # a library's own, when it meets a tensor that has no values yet
            return False


def made(degrade: Degrade, given: Sequence[Any]) -> Array:
    """What a function makes of arrays, called in Python: float32."""
    output = degrade(*map(keras.ops.convert_to_tensor, given))
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(output)), "float32")


def differ(one: Array, other: Array) -> str:
    """How two outcomes differ, in words; nothing where they agree to `TOLERANCE`."""
    if one.shape != other.shape:
        return f"shape {one.shape} there, {other.shape} here"
    if not one.size:
        return ""
    scale = max(1.0, float(np.abs(np.nan_to_num(one)).max()))
    if np.allclose(one, other, rtol=0, atol=TOLERANCE * scale, equal_nan=True):
        return ""
    return f"by up to {np.nanmax(np.abs(one - other)):.2g}"


def _trace_by_tensorflow(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    """Of any number of images, as TensorFlow's pipeline has it."""
    import tensorflow as tf

    kinds = [tf.TensorSpec((None, *array.shape[1:]), "float32") for array in given]
    tf.function(lambda *tensors: degrade(*tensors)).get_concrete_function(*kinds)
    return True


def _trace_by_jax(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    import jax

    with keras.StatelessScope() as scope:  # else a variable would keep a number that has no value
        jax.eval_shape(degrade, *(jax.ShapeDtypeStruct(array.shape, "float32") for array in given))
    return not scope.state_mapping


def in_python(degrade: Degrade) -> Degrade:
    """A function that TensorFlow's pipeline calls in Python, with tensors that have values, and of whose output it
    knows the shape: that of the images."""
    import tensorflow as tf
    from keras.src.random.seed_generator import global_seed_generator

    generator = global_seed_generator()  # of this thread: that of the pipeline's threads would have no known state

    def of_values(*given: Tensor) -> Tensor:
        with randomness.keras_generator(generator):
            return keras.ops.cast(keras.ops.convert_to_tensor(degrade(*given)), "float32")

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def called(*given: Tensor) -> Tensor:
        made = tf.py_function(of_values, given, "float32")
        made.set_shape(given[0].shape)
        return made

    return called
