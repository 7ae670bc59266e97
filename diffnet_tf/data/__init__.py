"""Images and the pairs that are made of them."""

from diffnet_tf.data.disks import disks
from diffnet_tf.data.export import make_pairs
from diffnet_tf.data.gray import GrayImages
from diffnet_tf.data.pairs import PairSequence, as_gray_images, paired_arrays, pairs
from diffnet_tf.data.sources import load_images, open_images

__all__ = [
    "GrayImages",
    "PairSequence",
    "as_gray_images",
    "disks",
    "load_images",
    "make_pairs",
    "open_images",
    "paired_arrays",
    "pairs",
]
