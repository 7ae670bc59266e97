"""Apply a network to images of any size, kind and depth: `restore`."""

from diffnet_tf.base.choices import COLOURS
from diffnet_tf.restoration.advice import CEILINGS
from diffnet_tf.restoration.arrays import check, restore
from diffnet_tf.restoration.diffusion import estimate_diffusion
from diffnet_tf.restoration.noise import estimate_noise
from diffnet_tf.restoration.scale import LUMINANCE

__all__ = ["CEILINGS", "COLOURS", "LUMINANCE", "check", "estimate_diffusion", "estimate_noise", "restore"]
