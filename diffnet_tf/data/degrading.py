"""A user's degradation in a compiled pipeline: compiled with it if possible, otherwise called in Python.

A function that calls NumPy or SciPy, or looks at values, cannot be compiled. A function that draws random numbers,
counts its calls or has another kind of memory may compile, but then all batches would get the numbers that were drawn
at compile time. So a function is compiled only if it gives the same output each time it is called.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import checks, randomness
from diffnet_tf.base.types import Array, Tensor
from diffnet_tf.data.examples import Examples

Degrade = Callable[..., Tensor]

TOLERANCE = 1e-6
_CALLS = 8  # a function that is random in half of its calls passes with a probability of 1 in 128


def compiles(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    """Whether a function can be compiled, by TensorFlow's pipeline or by JAX.

    Args:
        degrade: the function. It is called up to 8 times, until its output changes.
        given: arguments to call it with: images (batch, height, width, channels), and the parameter if it takes one.

    Raises:
        ValueError: if the output has another shape than the images.
        Exception: whatever the function raises.
    """
    with randomness.seeded(degrade) as drawn:
        first = made(degrade, given)
        checks.same_shape(given[0].shape, first.shape, ("clean", "the output of degrade"))
        for _ in range(_CALLS - 1):
            if drawn() or differ(first, made(degrade, given)):
                return False
        try:
            return (_trace_by_jax if keras.backend.backend() == "jax" else _trace_by_tensorflow)(degrade, given)
        except Exception:  # libraries raise errors of many kinds for tensors without values
            return False


def check_ends(degrade: Degrade, examples: Examples) -> None:
    """Call a function with the lowest and with the highest values of its parameters, as arrays.

    Functions such as `diffusion.per_image` check the values of arrays, but cannot check those of a compiled pipeline.

    Raises:
        ValueError, TypeError: those of the function for a value out of range.
    """
    clean = np.asarray(keras.ops.convert_to_numpy(examples.batch(0, 1).clean))
    for ends in zip(*((spread.low, spread.high) for spread in examples.parameters.values())):
        try:
            degrade(clean, np.array(ends, "float32").reshape(1, 1, 1, -1))
        except (ValueError, checks.InputTypeError):
            raise
        except Exception:  # it takes tensors only; what else is wrong with it shows at its first batch
            return


def made(degrade: Degrade, given: Sequence[Any]) -> Array:
    """The output of a function for some arrays, called in Python: float32."""
    output = degrade(*map(keras.ops.convert_to_tensor, given))
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(output)), "float32")


def differ(one: Array, other: Array) -> str:
    """How two outputs differ, in words; "" if they agree to `TOLERANCE`."""
    if one.shape != other.shape:
        return f"shape {one.shape} saved, {other.shape} now"
    if not one.size:
        return ""
    scale = max(1.0, float(np.abs(np.nan_to_num(one)).max()))
    if np.allclose(one, other, rtol=0, atol=TOLERANCE * scale, equal_nan=True):
        return ""
    return f"by up to {np.nanmax(np.abs(one - other)):.2g}"


def _trace_by_tensorflow(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    """Trace the function for any number of images, as in TensorFlow's pipeline."""
    import tensorflow as tf

    kinds = [tf.TensorSpec((None, *array.shape[1:]), "float32") for array in given]
    tf.function(lambda *tensors: degrade(*tensors)).get_concrete_function(*kinds)
    return True


def _trace_by_jax(degrade: Degrade, given: Sequence[Tensor]) -> bool:
    import jax

    with keras.StatelessScope() as scope:  # otherwise a variable would keep a traced number without a value
        jax.eval_shape(degrade, *(jax.ShapeDtypeStruct(array.shape, "float32") for array in given))
    return not scope.state_mapping


def in_python(degrade: Degrade) -> Degrade:
    """Wrap a function so that TensorFlow's pipeline calls it in Python, with tensors that have values.

    The output has the shape of the images.
    """
    import tensorflow as tf
    from keras.src.random.seed_generator import global_seed_generator

    generator = global_seed_generator()  # of this thread: those of the pipeline's threads have an unknown state

    def of_values(*given: Tensor) -> Tensor:
        with randomness.keras_generator(generator):
            return keras.ops.cast(keras.ops.convert_to_tensor(degrade(*given)), "float32")

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def called(*given: Tensor) -> Tensor:
        made = tf.py_function(of_values, given, "float32")
        made.set_shape(given[0].shape)
        return made

    return called
