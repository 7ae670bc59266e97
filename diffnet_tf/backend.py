"""What Keras leaves to its backends: compiling a function of tensors."""

import keras


def compiled(function):
    """A function of arrays or tensors, compiled by the backend in use (traced, on PyTorch only converted).

    Op by op, diffusing a batch of small images would take as long as a training step.
    """
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return jax.jit(function)
    if name == "tensorflow":
        import tensorflow as tf

        return tf.function(function, reduce_retracing=True)
    return lambda *arrays: function(*(keras.ops.convert_to_tensor(a) for a in arrays))
