"""Count the floating-point operations for one image: of a network, from the model object, and of classical inverses.

Counts the multiplications and additions (a multiply-add is two) of convolutions, transposed convolutions, stencil
updates, and the influence functions of TNRD. Biases, other activations, pooling and copies are not counted; together
they are less than 2 %.

>>> import diffnet_tf as dn
>>> from diffnet_tf.evaluation import costs
>>> costs.flops(dn.models.DiffNet(), 96, 96)
1858498560
"""

import math

import keras
from keras import layers

from diffnet_tf.networks.layers import DiffusionLayer, ReactionDiffusionLayer

# Per pixel, one explicit Perona–Malik step: |∇u|² 5, γ 3, its means 4, fluxes 4, their differences 3, update 2.
STEP = 21
# Per pixel, its derivative in one direction: two divergences with 13 each, δγ 7, sums 1.
LINEAR_STEP = 34
# Per pixel, one iteration of BiCGStab without its two products: four inner products, six vector updates.
SOLVER = 20


def flops(model: keras.Model, height: int, width: int) -> int:
    """The number of floating-point operations of a network for one image.

    Args:
        model: a functional model from this package, or one that consists of convolutions.
        height, width: size of the image in pixels.

    Returns:
        The number of operations.
    """
    shapes = _output_shapes(model, height, width)
    return sum(_of_layer(layer, shapes[layer.name]) for layer in model.layers)


def _output_shapes(model: keras.Model, height: int, width: int) -> dict[str, tuple[int, ...]]:
    """The output size (height, width) of each layer, by name."""
    inner = [layer for layer in model.layers if not isinstance(layer, layers.InputLayer)]
    parts = keras.Model(model.inputs, [layer.output for layer in inner])
    image = keras.KerasTensor((1, height, width, *model.inputs[0].shape[3:]), dtype=model.inputs[0].dtype)
    outputs = parts.compute_output_spec(image)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    shapes = {layer.name: tuple(output.shape[1:3]) for layer, output in zip(inner, outputs)}
    return shapes | {layer.name: (height, width) for layer in model.layers if layer not in inner}


def _of_layer(layer: keras.layers.Layer, shape: tuple[int, ...]) -> int:
    pixels = shape[0] * shape[1]
    if isinstance(layer, layers.Conv2DTranspose):  # each input pixel is multiplied with the whole kernel
        return 2 * _size(layer) * pixels // (layer.strides[0] * layer.strides[1])
    if isinstance(layer, layers.Conv2D):
        return 2 * _size(layer) * pixels
    if isinstance(layer, DiffusionLayer):
        points = layer.estimator.convolutions[-1].filters
        estimator = sum(2 * _size(convolution) * pixels for convolution in layer.estimator.convolutions)
        return estimator + 2 * (points + 1) * pixels  # the stencil S u, then u + δt S u
    if isinstance(layer, ReactionDiffusionLayer):  # two convolutions, and the polynomials of the influence functions
        return (4 * layer.size**2 + 2 * layer.centres) * layer.filters * pixels
    return 0


def _size(layer: keras.layers.Layer) -> int:
    return math.prod(layer.kernel.shape)


def fixed_point(iterations: int, steps: int = 4) -> int:
    """Operations per pixel of the fixed-point inverse: in each iteration, one diffusion and u + (y − PM(u))."""
    return iterations * (steps * STEP + 2)


def newton(iterations: int, inner: int, steps: int = 4) -> int:
    """Operations per pixel of Newton's method. An iteration: a diffusion and `inner` BiCGStab steps of two products."""
    return iterations * (steps * STEP + inner * (2 * steps * LINEAR_STEP + SOLVER) + 3)
