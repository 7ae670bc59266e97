"""The base class of networks that are chains of diffusion layers: `states`, `filters` and time steps."""

from collections.abc import Callable

from keras import ops

from diffnet_tf.base.types import Tensor
from diffnet_tf.networks.image_model import ImageModel, check_images
from diffnet_tf.networks.layers import DiffusionLayer, LinearDiffusionLayer


class StencilModel(ImageModel):
    """A chain of diffusion layers whose filters and intermediate images can be inspected."""

    @property
    def diffusion_layers(self) -> list[DiffusionLayer | LinearDiffusionLayer]:
        """The diffusion layers in the order in which they are applied. A shared layer is in it several times."""
        layers = [layer for layer in self.layers if isinstance(layer, (DiffusionLayer, LinearDiffusionLayer))]
        return layers * self._arguments["num_layers"] if self._arguments.get("shared") else layers

    @property
    def time_steps(self) -> list[float]:
        """The learned time steps δt of all layers, as floats."""
        return [float(ops.convert_to_numpy(layer.step_size)) for layer in self.diffusion_layers]

    def states(self, u: Tensor) -> list[Tensor]:
        """The images after each diffusion layer (before the final ReLU).

        Args:
            u: input images, (batch, height, width, channels), with a noise map as last channel if the model takes one.

        Returns:
            A list with one tensor (batch, height, width, channels) for each layer.

        Raises:
            TypeError, ValueError: for images of another dtype or shape.
        """
        check_images(u, self.input_channels)
        u, given = self._begin(ops.convert_to_tensor(u))
        states = []
        for layer in self.diffusion_layers:
            u = layer(u, **given(u))
            states.append(u)
        return states

    def _begin(self, inputs: Tensor) -> tuple[Tensor, Callable[[Tensor], dict[str, Tensor]]]:
        """The image that the first layer gets, and a function: the image of a layer → its further arguments."""
        channels = self.diffusion_layers[0].channels
        u = inputs[..., :channels]
        noise_map = {} if channels == self.input_channels else {"noise_map": inputs[..., channels:]}
        return u, lambda _: {**noise_map, "data": u}

    def filters(self, u: Tensor) -> list[Tensor]:
        """The filters that each layer applies to its input, without the time step.

        Args:
            u: input images, (batch, height, width, channels), with a noise map as last channel if the model takes one.

        Returns:
            A list with one tensor (batch or 1, height, width, 5) for each layer, ordered as `stencil.ORDER`; with more
            points or mixing, see `layers.DiffusionLayer.filters`.

        Raises:
            TypeError, ValueError: for images of another dtype or shape.
        """
        check_images(u, self.input_channels)
        u, given = self._begin(ops.convert_to_tensor(u))
        all_filters = []
        for layer in self.diffusion_layers:
            more = given(u)
            filters, rate = layer.coefficients(u, more.get("noise_map"))
            all_filters.append(filters)
            u = layer.update(u, filters, rate=rate, data=more.get("data"))
        return all_filters
