"""Emulate devices that compute float32 in lower precision: convolutions round their operands, and sum in float32."""

import contextlib
from unittest import mock

import numpy as np

BITS = {"TF32": 11, "bfloat16": 8}  # significant


def rounded(x, bits):
    """Round float32 numbers to the given number of significant bits, half to even, by their bit patterns."""
    drop = np.uint32(24 - bits)
    whole = np.ascontiguousarray(x, "float32").view("uint32")
    half = (np.uint32(1) << (drop - np.uint32(1))) - np.uint32(1)
    up = whole + half + ((whole >> drop) & np.uint32(1))
    return (up & ~((np.uint32(1) << drop) - np.uint32(1))).view("float32")


def tensor_rounded(x, bits):
    """The same for a tensor of any backend with magnitudes above 1e-30, in arithmetic that no compiler simplifies."""
    from keras import ops

    exponent = ops.floor(ops.log2(ops.maximum(ops.abs(x), 1e-30)))
    unit = ops.power(2.0, exponent - (bits - 1))
    return x + ops.stop_gradient(ops.round(x / unit) * unit - x)


@contextlib.contextmanager
def device(kind, guarded=True):
    """A `with` block that emulates a device which narrows float32 convolutions to "TF32" or "bfloat16".

    Args:
        guarded: whether the networks treat it as such a device, see `backend.narrows_float32`.
    """
    import keras
    from keras import ops

    from diffnet_tf.base import backend

    original, bits = ops.conv, BITS[kind]

    def conv(inputs, kernel, *arguments, **options):
        operands = [ops.convert_to_tensor(operand) for operand in (inputs, kernel)]
        if all(keras.backend.standardize_dtype(operand.dtype) == "float32" for operand in operands):
            operands = [tensor_rounded(operand, bits) for operand in operands]
        return original(*operands, *arguments, **options)

    with mock.patch.object(keras.src.ops, "conv", conv), backend.guarded() if guarded else contextlib.nullcontext():
        yield
