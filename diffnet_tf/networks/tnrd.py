"""TNRD, trainable nonlinear reaction diffusion: a chain of `layers.ReactionDiffusionLayer`."""

from typing import Any

import keras

from diffnet_tf.base import checks
from diffnet_tf.base.types import Tensor
from diffnet_tf.networks.convolution import PACKAGE
from diffnet_tf.networks.image_model import ImageModel
from diffnet_tf.networks.reaction import GAMMA, ReactionDiffusionLayer


@keras.saving.register_keras_serializable(PACKAGE)
class ReactionDiffusionNet(ImageModel):
    """TNRD of Chen & Pock (arXiv:1508.02848), a denoiser: stages u⁺ = u − Σ_i k̄_i ∗ φ_i(k_i ∗ u) − λ(u − f).

    The input is the noisy image f, from which the first stage starts. Each stage has its own filters k_i, functions φ_i
    and weight λ of the reaction, see `layers.ReactionDiffusionLayer`. The first stage does not use its λ, since u = f.
    The default is the paper's TNRD with 5 stages of 48 filters of 7×7 pixels, with 26,645 parameters. Train one network
    for each level of noise.

    Args:
        stages: number of stages, at least 1; 5 in the paper.
        size, filters, centres, gamma, initial_reaction: see `layers.ReactionDiffusionLayer`.
        dtype: a dtype policy; everything is computed in float32 or wider under all policies.

    Input and output: (batch, height, width, 1) in [0, 1], of any height and width. The output is not clipped.

    Raises:
        ValueError: for an argument out of range.
    """

    def __init__(
        self,
        stages: int = 5,
        size: int = 7,
        filters: int | None = None,
        centres: int = 63,
        gamma: float = GAMMA,
        initial_reaction: float = 0.1,
        **kwargs: Any,
    ) -> None:
        checks.count(stages, "stages")
        of_layers: dict[str, Any] = {
            "size": size,
            "filters": filters,
            "centres": centres,
            "gamma": gamma,
            "initial_reaction": initial_reaction,
        }

        def build(noisy: Tensor, policy: keras.DTypePolicy) -> Tensor:
            u = noisy
            for i in range(stages):
                u = ReactionDiffusionLayer(**of_layers, dtype=policy, name=f"stage{i + 1}")(u, noisy)
            return u

        super().__init__(build, (None, None), {"stages": stages, **of_layers}, **kwargs)

    @property
    def stages(self) -> list[ReactionDiffusionLayer]:
        """The stages in order."""
        return [layer for layer in self.layers if isinstance(layer, ReactionDiffusionLayer)]

    @property
    def reach(self) -> int:
        """The distance in pixels within which an output pixel depends on the input."""
        return sum(stage.reach for stage in self.stages)
