"""What an image costs in floating-point operations: of a network, counted from the model object, and of the diffusion.

Counted are multiplications and additions, a multiply-add as two: of convolutions and transposed convolutions, and of
the update with stencils. Biases, activations, pooling and copies are left out, less than 2 % together.

>>> import diffnet_tf as dn
>>> from diffnet_tf.evaluation import costs
>>> costs.flops(dn.models.DiffNet(), 96, 96)
1858498560
"""

import math

import keras
from keras import layers

from diffnet_tf.networks.layers import DiffusionLayer

# Of one explicit Perona–Malik step a pixel: |∇u|² 5, γ 3, its means 4, fluxes 4, their differences 3, the update 2.
STEP = 21
# Of its derivative in one direction: as much without γ, twice for the divergences (13 each), δγ 7, sums 1.
LINEAR_STEP = 34
# Of one iteration of BiCGStab beside the two products: four inner products and six updates of vectors.
SOLVER = 20


def flops(model: keras.Model, height: int, width: int) -> int:
    """Floating-point operations of a network for one image.

    Args:
        model: a functional model of the package (or of convolutions only).
        height, width: of the image.

    Returns:
        A number of operations.
    """
    shapes = _output_shapes(model, height, width)
    return sum(_of_layer(layer, shapes[layer.name]) for layer in model.layers)


def _output_shapes(model: keras.Model, height: int, width: int) -> dict[str, tuple[int, ...]]:
    """(height, width) of what every layer gives."""
    inner = [layer for layer in model.layers if not isinstance(layer, layers.InputLayer)]
    parts = keras.Model(model.inputs, [layer.output for layer in inner])
    image = keras.KerasTensor((1, height, width, *model.inputs[0].shape[3:]), dtype=model.inputs[0].dtype)
    outputs = parts.compute_output_spec(image)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    found = {layer.name: tuple(output.shape[1:3]) for layer, output in zip(inner, outputs)}
    return found | {layer.name: (height, width) for layer in model.layers if layer not in inner}


def _of_layer(layer: keras.layers.Layer, shape: tuple[int, ...]) -> int:
    pixels = shape[0] * shape[1]
    if isinstance(layer, layers.Conv2DTranspose):  # every pixel of the input meets the whole kernel
        return 2 * _size(layer) * pixels // (layer.strides[0] * layer.strides[1])
    if isinstance(layer, layers.Conv2D):
        return 2 * _size(layer) * pixels
    if isinstance(layer, DiffusionLayer):
        points = layer.estimator.convolutions[-1].filters
        estimator = sum(2 * _size(convolution) * pixels for convolution in layer.estimator.convolutions)
        return estimator + 2 * (points + 1) * pixels  # the stencil, then u + δt · that
    return 0


def _size(layer: keras.layers.Layer) -> int:
    return math.prod(layer.kernel.shape)


def fixed_point(iterations: int, steps: int = 4) -> int:
    """Of the fixed-point inverse, a pixel: one diffusion an iteration, and u + (y − PM(u))."""
    return iterations * (steps * STEP + 2)


def newton(iterations: int, inner: int, steps: int = 4) -> int:
    """Of Newton's method, a pixel: the diffusion, and `inner` iterations of BiCGStab with two products each."""
    return iterations * (steps * STEP + inner * (2 * steps * LINEAR_STEP + SOLVER) + 3)
