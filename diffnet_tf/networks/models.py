"""The networks of the paper, as Keras models from images to images: (batch, height, width, 1) for gray images.

| model | paper | parameters |
|---|---|---|
| `DiffNet` | Fig. 2, Section 4.3 | 101,310 with 5 layers of depth 4 |
| `LinearDiffNet` | Fig. 1 | 5n² + 1 (or 4n² + 1) per layer |
| `UNet` | the baseline of Section 5 | 34,512,705 |
| `ConvNet` | K-layer CNN, eq. (3.5) | |
| `ResNet` | eq. (3.6)–(3.7) | |
| `ConditionedDiffNet` | DiffNet for any diffusion that it is given, not in the paper | 107,075 |
| `ReactionDiffusionNet` | TNRD, not in the paper | 26,645 with 5 stages of 48 filters of 7×7 |

To copy a model, use `type(model).from_config(model.get_config())`. Keras's `clone_model` would return a plain
functional model without `filters` and `states`.

>>> import diffnet_tf as dn
>>> model = dn.models.DiffNet(num_layers=5, initial_scale=0.01)
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> model.count_params(), model(image).shape == image.shape, len(model.filters(image)), len(model.states(image))
(101310, True, 5, 5)
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.networks.baselines import ConvNet, ResNet, UNet
from diffnet_tf.networks.conditioned import ConditionedDiffNet
from diffnet_tf.networks.convolution import PACKAGE, state_dtype
from diffnet_tf.networks.estimator import check_dilations
from diffnet_tf.networks.layers import DiffusionLayer, LinearDiffusionLayer
from diffnet_tf.networks.stencil_model import StencilModel
from diffnet_tf.networks.tnrd import ReactionDiffusionNet

__all__ = ["ConditionedDiffNet", "ConvNet", "DiffNet", "LinearDiffNet", "ReactionDiffusionNet", "ResNet", "UNet"]

# Arguments of DiffNet that older files lack.
LATER: dict[str, Any] = {
    "dilations": None,
    "reaction": False,
    "shared": False,
    "relu": True,
    "conservative": False,
    "courant": 1.0,
}


@keras.saving.register_keras_serializable(PACKAGE)
class DiffNet(StencilModel):
    """DiffNet (Fig. 2): a chain of diffusion layers, each with filters estimated from its input, and a final ReLU.

    Args:
        num_layers: number of diffusion layers, at least 1.
        estimator_depth: number of convolutions in each filter estimator, at least 1.
        width: channels of the hidden convolutions.
        initial_scale: see `layers.FilterEstimator`; the authors use 1.
        initial_time_step: initial value of the learned time steps.
        boundary: values outside the image in the updates: "neumann", "dirichlet", "periodic" or a number.
        points, channels, mixing: for larger stencils and for colour, see `layers.DiffusionLayer`.
        noise_map: the input has an additional last channel with σ of the noise at every pixel. Each estimator sees the
            image and √σ. (FFDNet, arXiv:1710.04026, uses σ itself.)
        dilations, reaction: for denoising, see `layers.DiffusionLayer`. The data of the reaction is the input image.
        shared: apply one and the same layer num_layers times, instead of layers with weights of their own.
        relu: whether the output passes a final ReLU. False keeps values below 0, as denoising needs: noise on black is
            as often below 0 as above.
        conservative, courant: every layer is a diffusion by construction, see `layers.DiffusionLayer`. The final ReLU
            is none: it sets values below 0 to 0. If your images have such values, give relu=False.
        dtype: a dtype policy; images and time steps are always float32 or wider.

    Input and output: (batch, height, width, channels) in [0, 1], of any height and width; the input has one channel
    more with a noise map.

    Raises:
        ValueError: for an argument out of range.
    """

    def __init__(
        self,
        num_layers: int = 5,
        estimator_depth: int = 4,
        width: int = 32,
        initial_scale: float = 1.0,
        initial_time_step: float = 0.2,
        boundary: Boundary = "neumann",
        points: int = 5,
        channels: int = 1,
        mixing: bool = False,
        noise_map: bool = False,
        dilations: Sequence[int] | None = None,
        reaction: bool = False,
        shared: bool = False,
        relu: bool = True,
        conservative: bool = False,
        courant: float = 1.0,
        **kwargs: Any,
    ) -> None:
        checks.count(num_layers, "num_layers")
        of_layers: dict[str, Any] = {
            "width": width,
            "initial_scale": initial_scale,
            "initial_time_step": initial_time_step,
            "boundary": boundary,
            "points": points,
            "channels": channels,
            "mixing": mixing,
            "noise_map": noise_map,
        }
        later: dict[str, Any] = {
            "dilations": None if dilations is None else check_dilations(dilations, estimator_depth),
            "reaction": bool(reaction),
            "conservative": bool(conservative),
            "courant": courant,
        }

        def build(inputs: Tensor, policy: keras.DTypePolicy) -> Tensor:
            u, *level = [inputs[..., :channels], inputs[..., channels:]] if noise_map else [inputs]
            data = {"data": u} if reaction else {}
            for i in range(num_layers):
                if i == 0 or not shared:
                    layer = DiffusionLayer(
                        estimator_depth, **of_layers, **later, dtype=policy, name=f"diffusion{i + 1}"
                    )
                u = layer(u, *level, **data)
            return layers.ReLU(dtype=state_dtype(policy), name="relu")(u) if relu else u

        arguments = {"num_layers": num_layers, "estimator_depth": estimator_depth, **of_layers}
        of_model = {**later, "shared": bool(shared), "relu": bool(relu)}
        # Only if they are not the defaults: older files and checkpoints lack them.
        arguments |= {name: value for name, value in of_model.items() if value != LATER[name]}
        super().__init__(build, (None, None), arguments, input_channels=channels + bool(noise_map), **kwargs)


def _fresh(initializer: keras.Initializer) -> keras.Initializer:
    """A copy of an initialiser: Keras's random initialisers give the same numbers if they are used twice."""
    return initializer.clone() if isinstance(initializer, keras.initializers.Initializer) else initializer


@keras.saving.register_keras_serializable(PACKAGE)
class LinearDiffNet(StencilModel):
    """The linear diffusion network (Fig. 1): its parameters are the filters of all layers, for one image size.

    Args:
        image_shape: (height, width) of the images.
        num_layers: number of diffusion layers, at least 1.
        generalised: use the stencil (4.7) with a free centre; False: the mean-free stencil (4.4).
        filters_initializer, initial_time_step, boundary: see `layers.LinearDiffusionLayer`.
        dtype: a dtype policy.

    Input and output: (batch, height, width, 1).

    Raises:
        ValueError: for an argument out of range.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_layers: int = 5,
        generalised: bool = True,
        filters_initializer: str | keras.Initializer = "zeros",
        initial_time_step: float = 0.2,
        boundary: Boundary = "neumann",
        **kwargs: Any,
    ) -> None:
        checks.count(num_layers, "num_layers")
        image_shape = tuple(image_shape)[:2]
        filters_initializer = keras.initializers.get(filters_initializer)

        of_layers: dict[str, Any] = {"initial_time_step": initial_time_step, "boundary": boundary}

        def build(u: Tensor, policy: keras.DTypePolicy) -> Tensor:
            for i in range(num_layers):
                options = {**of_layers, "dtype": policy, "name": f"diffusion{i + 1}"}
                u = LinearDiffusionLayer(generalised, _fresh(filters_initializer), **options)(u)
            return u

        arguments = {
            "image_shape": list(image_shape),
            "num_layers": num_layers,
            "generalised": generalised,
            "filters_initializer": keras.initializers.serialize(filters_initializer),
            **of_layers,
        }
        super().__init__(build, image_shape, arguments, **kwargs)
