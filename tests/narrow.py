"""Devices that narrow float32, emulated: every convolution rounds its operands, and adds up in float32."""

import contextlib

import keras
import numpy as np
from keras import ops

from diffnet_tf.base import backend

BITS = {"TF32": 11, "bfloat16": 8}  # significant


def rounded(x, bits):
    """The nearest numbers of so many significant bits, half to even; in NumPy, on the numbers' own bits."""
    x = np.ascontiguousarray(x, "float32")
    drop = 24 - bits
    whole = x.view("uint32")
    half = (np.uint32(1) << np.uint32(drop - 1)) - np.uint32(1)
    kept = whole + half + ((whole >> np.uint32(drop)) & np.uint32(1))
    return (kept & ~np.uint32((1 << drop) - 1)).view("float32")


def _narrow(x, bits):
    """`rounded` for tensors of any backend, in arithmetic that no compiler simplifies: of magnitudes above 1e-30."""
    if keras.backend.standardize_dtype(x.dtype) != "float32":
        return x
    exponent = ops.floor(ops.log2(ops.maximum(ops.abs(x), 1e-30)))
    unit = ops.power(2.0, exponent - (bits - 1))
    return x + ops.stop_gradient(ops.round(x / unit) * unit - x)


@contextlib.contextmanager
def device(kind, monkeypatch, guarded=True):
    """What is traced inside runs as on a device that narrows float32 convolutions: "TF32" or "bfloat16".

    Args:
        guarded: whether the networks know.
    """
    original, bits = ops.conv, BITS[kind]

    def conv(inputs, kernel, *args, **kwargs):
        return original(_narrow(inputs, bits), _narrow(ops.convert_to_tensor(kernel), bits), *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(ops, "conv", conv)
        patch.setattr(keras.src.ops, "conv", conv)
        with backend.guarded() if guarded else contextlib.nullcontext():
            yield
