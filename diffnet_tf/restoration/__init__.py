"""Apply a network to images of any size, kind and depth: `restore`."""

from diffnet_tf.restoration.arrays import CEILINGS, COLOURS, LUMINANCE, check, restore

__all__ = ["CEILINGS", "COLOURS", "LUMINANCE", "check", "restore"]
