"""Extend a trained network by a new input. The old weights are kept, and the new weights start at zero.

>>> import diffnet_tf as dn
>>> model = dn.transfer.with_noise_map(dn.from_preset("inverse-1pct"))  # to be trained on several noise levels
>>> model.input_channels, model.count_params() - 101310  # 3×3×32 new weights in each of 5 layers
(2, 1440)
"""

import numpy as np
from keras import ops

from diffnet_tf.networks import plain
from diffnet_tf.networks.models import DiffNet


def with_noise_map(model: DiffNet) -> DiffNet:
    """Add a noise map to the input of a network, as an additional last channel.

    Args:
        model: a `models.DiffNet` without a noise map. It is not changed.

    Returns:
        A new network. Before training, its output is that of the model for every noise map, since the kernels of the
        new channel are 0.

    Raises:
        TypeError: if the model is not a DiffNet.
        ValueError: if the model already has a noise map.
    """
    if not isinstance(model, DiffNet):
        raise TypeError(f"model is a {type(model).__name__}; expected a DiffNet.")
    config = model.get_config()
    if config["noise_map"]:
        raise ValueError("model already has a noise map; expected a network without one.")
    wider = DiffNet.from_config({**config, "noise_map": True})
    narrow = plain.variables(model)
    for name, variable in plain.variables(wider).items():
        value = ops.convert_to_numpy(narrow[name])
        if value.shape != tuple(variable.shape):  # a kernel (height, width, in, out); the noise map is the last input
            value = np.concatenate([value, np.zeros_like(value[:, :, :1])], axis=2)
        variable.assign(value)
    return wider
