"""From one network to another that knows more: its weights go on as they are, what is new starts without an effect.

>>> import diffnet_tf as dn
>>> told = dn.transfer.with_noise_map(dn.from_preset("inverse-1pct"))  # to be trained on several noises
>>> told.input_channels, told.count_params() - 101310  # a 3×3 kernel of 32 channels more in each of 5 layers
(2, 1440)
"""

import numpy as np
from keras import ops

from diffnet_tf.networks import presets
from diffnet_tf.networks.models import DiffNet


def with_noise_map(model: DiffNet) -> DiffNet:
    """The same network with a noise map as one channel more of its input, from which it starts to learn.

    Args:
        model: a `models.DiffNet` without a noise map. It stays as it is.

    Returns:
        A new network that gives what the model gives, whatever the map: the kernels of the new channel are 0.

    Raises:
        TypeError: for another class of model.
        ValueError: for a network that has a noise map.
    """
    if not isinstance(model, DiffNet):
        raise TypeError(f"model is a {type(model).__name__}; expected a DiffNet.")
    config = model.get_config()
    if config["noise_map"]:
        raise ValueError("model has a noise map already; expected a network without one.")
    wider = DiffNet.from_config({**config, "noise_map": True})
    narrow = presets.variables(model)
    for name, variable in presets.variables(wider).items():
        value = ops.convert_to_numpy(narrow[name])
        if value.shape != tuple(variable.shape):  # a kernel (height, width, in, out): the map is the last that goes in
            value = np.concatenate([value, np.zeros_like(value[:, :, :1])], axis=2)
        variable.assign(value)
    return wider
